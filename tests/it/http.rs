//! What a node gets over HTTP, asked with curl.

use bellwether::images::manifest::{Kind, Packages};
use bellwether::images::{FileEntry, Manifest};
use serde_json::Value;

use crate::support::client::require;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const CLUSTER: &str = r#"
cluster: test
domain: test.example
ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJkb1Q9vYmV0d2VlbnVzYW5kdGhlbW9vbnNoaW5ldzAw ada"]
networks:
  lan: { prefix: 10.77.0.0/24, pool: 10.77.0.100-10.77.0.120 }
profiles:
  worker: { image: debian-12, kernel_args: [quiet] }
nodes:
  n1: { mac: "52:54:00:00:00:01", address: 10.77.0.11, profile: worker }
  n2: { mac: "52:54:00:00:00:02", address: 10.77.0.12 }
"#;

const KERNEL: usize = 3_000_000;

fn lab() -> (Segment, Station, Served) {
    require("curl", "curl");
    let segment = Segment::new("10.77.0.1/24");
    let station = segment.plug("52:54:00:00:00:01");
    station.succeed(&["ip", "addr", "add", "10.77.0.11/24", "dev", "eth0"]);
    let folder = tempfile::tempdir().unwrap();
    image(&folder.path().join("images/debian-12"));
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    let served = Served::start_in(&segment, folder);
    served.until_served();
    (segment, station, served)
}

