//! Which disk is taken, and how it is divided.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::boxed::Boxed;

const GB: u64 = 1_000_000_000;

/// A disk as the kernel shows it.
fn disk(boxed: &Boxed, name: &str, device: &str, bytes: u64, attributes: &[(&str, &str)]) {
    let place = format!("sys/devices/{device}/block/{name}");
    boxed.write(&format!("{place}/size"), &format!("{}\n", bytes / 512));
    boxed.write(&format!("sys/devices/{device}/driver"), "");
    for (file, text) in [("removable", "0"), ("ro", "0")].iter().chain(attributes) {
        boxed.write(&format!("{place}/{file}"), &format!("{text}\n"));
    }
    let at = boxed.path().join(&place);
    if !at.join("device").exists() {
        std::fs::create_dir(at.join("device")).unwrap();
    }
    std::fs::create_dir_all(boxed.path().join("sys/block")).unwrap();
    symlink(&at, boxed.path().join("sys/block").join(name)).unwrap();
}

/// A machine with everything that one finds: two SATA disks, an NVMe, a USB stick, an optical drive, a loop device.
fn machine() -> Boxed {
    let boxed = Boxed::new();
    disk(
        &boxed,
        "sda",
        "pci0/ata1",
        4_000 * GB,
        &[("device/model", "ST4000NM0035-1V4 "), ("device/serial", "ZC10ABCD")],
    );
    disk(
        &boxed,
        "sdb",
        "pci0/ata2",
        480 * GB,
        &[("device/model", "SAMSUNG MZ7L3480"), ("device/serial", "S664NE0R")],
    );
    disk(&boxed, "sdc", "pci0/usb1/1-1", 64 * GB, &[("device/model", "Ultra")]);
    disk(
        &boxed,
        "sdd",
        "pci0/ata3",
        32 * GB,
        &[("removable", "1"), ("device/model", "Card")],
    );
    disk(&boxed, "sde", "pci0/ata4", 100 * GB, &[("ro", "1")]);
    disk(
        &boxed,
        "nvme0n1",
        "pci0/nvme0",
        960 * GB,
        &[("device/model", "INTEL SSDPE2KX010T8"), ("device/serial", "PHLJ")],
    );
    disk(&boxed, "sr0", "pci0/ata5", GB, &[]);
    disk(&boxed, "loop0", "virtual", GB, &[]);
    disk(&boxed, "sdf", "pci0/ata6", 0, &[]);
    boxed
}

fn chosen(boxed: &Boxed, rule: &str) -> String {
    boxed.run(&format!("{rule}\ndisks | choose_disk")).trim().to_string()
}

#[test]
fn only_fixed_disks_that_can_be_written_are_seen() {
    let boxed = machine();
    let listed = boxed.run("disks | list_disks");
    assert_eq!(
        listed,
        "/dev/nvme0n1 960.0 GB, model INTEL SSDPE2KX010T8, serial PHLJ\n\
         /dev/sda 4.0 TB, model ST4000NM0035-1V4, serial ZC10ABCD\n\
         /dev/sdb 480.0 GB, model SAMSUNG MZ7L3480, serial S664NE0R\n"
    );
}

#[test]
fn the_rule_takes_the_disk_that_it_describes() {
    let boxed = machine();
    for (rule, taken) in [
        ("", "/dev/nvme0n1 960000000000"),
        ("DISK_PICK=smallest", "/dev/sdb 480000000000"),
        ("DISK_PICK=largest", "/dev/sda 4000000000000"),
        ("DISK_MODEL=samsung", "/dev/sdb 480000000000"),
        ("DISK_SERIAL=zc10abcd", "/dev/sda 4000000000000"),
        ("DISK_PATH=/dev/sdb", "/dev/sdb 480000000000"),
        ("DISK_MAX=500000000000", "/dev/sdb 480000000000"),
        ("DISK_MIN=1000000000000", "/dev/sda 4000000000000"),
        ("DISK_MIN=1000000000000 DISK_MAX=2000000000000", ""),
        ("DISK_MODEL=SAMSUNG DISK_SERIAL=PHLJ", ""),
        // A part of a serial number is another one.
        ("DISK_SERIAL=ZC10", ""),
        ("DISK_PATH=/dev/sdc", ""),
        (r"DISK_MODEL='.*'", ""),
        (r"DISK_MODEL='\x53AMSUNG'", ""),
    ] {
        assert_eq!(chosen(&boxed, rule), taken, "{rule}");
    }
}

#[test]
fn a_name_that_points_at_a_disk_names_it() {
    let boxed = machine();
    let link = boxed.path().join("by-id");
    symlink("/dev/sdb", &link).unwrap();
    assert_eq!(chosen(&boxed, "DISK_PATH=$PWD/by-id"), "/dev/sdb 480000000000");
}

#[test]
fn no_disk_that_fits_is_a_failure_that_lists_what_there_is() {
    let boxed = machine();
    let said = boxed.failure("IMAGE=debian-12 KIND=disk UNPACKED=1 DISK_MODEL=TOSHIBA\nfind_disk");
    assert!(
        said.starts_with("no disk of this machine is meant by the plan (model TOSHIBA); there are:\n"),
        "{said}"
    );
    assert!(
        said.contains("/dev/sda 4.0 TB, model ST4000NM0035-1V4, serial ZC10ABCD"),
        "{said}"
    );
}

