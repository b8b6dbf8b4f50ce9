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
    let password = ["--password-from", "env:BMC_PASSWORD"];
    let _bmcs = super::virtuals::bmcs(
        &segment,
        &[&["127.5.0.1", "3", "--redfish-port", "0"], &password[..]].concat(),
    );
    let _with_both = super::virtuals::bmcs(&segment, &[&["127.5.2.1", "2"], &password[..]].concat());
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
    // Of one that speaks both, Redfish is taken: it knows the MACs.
    let (well, found) = run(&[&["127.5.2.0/29", "--user", "admin"], &password[..]].concat());
    assert!(well && found.starts_with("# 2 of 6 addresses have a BMC"), "{found}");
    assert!(
        found.contains("mac: \"52:54:01:00:00:01\"")
            && found.contains("bmc: { address: 127.5.2.2, protocol: redfish }"),
        "{found}"
    );
    assert!(!run(&["127.5.1.0/29"]).0);
}

#[test]
fn a_virtual_bmc_is_operated_over_redfish_and_has_another_certificate_when_it_is_made_anew() {
    let segment = Segment::new("10.77.0.1/24");
    let bmc = super::virtuals::bmcs(&segment, &["127.5.3.1"]);
    let nodes = "  n1: { mac: 52:54:01:00:00:00, bmc: { address: 127.5.3.1 } }\n";
    let cluster = cluster("protocol: redfish", nodes).replace("user: root", "user: admin");
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", "lab")]);
    server.until("the BMC answers", || {
        server.cli(&["power", "status", "n1"]).status.success()
    });
    assert_eq!(server.events("bmc.trusted").len(), 1);
    assert_eq!(server.text(&["power", "on", "n1"]), "n1           on\n");
    assert_eq!(
        server.text(&["bmc", "boot", "pxe", "n1", "--uefi", "--always"]),
        "n1: boots pxe from now on (UEFI)\n"
    );
    assert_eq!(server.text(&["power", "cycle", "n1"]), "n1           on\n");
    assert_eq!(server.text(&["power", "reset", "n1"]), "n1           on\n");
    let info = server.json(&["bmc", "info", "n1"])[0]["info"].clone();
    assert_eq!(info["macs"], serde_json::json!(["52:54:01:00:00:00"]));
    for (key, wanted) in [
        ("protocol", "redfish"),
        ("firmware", "1.00"),
        ("maker", "Bellwether"),
        ("serial", "LAB-00000"),
        ("boot", "Pxe (UEFI, always)"),
    ] {
        assert_eq!(info[key], wanted, "{info}");
    }
    let sensors = server.json(&["bmc", "sensors", "n1"])[0]["sensors"].clone();
    let named = |name: &str| -> serde_json::Value {
        let list = sensors.as_array().unwrap();
        list.iter().find(|sensor| sensor["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&named("Fan 1")["value"], &named("Fan 1")["unit"]),
        (&5700.0.into(), &"rpm".into())
    );
    assert_eq!(named("12V")["value"], 12.12);
    server.text(&["bmc", "identify", "n1"]);
    server.text(&["bmc", "identify", "n1", "--off"]);
    assert_eq!(
        server.text(&["power", "soft", "n1", "--grace", "20s"]),
        "n1           off\n"
    );
    let log = server.text(&["bmc", "log", "n1"]);
    assert!(log.contains("power on") && log.contains("switched off"), "{log}");
    server.text(&["bmc", "log", "n1", "--clear"]);
    assert!(server.text(&["bmc", "log", "n1"]).contains("the log is empty"));
    server.text(&["bmc", "restart", "n1"]);
    assert_eq!(server.text(&["power", "status", "n1"]), "off      n1\n");
    drop(bmc);
    let _bmc = super::virtuals::bmcs(&segment, &["127.5.3.1"]);
    let mut said = String::new();
    server.until("the new one answers", || {
        said = String::from_utf8(server.cli(&["power", "status", "n1"]).stdout).unwrap();
        !said.contains("cannot be reached")
    });
    assert!(said.contains("shows another certificate than before"), "{said}");
    server.text(&["bmc", "trust", "n1"]);
    assert_eq!(server.text(&["power", "status", "n1"]), "off      n1\n");
}

#[test]
fn every_fault_of_real_bmcs_is_met_over_redfish() {
    let segment = Segment::new("10.77.0.1/24");
    let faults = [
        "slow",
        "no-cycle",
        "busy",
        "forgets-boot",
        "late-power",
        "full",
        "dead",
        "wrong-password",
    ];
    let mut running = Vec::new();
    let mut nodes = String::new();
    for (n, fault) in faults.iter().enumerate() {
        let address = format!("127.5.4.{}", n + 1);
        running.push(super::virtuals::bmcs(&segment, &[&address, "--fault", fault]));
        nodes.push_str(&format!(
            "  {fault}: {{ mac: 52:54:00:00:00:0{}, bmc: {{ address: {address} }} }}\n",
            n + 1
        ));
    }
    let cluster = cluster("protocol: redfish", &nodes).replace("user: root", "user: admin");
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", "lab")]);
    let failed = |words: &[&str]| {
        let output = server.cli(words);
        assert!(!output.status.success(), "{words:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    server.until("those that let us in answer", || {
        server
            .cli(&["power", "status", "*!full!dead!wrong-password"])
            .status
            .success()
    });
    for fault in ["slow", "no-cycle", "busy", "forgets-boot", "late-power"] {
        assert_eq!(server.text(&["power", "on", fault]), format!("{fault:<12} on\n"));
    }
    assert_eq!(
        server.text(&["power", "cycle", "no-cycle"]),
        "no-cycle     on (off and on: the BMC has no power cycle)\n"
    );
    assert_eq!(
        server.text(&["bmc", "boot", "pxe", "busy"]),
        "busy: boots pxe next (UEFI)\n"
    );
    let said = failed(&["bmc", "boot", "pxe", "forgets-boot"]);
    assert!(said.contains("it took Pxe and reads None back"), "{said}");
    let said = failed(&["power", "status", "full"]);
    assert!(
        said.contains("503 Service Unavailable: All places for sessions are taken"),
        "{said}"
    );
    let said = failed(&["power", "status", "dead"]);
    assert!(said.contains("cannot be reached") && said.contains("refused"), "{said}");
    let said = failed(&["power", "status", "wrong-password"]);
    assert!(said.contains("refuses the login: 401 Unauthorized"), "{said}");
}
