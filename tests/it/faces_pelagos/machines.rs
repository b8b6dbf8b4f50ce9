//! Real tasks: a virtual BMC, and a machine that is a namespace which does what its script says.

use std::io::Read as _;
use std::net::TcpListener;

use super::{CONFIG, ended, get, images, provision};
use crate::bmc::bmcs;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const CLUSTER: &str = "cluster: lab
domain: lab.example
networks: { lan: { prefix: 10.77.0.0/24 } }
defaults: { bmc: { user: admin, password_from: 'env:BMC_PASSWORD' } }
faces: { pelagos: { listen: 10.77.0.1, tftp_root: TFTP } }
nodes:
  test-node: { mac: 'aa:bb:cc:dd:00:73', address: 10.77.0.13, bmc: { address: 127.4.0.1 } }
  other: { mac: 'aa:bb:cc:dd:00:74', address: 10.77.0.14, bmc: { address: 127.4.0.2 } }
";

/// A salt-ssh that shows what it was told.
const SALT: &str = "#!/bin/sh
shift; test \"$1\" = --roster-file && cat \"$2\" && stat -c 'mode %a' \"$2\"
for word; do echo \"word $word\"; done
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tftp");
    images(&root);
    let cluster = CLUSTER.replace("TFTP", &root.display().to_string());
    std::fs::write(folder.path().join("cluster.yaml"), cluster).unwrap();
    std::fs::write(folder.path().join("pelagos.json"), CONFIG).unwrap();
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    let salt = folder.path().join("bin/salt-ssh");
    std::fs::write(&salt, SALT).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&salt, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Serves the folder; with what is in its `bin`, or without.
fn serve(segment: &Segment, folder: tempfile::TempDir, with_salt: bool) -> Served {
    let path = std::env::var("PATH").unwrap();
    let path = match with_salt {
        true => format!("{}:{path}", folder.path().join("bin").display()),
        false => path,
    };
    let mut command = Served::command(segment, folder.path());
    command
        .arg("--pelagos-config")
        .arg(folder.path().join("pelagos.json"))
        .envs([("BMC_PASSWORD", "lab"), ("PATH", &path)]);
    let server = Served::start_as(command, folder);
    server.until_served();
    server.until("the face is open", || server.log().contains("a face is open"));
    server
}

fn machine(segment: &Segment) -> Station {
    let machine = segment.plug("aa:bb:cc:dd:00:73");
    machine.succeed(&["ip", "addr", "add", "10.77.0.13/24", "dev", "eth0"]);
    machine
}

/// What the machine gets for a URL.
fn fetch(machine: &Station, url: &str) -> String {
    machine.succeed(&["curl", "-fsS", "-m", "20", url])
}

fn script(machine: &Station) -> String {
    fetch(machine, "http://10.77.0.1/boot/test-node/script?mac=aa:bb:cc:dd:00:73")
}

/// Does what the script of an image says.
fn boots(machine: &Station, script: &str) {
    let urls = script.split_whitespace().filter_map(|word| {
        let url = word.trim_start_matches("rd.kiwi.install.image=");
        url.starts_with("http://10.77.0.1/pelagos/").then_some(url)
    });
    let mut fetched: Vec<String> = urls.map(|url| fetch(machine, url)).collect();
    fetched.sort();
    let wanted = [
        "minimal-sle-15-sp1.x86_64-0.1.1.xz",
        "pxeboot.initrd.xz",
        "pxeboot.kernel",
    ];
    assert_eq!(fetched, wanted, "{script}");
}

fn switched(server: &Served) -> usize {
    let is_its = |event: &&serde_json::Value| event["subject"] == "node:test-node";
    server.events("power").iter().filter(is_its).count()
}

