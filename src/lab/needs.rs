//! What the lab needs on this host, and the Debian packages that have it.

use std::path::{Path, PathBuf};

use super::{Firmware, LabError, Plan};

/// OVMF's code, and its variables as they leave the factory; `None` for a firmware that is no OVMF. Microsoft's keys are
/// enrolled in those of the secure one.
pub fn ovmf(firmware: Firmware) -> Option<(&'static str, &'static str)> {
    match firmware {
        Firmware::Uefi | Firmware::Http => Some(("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")),
        Firmware::Secure => Some((
            "/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
            "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
        )),
        Firmware::Bios => None,
    }
}

/// Checks everything at once, so that one `apt-get install` is enough.
///
/// # Errors
/// Names every package that is missing.
pub fn check(plan: &Plan) -> Result<(), LabError> {
    let firmware = plan.machines.iter().map(|machine| machine.firmware);
    // Only a machine with a disk is ever sent to it.
    let from_disk = plan.hardware.disk.is_some();
    let has_program = |program: &str| find_program(program).is_some();
    let missing = missing(firmware, plan.server.is_some(), from_disk, &has_program, &|file| {
        Path::new(file).exists()
    });
    if missing.is_empty() {
        Ok(())
    } else {
        Err(LabError::Packages(missing))
    }
}

fn missing(
    firmware: impl Iterator<Item = Firmware>,
    serve: bool,
    from_disk: bool,
    has_program: &dyn Fn(&str) -> bool,
    has_file: &dyn Fn(&str) -> bool,
) -> Vec<&'static str> {
    let mut missing = Vec::new();
    let mut need = |there: bool, package| {
        if !there && !missing.contains(&package) {
            missing.push(package);
        }
    };
    need(has_program(super::qemu::PROGRAM), "qemu-system-x86");
    need(has_program("ip"), "iproute2");
    need(has_program("setpriv"), "util-linux");
    for firmware in firmware {
        let Some((code, variables)) = ovmf(firmware) else {
            need(has_file("/usr/lib/ipxe/qemu/pxe-virtio.rom"), "ipxe-qemu");
            continue;
        };
        need(has_file(code) && has_file(variables), "ovmf");
        if firmware == Firmware::Secure {
            need(!serve || has_file("/usr/lib/shim/shimx64.efi.signed"), "shim-signed");
            let grub = "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed";
            need(!serve || has_file(grub), "grub-efi-amd64-signed");
        } else {
            let grub = "/usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi";
            need(!(serve && from_disk) || has_file(grub), "grub-efi-amd64-bin");
        }
    }
    if serve {
        need(has_file("/usr/lib/ipxe/snponly.efi"), "ipxe");
    }
    missing
}

/// Where a program is. The lab runs programs of `sbin` too, which are not in every user's `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_host_is_told_all_packages_at_once() {
        let all = [Firmware::Uefi, Firmware::Bios, Firmware::Secure];
        let missing = missing(all.into_iter(), true, true, &|_| false, &|_| false);
        assert_eq!(
            missing,
            [
                "qemu-system-x86",
                "iproute2",
                "util-linux",
                "ovmf",
                "grub-efi-amd64-bin",
                "ipxe-qemu",
                "shim-signed",
                "grub-efi-amd64-signed",
                "ipxe"
            ]
        );
    }

    #[test]
    fn bios_lab_does_not_ask_for_uefi_firmware() {
        let missing = missing([Firmware::Bios].into_iter(), false, false, &|_| true, &|_| false);
        assert_eq!(missing, ["ipxe-qemu"]);
    }
}