/// An image as `bellwether image build` leaves it, but for its content.
fn image(folder: &std::path::Path) {
    use sha2::Digest as _;
    std::fs::create_dir_all(folder).unwrap();
    let hex = |bytes: &[u8]| -> String { sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect() };
    let file = |path: &str, size: usize| {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(folder.join(path), &bytes).unwrap();
        FileEntry {
            path: path.into(),
            size: size as u64,
            sha256: hex(&bytes),
            version: None,
        }
    };
    let manifest = Manifest {
        name: "debian-12".into(),
        os: "debian-12".into(),
        architecture: "amd64".into(),
        built_at: jiff::Timestamp::UNIX_EPOCH,
        kind: Kind::System,
        kernel: Some(FileEntry {
            version: Some("6.1.0-1-test".into()),
            ..file("kernel", KERNEL)
        }),
        initrd: Some(file("initrd", 1000)),
        root: Some(file("root.squashfs", 5000)),
        disk_initrd: None,
        disk: None,
        unpacked: None,
        packages: Some(Packages {
            count: 0,
            sha256: hex(b""),
        }),
        recipe: hex(b""),
    };
    std::fs::write(folder.join("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
}

fn token_of(script: &str) -> String {
    let at = script.find("/cloud-init/n1/").unwrap() + "/cloud-init/n1/".len();
    script[at..at + 32].to_string()
}

#[test]
fn a_node_gets_its_script_its_settings_and_says_that_it_is_ready() {
    let (_segment, station, served) = lab();
    let curl = |path: &str| station.succeed(&["curl", "-fsS", &format!("http://10.77.0.1{path}")]);
    let script = curl("/boot/n1/script?mac=52:54:00:00:00:01");
    assert!(script.starts_with("#!ipxe\n"), "{script}");
    assert!(
        script.contains("kernel http://10.77.0.1/images/debian-12/kernel initrd=initrd "),
        "{script}"
    );
    assert!(script.contains(" BOOTIF=01-52-54-00-00-00-01 "), "{script}");
    assert!(script.contains(" quiet"), "{script}");
    assert_eq!(
        script,
        curl("/boot/n1/script?mac=52:54:00:00:00:01"),
        "a loader that asks twice gets the same"
    );
    assert_eq!(
        script,
        served.text(&["show", "n1", "--render", "script"]),
        "show tells what the node gets"
    );
    let token = token_of(&script);

    let user_data = curl(&format!("/cloud-init/n1/{token}/user-data"));
    assert_eq!(user_data, served.text(&["show", "n1", "--render", "user-data"]));
    assert!(curl(&format!("/cloud-init/n1/{token}/meta-data")).contains("local-hostname: n1\n"));
    assert_eq!(
        curl(&format!("/cloud-init/n1/{token}/vendor-data")),
        "#cloud-config\n{}\n"
    );

    let ready = format!("http://10.77.0.1/boot/hook/n1/{token}/ready");
    let key = "pub_key_ed25519=ssh-ed25519 AAAAC3Nz root@n1";
    station.succeed(&[
        "curl",
        "-fsS",
        "--data-urlencode",
        key,
        "--data-urlencode",
        "fqdn=n1.test.example",
        &ready,
    ]);
    let node = served.json(&["show", "n1"]);
    assert_eq!(node["ready"], true);
    assert_eq!(node["state"]["host_keys"][0], "ssh-ed25519 AAAAC3Nz root@n1");
    let timeline = served.json(&["timeline", "n1"]);
    assert_eq!(timeline["end"], "ready", "{timeline}");
}

#[test]
fn a_callback_with_a_wrong_token_changes_nothing() {
    let (_segment, station, served) = lab();
    let script = station.succeed(&["curl", "-fsS", "http://10.77.0.1/boot/n1/script"]);
    let token = token_of(&script);
    let status = |path: String| {
        let url = format!("http://10.77.0.1{path}");
        station.succeed(&["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x", &url])
    };
    let wrong = token.replace(&token[..1], if token.starts_with('0') { "1" } else { "0" });
    assert_eq!(status(format!("/boot/hook/n1/{wrong}/ready")), "403");
    assert_eq!(status(format!("/boot/hook/n2/{token}/ready")), "403");
    assert_eq!(status("/boot/hook/n1/short/ready".into()), "403");
    assert_eq!(status(format!("/boot/hook/nobody/{token}/ready")), "403");
    assert_eq!(status(format!("/boot/hook/n1/{token}/reinstall")), "404");
    assert_eq!(served.json(&["show", "n1"])["ready"], false);
    assert_eq!(served.json(&["show", "n2"])["ready"], false);
    served.until("refused callbacks are on record", || {
        served.events("hook.refused").len() == 3
    });
}

#[test]
fn files_go_out_whole_and_in_part() {
    let (_segment, station, served) = lab();
    let kernel = "http://10.77.0.1/images/debian-12/kernel";
    let file = served.folder().join("images/debian-12/kernel");
    let out = served.folder().join("out");
    let out = out.to_str().unwrap();
    station.succeed(&["curl", "-fsS", "-o", out, kernel]);
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(&file).unwrap());
    station.succeed(&["curl", "-fsS", "-r", "1000000-1999999", "-o", out, kernel]);
    assert_eq!(
        std::fs::read(out).unwrap(),
        std::fs::read(&file).unwrap()[1_000_000..2_000_000]
    );
    let head = station.succeed(&["curl", "-fsSI", kernel]).to_lowercase();
    assert!(head.contains(&format!("content-length: {KERNEL}")), "{head}");
    let code = station.succeed(&[
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-r",
        "9000000-",
        kernel,
    ]);
    assert_eq!(code, "416");
    // Some UEFI firmware joins with two slashes and follows no redirect.
    station.succeed(&[
        "curl",
        "-fsS",
        "--path-as-is",
        "-o",
        out,
        "http://10.77.0.1//images//debian-12/kernel",
    ]);
    served.until("transfers are on record", || {
        let done = |outcome: &str| {
            served
                .events("transfer")
                .iter()
                .filter(|event| event["body"]["outcome"] == outcome)
                .count()
        };
        done("complete") == 2 && done("partial") == 1 && done("probed") == 1
    });
    let transfer = &served.events("transfer")[0];
    assert_eq!(
        transfer["subject"], "node:n1",
        "the address tells whose transfer it was"
    );
    assert_eq!(transfer["body"]["role"], "kernel");
}

#[test]
fn no_path_leads_out_of_the_folders() {
    let (_segment, station, served) = lab();
    std::fs::write(served.folder().join("secret"), "secret").unwrap();
    for path in [
        "/images/../secret",
        "/images/debian-12/../../secret",
        "/images/debian-12/..%2f..%2fsecret",
        "/images/%2e%2e/secret",
        "/images/debian-12/manifest.json",
        "/images/debian-12/",
        "/loaders/../images",
        "/loaders/..%2f..%2f..%2fetc%2fpasswd",
        "/loaders/%00",
        "/loaders/.",
        "//etc/passwd",
    ] {
        let url = format!("http://10.77.0.1{path}");
        let code = station.succeed(&[
            "curl",
            "-s",
            "--path-as-is",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &url,
        ]);
        assert!(code == "404" || code == "400", "{path} answered {code}");
    }
}

#[test]
fn a_machine_that_is_not_declared_is_sent_to_its_own_disk() {
    let (_segment, station, _served) = lab();
    let ask = |query: &str| station.succeed(&["curl", "-fsS", &format!("http://10.77.0.1/boot/script?{query}")]);
    // The station has the address of n1, so only what it says of itself may speak against that.
    let script = ask("mac=52:54:00:00:00:01&uuid=");
    assert!(script.contains("n1, boot"), "{script}");
    station.succeed(&["ip", "addr", "add", "10.77.0.99/24", "dev", "eth0"]);
    let url = "http://10.77.0.1/boot/script?mac=52:54:00:99:99:99";
    let script = station.succeed(&["curl", "-fsS", "--interface", "10.77.0.99", url]);
    assert!(
        script.contains("not declared") && script.contains("sanboot"),
        "{script}"
    );
    assert!(!script.contains("kernel "), "nothing is ever installed on it: {script}");
}

#[test]
fn a_choice_for_one_boot_is_used_up_by_that_boot() {
    let (_segment, station, served) = lab();
    let script = || station.succeed(&["curl", "-fsS", "http://10.77.0.1/boot/n2/script"]);
    served.text(&["boot", "n2", "--target", "shell", "--once"]);
    assert!(script().contains("\nshell\n"));
    assert!(
        script().contains("\nshell\n"),
        "the same boot asks again and gets the same"
    );
    assert_eq!(served.json(&["show", "n2"])["state"]["choice"], Value::Null);
    let refused = served.cli(&["boot", "n1,nope", "--target", "local"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nope"));
}

#[test]
fn random_bytes_at_the_door_are_survived() {
    let (segment, station, served) = lab();
    for seed in 0..20u32 {
        let bytes: Vec<u8> = (0..4000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 13) as u8)
            .collect();
        let path = served.folder().join("noise");
        std::fs::write(&path, bytes).unwrap();
        let words = format!("exec 3<>/dev/tcp/10.77.0.1/80; cat {} >&3; exec 3>&-", path.display());
        segment
            .command("timeout")
            .args(["5", "bash", "-c", &words])
            .output()
            .unwrap();
    }
    station.succeed(&["curl", "-fsS", "http://10.77.0.1/healthz"]);
    let metrics = station.succeed(&["curl", "-fsS", "http://10.77.0.1/metrics"]);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(metrics.contains("bellwether_http_requests_total"), "{metrics}");
}