#[test]
fn a_node_gets_its_image_answers_is_set_up_and_boots_its_disk_although_the_server_is_killed_meanwhile() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.4.0.1", "2"]);
    let machine = machine(&segment);
    let server = serve(&segment, folder(), true);
    let words = [
        "-F",
        "os=sle-15.1",
        "-F",
        "node=test_node",
        "-F",
        "add_sls=setup_hsm ceph.base",
    ];
    let task = super::curl(&segment, &words, "/node/provision").task();
    server.until("the machine is switched on", || switched(&server) == 1);
    let armed = server.events("deployment.armed").pop().unwrap();
    assert_eq!(
        (armed["actor"].as_str(), armed["body"]["frozen_seconds"].as_i64()),
        (Some("pelagos:10.77.0.1"), Some(180))
    );
    let server = serve(&segment, server.kill(), true);
    assert_eq!(get(&segment, &task).status, 202);
    // The system that was there before answers; that is not what is waited for.
    let ssh = machine.within(|| TcpListener::bind("10.77.0.13:22").unwrap());
    let told = script(&machine);
    for wanted in [
        "biosdevname=0 net.ifnames=0 rd.kiwi.install.pxe",
        "rd.kiwi.install.image=http://10.77.0.1/pelagos/sle-15.1-0.1.1-29.1/minimal-sle-15-sp1.x86_64-0.1.1.xz",
        "console=tty1 console=ttyS1,115200 rd.debug rd.kiwi.debug",
    ] {
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
    assert_eq!(
        get(&segment, "/node/test_node").json()["pxe"]["os"],
        "sle-15.1-0.1.1-29.1"
    );
    assert!(server.events("system.answered").is_empty());
    boots(&machine, &told);
    let done = ended(&server, &segment, &task);
    assert_eq!(done.status, 200, "{}\n{}", done.body, server.log());
    assert_eq!(
        (done.json()["status"].as_str(), done.json()["os"].as_str()),
        (Some("done"), Some("sle-15.1-0.1.1-29.1"))
    );
    assert_eq!(done.json()["node"]["own"][0], 1);
    drop(ssh);
    // From now on it boots its disk.
    assert!(
        script(&machine).contains("boots from its own disk"),
        "{}",
        script(&machine)
    );
    assert_eq!(get(&segment, "/node/test_node").json()["pxe"]["os"], "local");
    assert_eq!(switched(&server), 1);
    let id = task.rsplit('/').next().unwrap();
    let log = get(&segment, &format!("/tasks/log/{id}")).json()["LogData"]
        .as_str()
        .unwrap()
        .to_string();
    for wanted in [
        "INFO | Found os [sle-15.1-0.1.1-29.1]",
        "| INFO | its system answers at 10.77.0.13:22",
        "Salt Output: word setup_hsm",
        "Salt Output: word ceph.base",
        "Salt Output: word 10.77.0.13",
        "Salt Output: mode 600",
        "Salt Output:   passwd: 'linux'",
    ] {
        assert!(log.contains(wanted), "{wanted}\n{log}");
    }
    let left: Vec<_> = std::fs::read_dir(server.folder().join("pelagos"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().starts_with("roster")),
        "{left:?}"
    );
    // Nobody gets anything else of this host.
    for path in ["pelagos/../etc/passwd", "pelagos/%2e%2e/journal.db", "pelagos/sle-15.1"] {
        let output = machine.run(&["curl", "-fsS", "--path-as-is", &format!("http://10.77.0.1/{path}")]);
        assert!(!output.status.success(), "{path}");
    }
    // Without salt-ssh states are a failure that says so.
    let server = serve(&segment, server.stop(), false);
    let task = super::curl(&segment, &words, "/node/provision").task();
    server.until("the machine is switched over", || switched(&server) == 2);
    boots(&machine, &script(&machine));
    let _ssh = machine.within(|| TcpListener::bind("10.77.0.13:22").unwrap());
    let failed = ended(&server, &segment, &task);
    assert_eq!(failed.status, 501);
    assert!(
        failed
            .body
            .contains("Salt execution failed: setup_hsm: salt-ssh is not on this host"),
        "{}",
        failed.body
    );
}

