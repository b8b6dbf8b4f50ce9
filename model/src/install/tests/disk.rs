//! The choice of disk, run by the installer's own shell on trees of `/sys` as machines have them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{rendered, with};

/// A machine's disks, and what came of the choice.
struct Bench {
    root: PathBuf,
    disks: Vec<String>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Bench {
    fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("bellwether-disk-{}-{number}", std::process::id()));
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::create_dir_all(root.join("sys/block")).unwrap();
        fs::write(root.join("mounts"), "/dev/sdz1 /media ext4 rw 0 0\n").unwrap();
        let bench = Self {
            root,
            disks: Vec::new(),
        };
        bench.tool("bellwether", "printf '%s %s\\n' \"$1\" \"$2\" >>\"$SAID\"");
        bench.tool("debconf-set", "printf 'set %s %s\\n' \"$1\" \"$2\" >>\"$SAID\"");
        bench.tool("list-devices", "cat \"$LISTED\"");
        bench.tool("udevadm", "exit 1");
        bench
    }

    fn tool(&self, name: &str, body: &str) {
        let path = self.root.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A disk below `bus`, of so many gigabytes, with files of `/sys` beside its size.
    fn disk(mut self, name: &str, bus: &str, gigabytes: u64, files: &[(&str, &str)]) -> Self {
        let at = self.root.join("sys/devices").join(bus).join(name);
        fs::create_dir_all(at.join("device")).unwrap();
        fs::write(at.join("size"), format!("{}\n", gigabytes * 1_000_000_000 / 512)).unwrap();
        for (file, text) in [("ro", "0\n"), ("removable", "0\n")].iter().chain(files) {
            fs::write(at.join(file), text).unwrap();
        }
        std::os::unix::fs::symlink(&at, self.root.join("sys/block").join(name)).unwrap();
        self.disks.push(format!("/dev/{name}"));
        self
    }

    /// Runs the script of a node with that rule: what it said and set, and the recipe that it left.
    fn choose(&self, rule: &str) -> (String, Option<String>) {
        let path = |name: &str| self.root.join(name);
        fs::write(path("listed"), self.disks.join("\n")).unwrap();
        fs::remove_file(path("said")).ok();
        fs::remove_file(path("recipe")).ok();
        fs::write(path("script"), rendered(&with(rule), "disk.sh")).unwrap();
        let tools = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap());
        let out = Command::new("busybox")
            .arg("sh")
            .arg(path("script"))
            .env("PATH", tools)
            .env("SYS", path("sys"))
            .env("MOUNTS", path("mounts"))
            .env("RECIPE", path("recipe"))
            .env("CONSOLE", path("console"))
            .env("SAID", path("said"))
            .env("LISTED", path("listed"))
            .output()
            .unwrap();
        assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
        let recipe = fs::read_to_string(path("recipe")).ok();
        assert_eq!(out.status.success(), recipe.is_some());
        let said = fs::read_to_string(path("said")).unwrap_or_default();
        (said.replace(&self.root.display().to_string(), ""), recipe)
    }

    fn chosen(&self, rule: &str) -> String {
        let (said, _) = self.choose(rule);
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("set partman-auto/disk "));
        line.unwrap_or("none").to_string()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

const SAMSUNG: &[(&str, &str)] = &[
    ("device/model", "SAMSUNG MZ7LM960\n"),
    ("device/serial", "S2TXN 0001  \n"),
];
const INTEL: &[(&str, &str)] = &[
    ("device/model", "  INTEL SSDSC2KB48"),
    ("device/vpd_pg80", "\0\0\0\u{8}PHYF0042"),
];

fn server() -> Bench {
    Bench::new()
        .disk(
            "nvme0n1",
            "pci/nvme",
            4000,
            &[("device/model", "Big NVMe"), ("device/serial", "NV1")],
        )
        .disk("sda", "pci/ata1", 960, SAMSUNG)
        .disk("sdb", "pci/ata2", 480, INTEL)
        .disk("sdc", "pci/usb1/1-1", 2000, &[("device/model", "Stick")])
        .disk("sdd", "pci/ata3", 1000, &[("removable", "1")])
        .disk("sde", "pci/ata4", 0, &[])
        .disk("sdf", "pci/ata5", 1000, &[("ro", "1")])
        .disk("sdz", "pci/ata6", 1000, &[])
}

