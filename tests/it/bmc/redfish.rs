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
