//! Our Redfish client against `sushy-emulator`.

use super::emulators::{PASSWORD, Sushy, cluster};
use crate::support::segment::Segment;
use crate::support::server::Served;

#[test]
fn a_redfish_bmc_is_operated_and_only_its_first_certificate_is_taken() {
    let segment = Segment::new("10.77.0.1/24");
    let mut emulator = Sushy::start(&segment, 8443);
    let cluster = cluster(
        "protocol: redfish, port: 8443",
        "  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.0.0.1 } }\n",
    );
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", PASSWORD)]);
    server.until("the emulator answers", || {
        server.cli(&["power", "status", "n1"]).status.success()
    });
    assert_eq!(server.text(&["power", "status", "n1"]), "off      n1\n");
    assert_eq!(server.text(&["power", "on", "n1"]), "n1           on\n");
    assert_eq!(
        server.text(&["bmc", "boot", "pxe", "n1", "--uefi"]),
        "n1: boots pxe next (UEFI)\n"
    );
    let info = &server.json(&["bmc", "info", "n1"])[0];
    assert_eq!(info["info"]["uuid"], "11111111-1111-4111-8111-000000000001");
    assert_eq!(info["info"]["macs"][0], "52:54:00:00:00:01");
    assert!(info["info"]["boot"].as_str().unwrap().starts_with("Pxe"), "{info}");
    assert_eq!(server.text(&["power", "off", "n1"]), "n1           off\n");
    // Another certificate: somebody sits between, or the BMC was replaced. Only a person can tell.
    emulator.new_certificate();
    emulator.run(&segment);
    let mut said = String::new();
    server.until("the emulator is back", || {
        let output = server.cli(&["power", "status", "n1"]);
        assert!(!output.status.success());
        said = String::from_utf8(output.stdout).unwrap();
        !said.contains("cannot be reached")
    });
    assert!(said.contains("shows another certificate than before"), "{said}");
    assert!(server.text(&["bmc", "trust", "n1"]).contains("is trusted"));
    assert_eq!(server.text(&["power", "status", "n1"]), "off      n1\n");
    assert!(!server.text(&["events", "n1"]).contains(PASSWORD));
}

#[test]
fn bmcs_are_found_and_make_entries_that_the_cluster_file_takes() {
    let segment = Segment::new("10.77.0.1/24");
    let _emulator = Sushy::start(&segment, 8444);
    let _bmcs = super::virtuals::bmcs(&segment, &["127.5.0.1", "3", "--password-from", "env:BMC_PASSWORD"]);
    let run = |words: &[&str]| {
        let mut command = segment.command(crate::support::server::PROGRAM);
        command
            .args(["bmc", "discover"])
            .args(words)
            .env("BMC_PASSWORD", PASSWORD);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let login = [
        "--user",
        "root",
        "--password-from",
        "env:BMC_PASSWORD",
        "--redfish-port",
        "8444",
    ];
    let mut found = String::new();
    super::emulators::until("the emulator is found", || {
        found = run(&[&["127.0.0.1", "--from-redfish"], &login[..]].concat()).1;
        found.contains("mac:")
    });
    assert!(found.contains("  nid001:  # Sushy Emulator"), "{found}");
    assert!(
        found.contains("bmc: { address: 127.0.0.1, protocol: redfish, port: 8444 }"),
        "{found}"
    );
    // What was found is put into a file as it is.
    let file = tempfile::NamedTempFile::new().unwrap();
    let defaults = "defaults: { bmc: { user: root, password_from: \"env:BMC_PASSWORD\" } }";
    std::fs::write(
        file.path(),
        format!("cluster: c\nnetworks: {{ lan: {{ prefix: 10.77.0.0/24 }} }}\n{defaults}\nnodes:\n{found}"),
    )
    .unwrap();
    let checked = std::process::Command::new(crate::support::server::PROGRAM)
        .arg("check")
        .arg(file.path())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // Who speaks IPMI only, asked without a login, in a range where most are nobody.
    let (well, found) = run(&["127.5.0.0/29", "--first", "rack1n08"]);
    assert!(well && found.starts_with("# 3 of 6 addresses have a BMC"), "{found}");
    assert!(
        found.contains("  rack1n10:\n") && found.contains("bmc: { address: 127.5.0.3 }"),
        "{found}"
    );
    assert!(!run(&["127.5.1.0/29"]).0);
}