#[test]
fn a_disk_that_is_too_small_is_refused_before_anything_is_written() {
    let boxed = Boxed::new();
    disk(&boxed, "vda", "pci0/virtio1", 2 * GB, &[("serial", "lab-disk")]);
    let tree = "IMAGE=debian-12 KIND=tree UNPACKED=600000000 SIZE=100000000 KERNEL_SIZE=14000000 INITRD_SIZE=18000000\n\
        fits_in_ram() { return 1; }\n";
    assert_eq!(boxed.run(&format!("{tree}find_disk; echo $DISK")), "/dev/vda\n");
    let said = boxed.failure(&format!("{tree}SWAP=1073741824\nfind_disk"));
    assert!(
        said.starts_with("/dev/vda is too small: it has 2.0 GB, debian-12 needs 2.4 GB; nothing was changed."),
        "{said}"
    );
    assert!(said.contains("serial lab-disk"), "{said}");
    let said = boxed.failure("IMAGE=cloud KIND=disk UNPACKED=2000000001\nfind_disk");
    assert!(said.contains("/dev/vda is too small"), "{said}");
}

/// What a real sfdisk makes of a layout, and what other programs think of it.
fn laid_out(script: &str) -> Vec<(String, u64)> {
    let boxed = Boxed::new();
    boxed.run(&format!(
        "truncate -s 4G disk.raw\n{script}\nlayout | sfdisk -q disk.raw"
    ));
    let check = |program: &str, words: &[&str]| {
        let output = Command::new(program)
            .args(words)
            .arg(boxed.path().join("disk.raw"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program}: {said}");
        said
    };
    check("sfdisk", &["--verify"]);
    assert!(check("sgdisk", &["-v"]).contains("No problems found"));
    let table: serde_json::Value = serde_json::from_str(&check("sfdisk", &["--json"])).unwrap();
    table["partitiontable"]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| {
            (
                part["name"].as_str().unwrap().to_string(),
                part["size"].as_u64().unwrap() / 2048,
            )
        })
        .collect()
}

#[test]
fn a_disk_boots_with_bios_and_with_uefi_and_its_root_takes_the_rest() {
    let named = |parts: &[(&str, u64)]| {
        parts
            .iter()
            .map(|(name, size)| (name.to_string(), *size))
            .collect::<Vec<_>>()
    };
    assert_eq!(laid_out(""), named(&[("bios", 1), ("esp", 256), ("root", 3837)]));
    assert_eq!(
        laid_out("SWAP=1073741824"),
        named(&[("bios", 1), ("esp", 256), ("swap", 1024), ("root", 2813)])
    );
    // Swap is a volume there.
    assert_eq!(
        laid_out("RECIPE=lvm SWAP=1073741824"),
        named(&[("bios", 1), ("esp", 256), ("root", 3837)])
    );
}

#[test]
fn partitions_of_every_kind_of_disk_are_named_as_the_kernel_does() {
    let boxed = Boxed::new();
    let names = boxed.run("for DISK in /dev/sda /dev/vdb /dev/nvme0n1 /dev/mmcblk0; do partition 2; done");
    assert_eq!(names, "/dev/sda2\n/dev/vdb2\n/dev/nvme0n1p2\n/dev/mmcblk0p2\n");
}

#[test]
fn the_firmware_goes_on_with_what_it_started_from_and_the_disk_comes_next() {
    let boxed = Boxed::new();
    for (order, current, expected) in [
        ("0001,0000,0002", "0001", "0001,0009,0000,0002"),
        ("0001,0000,0002", "0002", "0001,0000,0002,0009"),
        // Started from the firmware's menu, by an entry that is not in the order.
        ("0001,0000", "0007", "0001,0000,0009"),
        // It was there already.
        ("0009,0001,0000", "0001", "0001,0009,0000"),
        ("", "0001", "0009"),
    ] {
        assert_eq!(
            boxed.run(&format!("order_after '{order}' '{current}' 0009")).trim(),
            expected,
            "{order} {current}"
        );
    }
}

#[test]
fn only_entries_of_our_name_on_our_partition_are_ours() {
    let boxed = Boxed::new();
    boxed.write(
        "entries",
        "BootCurrent: 0003\nTimeout: 0 seconds\nBootOrder: 0003,0001,0002\n\
         Boot0001* debian\tHD(2,GPT,3b9c5a70-1111-4222-8333-444455556666,0x1000,0x80000)/File(\\EFI\\debian\\shimx64.efi)\n\
         Boot0002* debian\tHD(2,GPT,99999999-1111-4222-8333-444455556666,0x1000,0x80000)/File(\\EFI\\debian\\shimx64.efi)\n\
         Boot0003* UEFI PXEv4 (MAC:525400000001)\tPciRoot(0x0)/Pci(0x2,0x0)/MAC(525400000001,1)/IPv4(0.0.0.0)\n\
         Boot0004* debian sid\tHD(2,GPT,3b9c5a70-1111-4222-8333-444455556666,0x1000,0x80000)/File(\\EFI\\x)\n",
    );
    let ours = boxed.run("our_entries debian 3b9c5a70-1111-4222-8333-444455556666 <entries");
    assert_eq!(ours, "0001\n");
}
