use std::io::Read as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;

use super::*;
use crate::boot::{Key, Occasion, Site};
use crate::cluster::BootTarget;

const FILE: &str = r#"
cluster: test
domain: test.example
timezone: Europe/Berlin
ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z root@site"]
users:
  - { name: ada, gecos: "Ada \"the first\" L.", ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z ada"], sudo: true, groups: [adm, video], uid: 1001 }
networks:
  lan: { prefix: 10.77.0.0/24 }
  fabric: { prefix: 10.78.0.0/24 }
profiles:
  worker:
    image: debian-12
    packages: [htop, nfs-common]
    ntp: [10.77.0.1]
    files:
      - { path: /etc/motd, content: "tricky: \"quotes\", {{ braces }}, 'more'\n\ttab and ünïcode\n", mode: "0640", owner: "root:adm" }
    commands:
      - "echo 'hello: world' > /run/hello"
      - |
        for i in 1 2 3; do
          echo "$i"
        done
nodes:
  n1:
    nics:
      - { mac: "52:54:00:00:00:01", address: 10.77.0.11 }
      - { name: ibp1s0, mac: "52:54:00:00:01:01", address: 10.78.0.11 }
    profile: worker
  n2: { mac: "52:54:00:00:00:02", network: lan }
"#;

const SITE: Site = Site {
    address: std::net::Ipv4Addr::new(10, 77, 0, 1),
    http_port: 80,
};

fn cluster() -> Cluster {
    let reading = crate::config::read(FILE);
    reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn text(target: BootTarget) -> String {
    let cluster = cluster();
    user_data(
        &Key::new([7; 32]),
        SITE,
        &cluster,
        cluster.node("n1").unwrap(),
        42,
        target,
    )
    .text
}

#[test]
fn user_data_carries_every_setting() {
    insta::assert_snapshot!(text(BootTarget::Image));
}

#[test]
fn a_maintenance_boot_does_nothing_by_itself() {
    let text = text(BootTarget::Maintenance);
    assert!(text.contains("ada") && text.contains("phone_home"));
    for absent in ["packages:", "runcmd:", "/etc/motd"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
}

#[test]
fn no_value_breaks_out_of_its_place() {
    let parsed: serde_json::Value = serde_saphyr::from_str(&text(BootTarget::Image)).unwrap();
    assert_eq!(parsed["users"][1]["gecos"], "Ada \"the first\" L.");
    let motd = &parsed["write_files"][1];
    assert_eq!(
        motd["content"],
        "tricky: \"quotes\", {{ braces }}, 'more'\n\ttab and ünïcode\n"
    );
    assert_eq!(motd["permissions"], "0640");
    assert!(
        parsed["runcmd"][1]
            .as_str()
            .unwrap()
            .contains("echo 'hello: world' > /run/hello")
    );
    assert_eq!(parsed["timezone"], "Europe/Berlin");
}

#[test]
fn the_lines_of_all_nodes_stand_in_their_file() {
    let cluster = cluster();
    for (name, first) in [
        ("n1", "127.0.0.1 localhost\n::1"),
        ("n2", "127.0.0.1 localhost\n127.0.1.1 n2.test.example n2\n::1"),
    ] {
        let node = cluster.node(name).unwrap();
        let text = user_data(&Key::new([7; 32]), SITE, &cluster, node, 1, BootTarget::Image).text;
        let parsed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let content = parsed["write_files"][0]["content"].as_str().unwrap();
        assert!(content.starts_with(first), "{content}");
        assert_eq!(content, hosts(&cluster, node));
    }
}

#[test]
fn the_lines_of_many_nodes_are_packed_and_follow_the_own_ones() {
    let many = FILE.replace(
        "nodes:\n",
        "nodes:\n  \"many[0001-3000]\": { network: lan2, address: 10.80.0.1+ }\n",
    );
    let many = many.replace("networks:\n", "networks:\n  lan2: { prefix: 10.80.0.0/16 }\n");
    let reading = crate::config::read(&many);
    let cluster = reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let node = cluster.node("n2").unwrap();
    let text = user_data(&Key::new([7; 32]), SITE, &cluster, node, 1, BootTarget::Image).text;
    let parsed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let [own, rest] = [0, 1].map(|at| &parsed["write_files"][at]);
    assert_eq!(
        (&own["path"], &rest["path"]),
        (&"/etc/hosts".into(), &"/etc/hosts".into())
    );
    assert_eq!(
        (&rest["append"], &rest["encoding"], &rest["defer"]),
        (&true.into(), &"gz+b64".into(), &true.into())
    );
    let packed = rest["content"].as_str().unwrap();
    let mut lines = String::new();
    let packed = BASE64_STANDARD.decode(packed).unwrap();
    GzDecoder::new(&packed[..]).read_to_string(&mut lines).unwrap();
    let whole = hosts(&cluster, node);
    assert_eq!([own["content"].as_str().unwrap(), &lines].concat(), whole);
    assert!(text.len() * 3 < whole.len(), "{} of {}", text.len(), whole.len());
}

#[test]
fn a_small_node_has_small_user_data() {
    let cluster = cluster();
    let text = user_data(
        &Key::new([7; 32]),
        SITE,
        &cluster,
        cluster.node("n2").unwrap(),
        1,
        BootTarget::Image,
    )
    .text;
    let parsed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(parsed["hostname"], "n2");
    assert!(parsed.get("packages").is_none() && parsed.get("runcmd").is_none());
}

#[test]
fn what_is_on_a_disk_is_there_before_it_is_called_ready() {
    let cluster = cluster();
    let attempt = Occasion::Attempt { deployment: 6, boot: 9 };
    for (node, commands) in [("n1", 3), ("n2", 0)] {
        let node = cluster.node(node).unwrap();
        let text = user_data(&Key::new([7; 32]), SITE, &cluster, node, attempt, BootTarget::Image).text;
        let parsed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let all = parsed["runcmd"].as_array().unwrap();
        assert_eq!(
            (all.len(), all.last().unwrap()),
            (commands + 1, &"sync".into()),
            "{text}"
        );
    }
}

#[test]
fn hosts_names_every_node_once_and_further_nics_by_their_interface() {
    let cluster = cluster();
    insta::assert_snapshot!(hosts(&cluster, cluster.node("n1").unwrap()));
    let n2 = hosts(&cluster, cluster.node("n2").unwrap());
    assert!(
        n2.contains("127.0.1.1 n2.test.example n2\n"),
        "a node without address still knows its own name"
    );
}

#[test]
fn a_new_boot_is_a_new_instance() {
    let cluster = cluster();
    let node = cluster.node("n1").unwrap();
    assert_eq!(
        meta_data(&cluster, node, 42).text,
        "instance-id: n1-42\nlocal-hostname: n1\nhostname: n1.test.example\n"
    );
    assert_ne!(meta_data(&cluster, node, 42).text, meta_data(&cluster, node, 43).text);
}

#[test]
fn a_password_is_a_hash_and_logs_in() {
    let hash = "$6$saltsalt$0123456789012345678901234567890123456789";
    let file = FILE.replace("uid: 1001", &format!("uid: 1001, password_hash: {hash}"));
    let file = file.replace("  worker:\n", &format!("  worker:\n    root_password_hash: {hash}\n"));
    let cluster = crate::config::read(&file).cluster.unwrap();
    let node = cluster.node("n1").unwrap();
    let text = user_data(&Key::new([7; 32]), SITE, &cluster, node, 1, BootTarget::Image).text;
    let parsed: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    for user in [0, 1] {
        assert_eq!(parsed["users"][user]["hashed_passwd"], hash);
        assert_eq!(parsed["users"][user]["lock_passwd"], false);
    }
}
