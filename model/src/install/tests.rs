mod disk;
mod end;
mod watch;

use std::process::Command;
use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::world::ImageFile;

const PLAIN: &str = r#"
cluster: test
networks:
  lan: { prefix: 10.77.0.0/24 }
nodes:
  n1: { mac: "52:54:00:00:00:01", address: 10.77.0.11, via: installer, medium: debian-12 }
"#;

const FULL: &str = r#"
cluster: home
domain: home.example
timezone: Europe/Berlin
defaults:
  locale: de_DE.UTF-8
  keyboard: de
  ntp: [time.example, other.example]
  console: ttyS1,115200
  root_password_hash: $6$saltsalt$01234567890123456789012345678901234567890123
ssh_keys: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z ada@laptop
users:
  - name: ada
    gecos: Ada's "account" $HOME
    ssh_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z it's me
    password_hash: $y$j9T$0123456789abcdef$0123456789012345678901234567890123456789012
    sudo: true
    groups: [ada, docker, users]
    uid: 1007
    shell: /bin/bash
  - name: guest
networks:
  lan: { prefix: 10.77.0.0/24, router: 10.77.0.254, dns: 10.77.0.253 }
  link: { prefix: 10.77.9.0/30, dhcp: off }
profiles:
  server:
    via: installer
    medium: debian-13
    disk: { model: "it's a DISK", serial: "S $1", min_size: 100GB, max_size: 4TB, pick: smallest }
    layout: { recipe: lvm, filesystem: xfs, swap: 4G }
    mirror: http://mirror.example:8080/mirrors/debian/
    packages: [htop, curl]
    kernel_args: [quiet, "intel_iommu=on"]
    firmware: false
    after_install: poweroff
nodes:
  big-1:
    profile: server
    nics:
      - { name: eno1, mac: "52:54:00:00:00:01", network: lan, address: 10.77.0.11 }
      - { name: enp1s0, mac: "52:54:00:00:01:01", network: link, address: 10.77.9.1 }
"#;