#[test]
fn a_node_is_parked_and_sent_to_its_disk_and_a_task_is_dismissed_with_its_deployment() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.4.0.1", "2"]);
    let machine = machine(&segment);
    let server = serve(&segment, folder(), false);
    let ssh = machine.within(|| TcpListener::bind("10.77.0.13:22").unwrap());
    let task = provision(&segment, "test_node", "maintenance_image");
    server.until("the machine is switched on", || switched(&server) == 1);
    let told = script(&machine);
    assert!(
        told.contains("console=tty1 console=ttyS1,115200 kiwiserver=10.77.0.1 ramdisk_size=2048000"),
        "{told}"
    );
    assert_eq!(
        fetch(&machine, "http://10.77.0.1/pelagos/boot/park.kernel"),
        "park.kernel"
    );
    let done = ended(&server, &segment, &task);
    assert_eq!(
        (done.status, done.json()["os"].as_str()),
        (200, Some("maintenance_image"))
    );
    let task = provision(&segment, "test-node.lab.example", "local");
    server.until("the machine is switched over", || switched(&server) == 2);
    assert!(!script(&machine).contains("kernel "), "{}", script(&machine));
    assert_eq!(ended(&server, &segment, &task).status, 200);
    drop(ssh);
    let task = provision(&segment, "other", "sle-15.1");
    server.until("it is armed", || {
        server.json(&["deployments", "other"])[0]["phase"] == "armed"
    });
    let dismissed = super::curl(&segment, &["-d", "node=other"], "/node/dismiss");
    assert_eq!(dismissed.status, 200, "{}", dismissed.body);
    assert_eq!(get(&segment, &task).status, 410);
    assert_eq!(server.json(&["deployments", "other"])[0]["phase"], "dismissed");
    // Who dismisses it here ends the task.
    let task = provision(&segment, "other", "sle-15.1");
    server.until("it is armed", || {
        server.json(&["deployments", "other"])[0]["phase"] == "armed"
    });
    server.text(&["dismiss", "other"]);
    assert!(
        ended(&server, &segment, &task)
            .body
            .contains("Stop provisioning thread by request")
    );
    // TFTP has what GRUB starts.
    let mut file = Vec::new();
    let output = machine.run(&[
        "curl",
        "-sS",
        "-m",
        "20",
        "tftp://10.77.0.1/pelagos/sle-15.1/pxeboot.kernel",
    ]);
    (&output.stdout[..]).read_to_end(&mut file).unwrap();
    assert_eq!(file, b"pxeboot.kernel");
}

#[test]
fn a_node_that_wants_a_restart_is_switched_over_once_more_and_awaited() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.4.0.1", "2"]);
    let machine = machine(&segment);
    let folder = folder();
    let wanted = CONFIG.replacen(
        "\"node\": \"test_node\"",
        "\"node\": \"test_node\", \"provision_need_reboot\": \"yes\"",
        1,
    );
    assert_ne!(wanted, CONFIG);
    std::fs::write(folder.path().join("pelagos.json"), wanted).unwrap();
    let server = serve(&segment, folder, false);
    let task = provision(&segment, "test_node", "sle-15.1");
    server.until("the machine is switched on", || switched(&server) == 1);
    boots(&machine, &script(&machine));
    let ssh = machine.within(|| TcpListener::bind("10.77.0.13:22").unwrap());
    server.until("the machine is switched over", || switched(&server) == 2);
    // It is gone, and comes back from its disk.
    drop(ssh);
    assert_eq!(get(&segment, &task).status, 202);
    assert!(script(&machine).contains("boots from its own disk"));
    let _ssh = machine.within(|| TcpListener::bind("10.77.0.13:22").unwrap());
    let done = ended(&server, &segment, &task);
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(switched(&server), 2);
}
