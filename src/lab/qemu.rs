//! QEMU's command line for a machine.
//!
//! Invariant: pure. Nothing is started here.

use super::{Accel, Firmware, Folder, Hardware, Machine, needs};

/// QEMU for amd64.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// The arguments that make a machine.
///
/// `disk_first`: firmware tries the disk before the network.
pub fn arguments(
    machine: &Machine,
    hardware: &Hardware,
    accel: Accel,
    folder: &Folder,
    disk_first: bool,
) -> Vec<String> {
    let file = |name: &str| escape(&folder.machine(&machine.name, name).display().to_string());
    let mut line = Line::default();
    line.add("-name", &machine.name)
        .add("-machine", base(machine.firmware))
        .add("-accel", accel.argument())
        .add("-cpu", hardware.cpu.as_deref().unwrap_or(accel.cpu()))
        .add("-smp", hardware.cpus)
        .add("-m", hardware.memory)
        .flag("-nodefaults")
        .flag("-no-user-config")
        .add("-display", "none")
        .add("-vga", "none")
        // A guest that breaks out of QEMU finds itself unable to start programs or to become somebody else.
        .add(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        )
        .add("-uuid", &machine.uuid)
        .add(
            "-smbios",
            format!(
                "type=1,manufacturer=Bellwether,product=Lab,serial={}",
                escape(&machine.serial)
            ),
        )
        .add(
            "-chardev",
            format!(
                "socket,id=console,path={},server=on,wait=off,logfile={},logappend=on",
                file("console.sock"),
                file("console.log")
            ),
        )
        .add("-serial", "chardev:console")
        .add("-qmp", format!("unix:{},server=on,wait=off", file("qmp.sock")))
        .add("-object", "rng-random,filename=/dev/urandom,id=rng")
        .add("-device", "virtio-rng-pci,rng=rng");
    if let Some((code, _)) = needs::ovmf(machine.firmware) {
        line.add("-drive", format!("if=pflash,format=raw,unit=0,readonly=on,file={code}"))
            .add(
                "-drive",
                format!("if=pflash,format=raw,unit=1,file={}", file("vars.fd")),
            );
        match machine.firmware {
            // Variables that the guest could write past the firmware would make Secure Boot a matter of good will.
            // Nobody here answers PXE over IPv6, and waiting for that takes a minute after each refused loader.
            Firmware::Secure => line
                .add("-global", "driver=cfi.pflash01,property=secure,value=on")
                .add("-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no"),
            Firmware::Http => line
                .add("-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=no")
                .add("-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no"),
            Firmware::Uefi | Firmware::Bios => &mut line,
        };
    } else {
        // SeaBIOS would stop for good where nothing boots.
        line.add("-boot", "reboot-timeout=30000");
    }
    let first_card = if disk_first { 2 } else { 1 };
    let disk = if disk_first { 1 } else { 1 + machine.ports.len() };
    for (at, port) in machine.ports.iter().enumerate() {
        line.add(
            "-netdev",
            format!("tap,id=net{at},ifname={},script=no,downscript=no", port.tap),
        )
        .add("-device", card(machine.firmware, at, port.mac, first_card + at));
    }
    if hardware.disk.is_some() {
        line.add(
            "-drive",
            format!(
                "if=none,id=disk,format=raw,cache=unsafe,discard=unmap,file={}",
                file("disk.raw")
            ),
        )
        .add(
            "-device",
            format!("virtio-blk-pci,drive=disk,bootindex={disk},serial=lab-disk"),
        );
    }
    line.0
}

/// `graphics=off` makes SeaBIOS, and iPXE in its wake, talk on the serial port.
fn base(firmware: Firmware) -> &'static str {
    match firmware {
        Firmware::Uefi | Firmware::Http => "q35",
        // Its variables are written in system management mode only.
        Firmware::Secure => "q35,smm=on",
        Firmware::Bios => "pc,graphics=off",
    }
}

/// With QEMU's own ROM in the card, OVMF would run the iPXE in it and its own PXE client would never be seen: an empty
/// `romfile` takes it out. SeaBIOS has no PXE client but that ROM.
fn card(firmware: Firmware, at: usize, mac: wire::Mac, bootindex: usize) -> String {
    let rom = if firmware.is_uefi() { ",romfile=" } else { "" };
    format!("virtio-net-pci,netdev=net{at},mac={mac},bootindex={bootindex}{rom}")
}

/// A value for QEMU's comma-separated options, in which a comma is written twice.
fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

#[derive(Debug, Default)]
struct Line(Vec<String>);

impl Line {
    fn add(&mut self, option: &str, value: impl ToString) -> &mut Self {
        self.0.push(option.to_string());
        self.0.push(value.to_string());
        self
    }

    fn flag(&mut self, option: &str) -> &mut Self {
        self.0.push(option.to_string());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Port;
    use super::*;

    fn line(firmware: Firmware, disk: Option<u64>, disk_first: bool) -> String {
        let mac = "52:54:00:00:00:01".parse().unwrap();
        let machine = Machine {
            name: "nid001".into(),
            firmware,
            ports: vec![Port {
                mac,
                bridge: "br0".into(),
                tap: "tap0.0".into(),
            }],
            address: None,
            uuid: "00000000-0000-8000-8000-000000000001".into(),
            serial: "a,b".into(),
            bmc: None,
        };
        let hardware = Hardware {
            memory: 2048,
            cpus: 2,
            cpu: None,
            disk,
            disk_first,
        };
        let folder = Folder::new(Some("/run/x".into())).unwrap();
        arguments(&machine, &hardware, Accel::Tcg, &folder, hardware.disk_first).join(" ")
    }

    #[test]
    fn uefi_machine_has_no_rom_in_its_card_and_variables_of_its_own() {
        let line = line(Firmware::Uefi, None, false);
        assert!(line.contains("mac=52:54:00:00:00:01,bootindex=1,romfile="), "{line}");
        assert!(line.contains("unit=1,file=/run/x/machines/nid001/vars.fd"), "{line}");
    }

    #[test]
    fn secure_machine_keeps_its_variables_from_the_guest() {
        let line = line(Firmware::Secure, None, false);
        assert!(line.contains("-machine q35,smm=on"), "{line}");
        assert!(line.contains("property=secure,value=on"), "{line}");
        assert!(
            line.contains("OVMF_CODE_4M.ms.fd") && line.contains("romfile="),
            "{line}"
        );
    }

    #[test]
    fn machine_with_http_boot_alone_has_no_pxe() {
        let line = line(Firmware::Http, None, false);
        assert!(line.contains("IPv4PXESupport,string=no"), "{line}");
        assert!(
            line.contains("-machine q35 ") && !line.contains("property=secure"),
            "{line}"
        );
    }

    #[test]
    fn bios_machine_keeps_the_rom_and_has_no_flash() {
        let line = line(Firmware::Bios, None, false);
        assert!(!line.contains("romfile") && !line.contains("pflash"), "{line}");
        assert!(line.contains("pc,graphics=off"), "{line}");
    }

    #[test]
    fn disk_comes_after_the_network_unless_wished_otherwise() {
        assert!(line(Firmware::Uefi, Some(1), false).contains("drive=disk,bootindex=2"));
        let first = line(Firmware::Uefi, Some(1), true);
        assert!(
            first.contains("drive=disk,bootindex=1") && first.contains("01,bootindex=2"),
            "{first}"
        );
    }

    #[test]
    fn comma_in_a_value_is_not_an_option() {
        assert!(line(Firmware::Uefi, None, false).contains("serial=a,,b"));
    }
}