const SITE: Site = Site {
    address: std::net::Ipv4Addr::new(10, 77, 0, 1),
    http_port: 8080,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn medium(os: &str) -> Medium {
    let file = |name: &str| ImageFile {
        name: name.into(),
        size: 1,
        sha256: "ab".repeat(32),
    };
    Medium {
        os: os.into(),
        architecture: "amd64".into(),
        version: "20230607+deb12u15".into(),
        kernel: file("linux"),
        initrd: file("initrd.gz"),
        extra: Vec::new(),
        udeb_suite: None,
        added_at: Timestamp::UNIX_EPOCH,
    }
}

fn world(file: &str) -> World {
    let reading = crate::config::read(file);
    let cluster = reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let mut world = World {
        cluster: Arc::new(cluster),
        ..World::default()
    };
    for os in ["debian-12", "debian-13"] {
        world.media.insert(os.into(), Arc::new(medium(os)));
    }
    world
}

fn rendered(file: &str, name: &str) -> String {
    rendered_in(&world(file), name)
}

fn rendered_in(world: &World, name: &str) -> String {
    let installation = Installation {
        world,
        node: &world.cluster.nodes[0],
        deployment: None,
        site: SITE,
        token: TOKEN,
        mac: None,
    };
    document(&installation, name).unwrap().unwrap().text
}

/// A file with a few settings more for its node.
fn with(settings: &str) -> String {
    PLAIN.replace("medium: debian-12", &format!("medium: debian-12, {settings}"))
}

fn blocked(file: &str) -> String {
    let world = world(file);
    let node = world.cluster.nodes[0].clone();
    check(&world, &node).unwrap_err().to_string()
}

#[test]
fn a_node_that_says_little_gets_a_complete_preseed() {
    insta::assert_snapshot!(rendered(PLAIN, "preseed.cfg"));
}

#[test]
fn every_setting_is_in_the_preseed() {
    insta::assert_snapshot!(rendered(FULL, "preseed.cfg"));
}

#[test]
fn the_scripts_of_a_node_that_says_everything() {
    for name in ["start.sh", "disk.sh", "end.sh"] {
        insta::assert_snapshot!(name, rendered(FULL, name));
    }
}

#[test]
fn every_recipe_is_rendered() {
    let all = ["plain", "lvm", "encrypted"].map(|recipe| {
        ["ext4", "xfs", "btrfs"].map(|filesystem| {
            let file = with(&format!(
                "layout: {{ recipe: {recipe}, filesystem: {filesystem}, swap: 2G }}"
            ));
            let script = rendered(&file, "disk.sh");
            let recipe = script
                .split("<<'RECIPE'\n")
                .nth(1)
                .unwrap()
                .split("\nRECIPE")
                .next()
                .unwrap()
                .to_string();
            let size = script
                .lines()
                .find(|line| line.starts_with("needed="))
                .unwrap()
                .to_string();
            format!("{size}\n{recipe}\n")
        })
    });
    insta::assert_snapshot!(all.concat().join("\n"));
}

#[test]
fn the_kernel_line_names_the_nic_that_booted_and_what_is_asked_before_the_preseed() {
    let line = |file: &str, mac: Option<&str>| {
        let world = world(file);
        let node = world.cluster.nodes[0].clone();
        let boot = installer_boot(&world, &node).unwrap();
        let args = boot.args(SITE, TOKEN, mac.map(|mac| mac.parse().unwrap()));
        format!("{} {:?} {args}", boot.kernel, boot.initrds)
    };
    insta::assert_snapshot!(
        [
            line(PLAIN, None),
            line(FULL, Some("52:54:00:00:00:01")),
            line(FULL, Some("52:54:00:00:00:77")),
            line(
                &with("kernel_args: [mitigations=off]")
                    .replace("cluster: test", "cluster: test\ndoors: { syslog: 1514 }"),
                None
            ),
        ]
        .join("\n\n")
    );
}

#[test]
fn components_of_another_suite_come_with_their_keys() {
    let mut world = world(PLAIN);
    let mut medium = medium("debian-12");
    medium.udeb_suite = Some("components".into());
    medium.extra.push(ImageFile {
        name: "key.cpio.gz".into(),
        size: 1,
        sha256: String::new(),
    });
    world.media.insert("debian-12".into(), Arc::new(medium));
    let node = world.cluster.nodes[0].clone();
    let boot = installer_boot(&world, &node).unwrap();
    assert_eq!(boot.initrds, ["initrd.gz", "key.cpio.gz"]);
    let preseed = rendered_in(&world, "preseed.cfg");
    assert!(
        preseed.contains("\nd-i mirror/suite string bookworm\nd-i mirror/udeb/suite string components\n"),
        "{preseed}"
    );
}

#[test]
fn what_cannot_be_installed_is_refused_with_the_reason() {
    let many = (0..30).map(|n| format!("a{n}=b")).collect::<Vec<_>>().join(", ");
    let long = format!("x.y={}", "z".repeat(2000));
    insta::assert_snapshot!(
        [
            blocked(&PLAIN.replace("medium: debian-12", "boot: local")),
            blocked(&PLAIN.replace("medium: debian-12", "medium: other")),
            blocked(&with("architecture: arm64")),
            blocked(&with("layout: { recipe: encrypted, passphrase_from: \"env:LUKS\" }")),
            blocked(&with(&format!("kernel_args: [{many}]"))),
            blocked(&with(&format!("kernel_args: [\"{long}\"]"))),
        ]
        .join("\n")
    );
}

#[test]
fn an_encrypted_disk_without_a_passphrase_from_the_server_is_asked_for_at_the_console() {
    let preseed = rendered(&with("layout: { recipe: encrypted }"), "preseed.cfg");
    assert!(preseed.contains("d-i partman-auto/method string crypto\n"));
    assert!(!preseed.contains("passphrase"), "{preseed}");
}

#[test]
fn packages_of_a_node_with_its_own_sources_wait_for_them() {
    let sources =
        "packages: [special], package_sources: [{ name: own, uri: \"http://mirror.example/own\", suites: [stable] }]";
    assert!(!rendered(&with(sources), "preseed.cfg").contains("special"));
    assert!(rendered(&with("packages: [special]"), "preseed.cfg").contains(" special\n"));
}

#[test]
fn debconf_takes_every_preseed_without_a_word() {
    let folder = std::env::temp_dir().join(format!("bellwether-preseed-{}", std::process::id()));
    for (at, file) in [
        PLAIN.to_string(),
        FULL.to_string(),
        with("layout: { recipe: encrypted, swap: 1G }"),
        with("mirror: \"https://mirror.example/debian\", ntp: [10.77.0.1]"),
    ]
    .iter()
    .enumerate()
    {
        let path = folder.with_extension(at.to_string());
        std::fs::write(&path, rendered(file, "preseed.cfg")).unwrap();
        let out = Command::new("debconf-set-selections")
            .arg("-c")
            .arg(&path)
            .output()
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(
            out.status.success() && out.stdout.is_empty() && out.stderr.is_empty(),
            "{out:?}"
        );
    }
}

#[test]
fn the_shells_of_the_installer_and_of_the_system_can_read_every_script() {
    for file in [PLAIN, FULL] {
        for name in ["start.sh", "disk.sh", "end.sh"] {
            for shell in [["busybox", "sh"], ["dash", "-e"]] {
                let mut child = Command::new(shell[0])
                    .args([shell[1], "-n"])
                    .stdin(std::process::Stdio::piped())
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap();
                use std::io::Write as _;
                child
                    .stdin
                    .take()
                    .unwrap()
                    .write_all(rendered(file, name).as_bytes())
                    .unwrap();
                let out = child.wait_with_output().unwrap();
                assert!(out.status.success() && out.stderr.is_empty(), "{name}: {out:?}");
            }
        }
    }
}

#[test]
fn a_message_about_the_disk_cannot_break_out_of_the_comment_it_stands_in() {
    let script = rendered(
        &with("disk: { model: \"$(reboot)\", serial: \"'; reboot; '\" }"),
        "disk.sh",
    );
    assert!(script.contains("serial=''\\''; reboot; '\\'''\n"), "{script}");
}
