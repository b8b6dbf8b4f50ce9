//! Things that look like trouble in a log and are none: how well-known software asks.

use super::{Outcome, Role, Transfer};

impl Transfer {
    /// Why this transfer means nothing, where it is known to mean nothing although no whole file went over.
    pub fn benign(&self) -> Option<&'static str> {
        let file = self.file();
        match &self.outcome {
            Outcome::Complete => None,
            Outcome::Probed => Some("UEFI firmware asks for the size first and hangs up, then fetches the file"),
            Outcome::Partial if self.bytes == 0 => Some("the length is asked for before the file"),
            // EDK2 says goodbye to its size probe with an error, which a server may not recognise as one.
            Outcome::Aborted(_) if self.bytes == 0 && self.role == Role::Loader => {
                Some("UEFI firmware asks for the size first and hangs up, then fetches the file")
            }
            Outcome::NotFound if file == "autoexec.ipxe" => {
                Some("iPXE looks for a script beside itself and asks DHCP if there is none")
            }
            Outcome::NotFound if (file.starts_with("revocations") || file.starts_with("shim_certificate")) => {
                Some("shim looks for newer revocations and certificates beside itself and goes on without")
            }
            Outcome::NotFound if self.path.contains("cloud-init/") && is_optional_document(file) => {
                Some("cloud-init asks for documents that need not exist")
            }
            Outcome::NotFound if file == "favicon.ico" => Some("a browser asked"),
            Outcome::NotFound if file.ends_with(".lst") && self.path.contains("grub/") => {
                Some("GRUB looks for lists of modules that it may load, and has all that it needs within")
            }
            Outcome::NotFound if file.starts_with("grub.cfg-") || self.path.contains("-linux-gnu/") => {
                Some("GRUB tries names made of the MAC and the address first")
            }
            Outcome::Partial | Outcome::Aborted(_) | Outcome::TimedOut | Outcome::NotFound | Outcome::Refused(_) => {
                None
            }
        }
    }
}

fn is_optional_document(file: &str) -> bool {
    matches!(file, "vendor-data" | "network-config")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Protocol;

    fn transfer(path: &str, role: Role, bytes: u64, outcome: Outcome) -> Transfer {
        Transfer {
            protocol: Protocol::Tftp,
            path: path.into(),
            role,
            client: [10, 77, 0, 13].into(),
            bytes,
            total: 174_000,
            duration_ms: 3,
            outcome,
        }
    }

    #[test]
    fn the_habits_of_known_software_are_benign() {
        for (path, role, outcome) in [
            ("snponly.efi", Role::Loader, Outcome::Probed),
            (
                "snponly.efi",
                Role::Loader,
                Outcome::Aborted("user aborted the transfer".into()),
            ),
            ("loaders/ipxe.efi", Role::Loader, Outcome::Partial),
            ("autoexec.ipxe", Role::File, Outcome::NotFound),
            ("revocations_sbat.efi", Role::Loader, Outcome::NotFound),
            ("shim_certificate_0.efi", Role::Loader, Outcome::NotFound),
            (
                "cloud-init/nid003/5d41402a/network-config",
                Role::File,
                Outcome::NotFound,
            ),
            ("grub/grub.cfg-01-52-54-00-00-00-03", Role::File, Outcome::NotFound),
            ("grub/x86_64-efi/command.lst", Role::File, Outcome::NotFound),
        ] {
            let transfer = transfer(path, role, 0, outcome);
            assert!(transfer.benign().is_some(), "{transfer:?}");
        }
    }

    #[test]
    fn files_that_are_needed_are_never_benign_when_missing() {
        for (path, role, bytes, outcome) in [
            ("grubx64.efi", Role::Loader, 0, Outcome::NotFound),
            (
                "snponly.efi",
                Role::Loader,
                80_000,
                Outcome::Aborted("disk full".into()),
            ),
            ("snponly.efi", Role::Loader, 0, Outcome::TimedOut),
            ("images/debian-12/vmlinuz", Role::Kernel, 0, Outcome::NotFound),
            ("cloud-init/nid003/5d41402a/user-data", Role::File, 0, Outcome::NotFound),
            (
                "revocations.efi",
                Role::Loader,
                0,
                Outcome::Refused("outside of the root".into()),
            ),
        ] {
            let transfer = transfer(path, role, bytes, outcome);
            assert_eq!(transfer.benign(), None, "{transfer:?}");
        }
    }
}