#[test]
fn a_disk_is_chosen_by_what_the_rule_says() {
    let server = server();
    for (rule, disk) in [
        ("disk: {}", "/dev/nvme0n1"),
        ("disk: { pick: smallest }", "/dev/sdb"),
        ("disk: { pick: largest }", "/dev/nvme0n1"),
        ("disk: { max_size: 1TB, pick: largest }", "/dev/sda"),
        ("disk: { min_size: 500GB, max_size: 1TB }", "/dev/sda"),
        ("disk: { model: samsung mz7 }", "/dev/sda"),
        ("disk: { serial: S2TXN 0001 }", "/dev/sda"),
        ("disk: { serial: PHYF0042 }", "/dev/sdb"),
        ("disk: { path: /dev/sdb }", "/dev/sdb"),
        ("disk: { model: no such }", "none"),
        ("disk: { model: \".*\" }", "none"),
        ("disk: { model: \"-e SAMSUNG\" }", "none"),
        ("disk: { path: /dev/sdb, model: SAMSUNG }", "none"),
        ("disk: { serial: S2TXN }", "none"),
        ("disk: { path: /dev/sdc }", "none"),
        ("disk: { path: /dev/sdd }", "none"),
        ("disk: { path: /dev/sdf }", "none"),
        ("disk: { path: /dev/sdz }", "none"),
    ] {
        assert_eq!(server.chosen(rule), disk, "{rule}");
    }
}

#[test]
fn where_no_disk_fits_it_says_why_for_each_and_sets_nothing() {
    let (said, recipe) = server().choose("disk: { model: \"it's $(reboot)\", min_size: 5TB }");
    assert_eq!(recipe, None);
    insta::assert_snapshot!(said);
}

#[test]
fn a_machine_without_disks_is_told_apart() {
    let (said, recipe) = Bench::new().choose("disk: {}");
    assert_eq!(
        (said.as_str(), recipe),
        (
            "failed no disk to install to, wanted is the first disk\nthe installer sees no disk at all\n",
            None
        )
    );
}

#[test]
fn the_boot_loader_goes_to_the_same_disk_and_the_recipe_is_left_for_partman() {
    let (said, recipe) = server().choose("disk: { pick: smallest }, layout: { swap: 1G }");
    assert_eq!(
        said,
        "set partman-auto/disk /dev/sdb\nset grub-installer/bootdev /dev/sdb\n\
         progress wipes and partitions /dev/sdb (480.0 GB, INTEL SSDSC2KB48, serial PHYF0042)\n"
    );
    assert!(recipe.unwrap().contains(" linux-swap method{ swap }"));
}

#[test]
fn a_disk_too_small_for_the_layout_is_not_left_to_partman_which_would_use_another_layout() {
    let small = Bench::new().disk("vda", "pci/virtio1", 4, &[("serial", "QM1")]);
    assert_eq!(small.chosen("disk: {}"), "/dev/vda");
    let (said, _) = small.choose("layout: { swap: 4G }");
    assert!(
        said.contains("/dev/vda (4.0 GB, serial QM1) is too small for the layout, which needs 7.8 GB"),
        "{said}"
    );
}

#[test]
fn names_with_slashes_are_found_as_the_kernel_writes_them() {
    let old = Bench::new();
    let at = old.root.join("sys/block/cciss!c0d0");
    fs::create_dir_all(&at).unwrap();
    fs::write(at.join("size"), "1000000000").unwrap();
    let mut old = old;
    old.disks.push("/dev/cciss/c0d0".into());
    assert_eq!(old.chosen("disk: {}"), "/dev/cciss/c0d0");
}
