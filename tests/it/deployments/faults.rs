//! What goes wrong on the server while a node installs.

use super::in_folder;
use crate::support::disk::Disk;

#[test]
fn what_a_full_disk_cannot_keep_is_said_again_and_kept_when_there_is_space() {
    let disk = Disk::of("12m");
    let mut stage = in_folder(tempfile::tempdir_in(disk.path()).unwrap());
    stage.arm();
    let agent = stage.agent();
    assert_eq!(stage.call(&agent, "started", ""), "200");
    let ballast = disk.path().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    let full = std::io::copy(&mut std::io::repeat(1), &mut file).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    // The journal has some pages left; each callback takes of them.
    let mut codes = (0..200).map(|_| stage.call(&agent, "progress", &"x".repeat(3000)));
    assert!(codes.any(|code| code == "503"), "the journal took all of it");
    // An agent calls until it is heard.
    assert_eq!(stage.call(&agent, "installed", ""), "503");
    assert_eq!(stage.phase(), "installing");
    let armed = stage.served().cli(&["deploy", "n2", "--yes", "--no-wait"]);
    assert!(!armed.status.success());
    let said = crate::support::client::said(&armed);
    assert!(said.contains("space") || said.contains("journal"), "{said}");
    drop(file);
    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(stage.call(&agent, "installed", ""), "200");
    stage.kill();
    assert_eq!(stage.phase(), "installed");
}

#[test]
fn a_node_that_is_no_longer_declared_is_not_installed() {
    let stage = super::stage();
    stage.arm();
    let agent = stage.agent();
    let without = super::CLUSTER.lines().filter(|line| !line.contains("n1:"));
    let without: String = without.map(|line| format!("{line}\n")).collect();
    stage.served().reload(&without);
    stage.served().until("its deployment ends", || {
        !stage.served().events("deployment.ended").is_empty()
    });
    for hook in ["started", "installed"] {
        assert_eq!(stage.call(&agent, hook, ""), "403", "{hook}");
    }
    let end = stage.served().events("deployment.ended").pop().unwrap();
    assert_eq!(end["body"]["ending"], "dismissed", "{end}");
    assert!(end["body"]["why"].as_str().unwrap().contains("no longer declared"));
}

#[test]
fn an_image_that_is_gone_or_changed_on_the_disk_is_not_served_in_its_place() {
    let stage = super::stage();
    stage.arm();
    let agent = stage.agent();
    let plan = stage.station.succeed(&["curl", "-fsS", &agent.plan]);
    let url = plan
        .lines()
        .find_map(|line| line.strip_prefix("URL="))
        .unwrap()
        .to_string();
    assert_eq!(stage.status("GET", &url), "200");
    // A torn copy: shorter than its manifest says.
    let file = stage.served().folder().join("images/tiny/root.squashfs");
    std::fs::write(&file, "root").unwrap();
    assert_eq!(stage.status("GET", &url), "503");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(stage.status("GET", &url), "404");
    assert_eq!(stage.call(&agent, "failed", "the image is not there"), "200");
    assert_eq!(stage.phase(), "retrying");
}
