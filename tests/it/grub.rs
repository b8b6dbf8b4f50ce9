//! GRUB's questions over TFTP, asked by curl, and its scripts before GRUB's own eyes.

use std::process::Output;

use crate::support::client::require;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const CLUSTER: &str = r#"
cluster: test
domain: test.example
networks:
  lab: { prefix: 10.77.0.0/24, router: 10.77.0.1, dhcp: observe }
defaults: { console: "ttyS0,115200" }
nodes:
  tiny: { mac: "52:54:00:00:00:01", address: 10.77.0.11, image: tiny, kernel_args: ['dyndbg="file a.c +p"', "it's"] }
  disk: { mac: "52:54:00:00:00:02", address: 10.77.0.12 }
  prompt: { mac: "52:54:00:00:00:03", address: 10.77.0.13, boot: shell }
  none: { mac: "52:54:00:00:00:04", address: 10.77.0.14, image: absent }
"#;

/// A server with an image of three small files, and a station that can ask it.
fn served() -> (Segment, Served, Station) {
    let segment = Segment::new("10.77.0.1/24");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    crate::support::image::tiny(folder.path());
    let served = Served::start_in(&segment, folder);
    let station = segment.plug("52:54:00:00:00:99");
    station.succeed(&["ip", "addr", "add", "10.77.0.11/24", "dev", "eth0"]);
    (segment, served, station)
}

fn tftp(station: &Station, path: &str) -> Output {
    require("curl", "curl");
    // GRUB's block size.
    let url = format!("tftp://10.77.0.1/{path}");
    station.run(&["curl", "-sS", "--max-time", "20", "--tftp-blksize", "1024", &url])
}

fn text(station: &Station, path: &str) -> String {
    let output = tftp(station, path);
    assert!(
        output.status.success(),
        "{path}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Whether GRUB can read it.
fn reads_as_grub(script: &str) {
    require("grub-script-check", "grub-common");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, script.as_bytes()).unwrap();
    let output = std::process::Command::new("grub-script-check")
        .arg(file.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{script}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn grub_gets_the_script_of_its_mac_and_the_files_in_it_and_the_journal_has_it_all() {
    let (_segment, served, station) = served();
    served.until("the image is known", || !served.events("image.added").is_empty());
    let config = text(&station, "grub/grub.cfg");
    reads_as_grub(&config);
    let script = text(&station, "grub/script/52:54:00:00:00:01");
    reads_as_grub(&script);
    assert!(
        script.contains("linux '(tftp,10.77.0.1)/images/tiny/vmlinuz' "),
        "{script}"
    );
    assert!(
        script.contains("'bellwether.root=http://10.77.0.1/images/tiny/root.squashfs'"),
        "{script}"
    );
    assert_eq!(text(&station, "images/tiny/vmlinuz").len(), 100_000);
    assert_eq!(text(&station, "images/tiny/initrd.img"), "initrd");
    served.until("both transfers are written down", || {
        served.events("transfer").len() >= 3
    });
    let event = &served.events("script.served")[0];
    assert_eq!(
        (event["subject"].as_str(), event["actor"].as_str()),
        (Some("node:tiny"), Some("tftp"))
    );
    assert_eq!(
        (event["body"]["target"].as_str(), event["body"]["image"].as_str()),
        (Some("image"), Some("tiny"))
    );
    let roles: Vec<_> = served
        .events("transfer")
        .iter()
        .map(|e| e["body"]["role"].as_str().unwrap().to_string())
        .collect();
    assert!(
        roles.contains(&"kernel".into()) && roles.contains(&"initrd".into()),
        "{roles:?}"
    );
    let token = script
        .split("/boot/hook/tiny/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let url = format!("http://10.77.0.1/boot/hook/tiny/{token}/ready");
    let called = station.run(&["curl", "-sSf", "--max-time", "20", "-X", "POST", &url]);
    assert!(
        called.status.success(),
        "the token is that of the boot that began with the script"
    );
}

#[test]
fn what_is_shown_is_what_a_node_gets_although_dhcp_is_a_task_of_others() {
    let (_segment, served, station) = served();
    let fetched = text(&station, "grub/script/52:54:00:00:00:01");
    let seed = fetched.split('\'').find(|word| word.starts_with("ds=nocloud")).unwrap();
    assert!(seed.contains("http://10.77.0.1/"), "{seed}");
    let shown = served.text(&["show", "tiny", "--render", "script"]);
    assert!(shown.contains(seed), "{seed}: {shown}");
    let user_data = served.text(&["show", "tiny", "--render", "user-data"]);
    assert!(user_data.contains("http://10.77.0.1/boot/hook/tiny/"), "{user_data}");
}

#[test]
fn every_boot_target_reads_as_grub() {
    let (_segment, _served, station) = served();
    for (mac, said) in [
        ("52:54:00:00:00:02", "looking for an installed system"),
        ("52:54:00:00:00:03", "bellwether_stop=1"),
        ("52:54:00:00:00:04", "image absent is not built"),
    ] {
        let script = text(&station, &format!("grub/script/{mac}"));
        reads_as_grub(&script);
        assert!(script.contains(said), "{mac}: {script}");
    }
    station.succeed(&["ip", "addr", "flush", "dev", "eth0"]);
    station.succeed(&["ip", "addr", "add", "10.77.0.99/24", "dev", "eth0"]);
    let stranger = text(&station, "grub/script/52:54:00:00:00:99");
    reads_as_grub(&stranger);
    assert!(stranger.contains("looking for an installed system"), "{stranger}");
}

#[test]
fn nothing_but_kernels_and_ram_disks_of_the_catalogue_leaves_the_images_folder() {
    let (_segment, _served, station) = served();
    for path in [
        "images/tiny/root.squashfs",
        "images/tiny/manifest.json",
        "images/tiny/../../journal.db",
        "images/other/vmlinuz",
    ] {
        assert!(!tftp(&station, path).status.success(), "{path}");
    }
}
