//! Addresses given, kept, given back and found in use.

use super::clients::{Dhclient, Udhcpc, dhcpcd, udhcpc};
use super::{NODE, RESERVED, STRANGER, served};
use crate::support::client::{require, said};
use crate::support::server::Served;

fn last_lease(served: &Served) -> serde_json::Value {
    served.events("dhcp.leased").pop().unwrap()
}

#[test]
fn three_clients_agree_on_what_a_node_is_told() {
    let (segment, served) = served();
    let station = segment.plug(NODE);
    let busybox = udhcpc(&station, &["-O", "mtu", "-O", "staticroutes"]).unwrap();
    for (name, value) in [
        ("ip", RESERVED),
        ("subnet", "255.255.255.0"),
        ("router", "10.77.0.254"),
        ("dns", "10.77.0.1"),
        ("hostname", "nid001"),
        ("domain", "lab.example"),
        ("search", "lab.example"),
        ("broadcast", "10.77.0.255"),
        ("ntpsrv", "10.77.0.5"),
        ("mtu", "1400"),
        ("lease", "3600"),
        ("serverid", "10.77.0.1"),
        ("staticroutes", "10.0.0.0/8 10.77.0.253 0.0.0.0/0 10.77.0.254"),
    ] {
        assert_eq!(busybox.get(name).map(String::as_str), Some(value), "{name}");
    }
    for (client, told) in [
        ("dhclient", Dhclient::new().bind(&station)),
        ("dhcpcd", dhcpcd(&station, "")),
    ] {
        for (name, value) in [
            ("new_ip_address", RESERVED),
            ("new_routers", "10.77.0.254"),
            ("new_domain_name_servers", "10.77.0.1"),
            ("new_host_name", "nid001"),
        ] {
            assert_eq!(told.get(name).map(String::as_str), Some(value), "{client}: {name}");
        }
    }
    // Three clients with three ways to name themselves are one node.
    let leases = served.events("dhcp.leased");
    assert!(leases.len() >= 3);
    assert!(leases.iter().all(|event| event["subject"] == "node:nid001"));
}

#[test]
fn a_stranger_gets_a_pool_address_and_the_same_one_again() {
    let (segment, served) = served();
    let station = segment.plug(STRANGER);
    let first = udhcpc(&station, &[]).unwrap();
    let last: u8 = first["ip"].rsplit('.').next().unwrap().parse().unwrap();
    assert!(
        first["ip"].starts_with("10.77.0.") && (100..110).contains(&last),
        "{}",
        first["ip"]
    );
    assert_eq!(udhcpc(&station, &[]).unwrap()["ip"], first["ip"]);
    assert_eq!(last_lease(&served)["subject"], format!("machine:{STRANGER}"));
}

#[test]
fn a_lease_is_renewed_and_given_back() {
    let (segment, served) = served();
    let station = segment.plug(NODE);
    let client = Udhcpc::start(&station, &[]);
    assert_eq!(client.told.wait("bound")["ip"], RESERVED);
    station.succeed(&["ip", "addr", "add", &format!("{RESERVED}/24"), "dev", "eth0"]);
    client.signal("USR1");
    assert_eq!(client.told.wait("renew")["ip"], RESERVED);
    client.signal("USR2");
    client.told.wait("deconfig");
    served.until("the lease is given back", || served.events("dhcp.released").len() == 1);
    assert_eq!(served.events("dhcp.released")[0]["body"]["address"], RESERVED);
}

#[test]
fn a_machine_that_starts_again_keeps_its_address_and_one_from_elsewhere_is_refused() {
    let (segment, served) = served();
    let station = segment.plug(STRANGER);
    let mut client = Dhclient::new();
    let first = client.bind(&station);
    client.kill();
    let again = client.bind(&station);
    assert_eq!(
        (again["event"].as_str(), &again["new_ip_address"]),
        ("REBOOT", &first["new_ip_address"])
    );
    client.kill();
    // Its lease file says that it was on another network.
    let leases = std::fs::read_to_string(client.told.path("leases")).unwrap();
    let moved = leases.replace(&first["new_ip_address"], "192.168.55.5");
    std::fs::write(client.told.path("leases"), moved).unwrap();
    let back = client.bind(&station);
    assert_eq!(back["new_ip_address"], first["new_ip_address"]);
    let refused = served.events("dhcp.refused");
    assert_eq!(
        refused[0]["body"]["why"],
        "192.168.55.5 is not in network lab (10.77.0.0/24)"
    );
    let address = format!("{}/24", back["new_ip_address"]);
    station.succeed(&["ip", "addr", "add", &address, "dev", "eth0"]);
    client.release(&station);
    served.until("the lease is given back", || !served.events("dhcp.released").is_empty());
}

#[test]
fn a_reserved_address_in_use_is_declined_and_the_node_boots_with_another() {
    let (segment, served) = served();
    let squatter = segment.plug("52:54:00:00:00:77");
    squatter.succeed(&["ip", "addr", "add", &format!("{RESERVED}/24"), "dev", "eth0"]);
    let client = Udhcpc::start(&segment.plug(NODE), &["-a", "-t", "5", "-T", "1"]);
    let bound = client.told.wait("bound");
    assert_ne!(bound["ip"], RESERVED);
    let conflict = &served.events("dhcp.conflict")[0]["body"];
    assert_eq!(
        (conflict["address"].as_str(), conflict["found_by"].as_str()),
        (Some(RESERVED), Some("declined"))
    );
}

#[test]
fn a_pool_address_in_use_is_found_by_the_probe_and_never_offered() {
    let (segment, served) = served();
    let squatter = segment.plug("52:54:00:00:00:77");
    for last in 100..109 {
        squatter.succeed(&["ip", "addr", "add", &format!("10.77.0.{last}/24"), "dev", "eth0"]);
    }
    // Asked for one that is taken, it gives the only one that is not.
    let bound = udhcpc(&segment.plug(STRANGER), &["-r", "10.77.0.104", "-t", "8"]).unwrap();
    assert_eq!(bound["ip"], "10.77.0.109");
    let conflicts = served.events("dhcp.conflict");
    assert_eq!(conflicts[0]["body"]["address"], "10.77.0.104");
    assert!(
        conflicts
            .iter()
            .all(|c| c["body"]["found_by"] == "probe" && c["body"]["mac"] == "52:54:00:00:00:77")
    );
}

#[test]
fn a_machine_with_a_static_address_is_told_the_rest() {
    let (segment, served) = served();
    let station = segment.plug(NODE);
    station.succeed(&["ip", "addr", "add", "10.77.0.200/24", "dev", "eth0"]);
    let told = dhcpcd(&station, "--inform=10.77.0.200/24");
    assert_eq!(told["new_domain_name_servers"], "10.77.0.1");
    assert_eq!(served.events("dhcp.informed").len(), 1);
    assert!(served.events("dhcp.leased").is_empty());
}

#[test]
fn each_architecture_is_given_the_loader_that_it_can_run() {
    let (segment, _served) = served();
    let station = segment.plug(NODE);
    for (arch, loader) in [
        (0, "undionly.kpxe"),
        (6, "ipxe-ia32.efi"),
        (7, "snponly.efi"),
        (9, "snponly.efi"),
        (11, "ipxe-arm64.efi"),
        (15, "http://10.77.0.1/loaders/ipxe-ia32.efi"),
        (16, "http://10.77.0.1/loaders/ipxe.efi"),
        (19, "http://10.77.0.1/loaders/ipxe-arm64.efi"),
    ] {
        let class = if arch >= 15 { "HTTPClient" } else { "PXEClient" };
        let vendor = format!("{class}:Arch:{arch:05}:UNDI:003016");
        let option = format!("93:{arch:04x}");
        let told = udhcpc(
            &station,
            &["-V", &vendor, "-x", &option, "-O", "tftp", "-O", "bootfile"],
        )
        .unwrap();
        assert_eq!(told["bootfile"], loader, "architecture {arch}");
        assert_eq!(told["boot_file"], loader, "architecture {arch}");
        let server = (arch < 15).then_some("10.77.0.1");
        assert_eq!(told.get("siaddr").map(String::as_str), server, "architecture {arch}");
        assert_eq!(told.get("tftp").map(String::as_str), server, "architecture {arch}");
    }
    // iPXE, which says the same as firmware and more.
    let ipxe = [
        "-V",
        "PXEClient:Arch:00007:UNDI:003016",
        "-x",
        "93:0007",
        "-x",
        "77:69505845",
        "-O",
        "bootfile",
    ];
    let told = udhcpc(&station, &ipxe).unwrap();
    assert_eq!(
        told["bootfile"],
        format!("http://10.77.0.1/boot/nid001/script?mac={NODE}")
    );
}

#[test]
fn a_stranger_is_given_nothing_to_boot() {
    let (segment, _served) = served();
    let station = segment.plug(STRANGER);
    let told = udhcpc(
        &station,
        &[
            "-V",
            "PXEClient:Arch:00007:UNDI:003016",
            "-x",
            "93:0007",
            "-O",
            "bootfile",
        ],
    )
    .unwrap();
    assert!(!told.contains_key("bootfile") && !told.contains_key("boot_file"));
}

#[test]
fn many_clients_at_once_get_an_address_each() {
    require("perfdhcp", "kea-admin");
    let (segment, served) = served();
    let station = segment.plug(STRANGER);
    station.succeed(&["ip", "addr", "add", "10.77.0.250/24", "dev", "eth0"]);
    // Eight clients, each asking again and again: a pool of ten is enough for all.
    let words = [
        "timeout", "60", "perfdhcp", "-4", "-r", "20", "-R", "8", "-n", "80", "-l", "eth0", "-W", "2000000",
    ];
    let output = said(&station.run(&words));
    assert!(output.contains("non unique addresses: 0"), "{output}");
    let leases = served.events("dhcp.leased");
    let of = |field: &str| {
        let mut all: Vec<String> = leases
            .iter()
            .map(|event| {
                if field == "mac" {
                    &event["body"]["ask"]["mac"]
                } else {
                    &event["body"][field]
                }
                .to_string()
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    assert_eq!((of("mac"), of("address")), (8, 8), "{output}");
}

#[test]
fn leases_outlive_the_server() {
    let (segment, served) = served();
    let station = segment.plug(STRANGER);
    let first = udhcpc(&station, &[]).unwrap();
    let served = Served::start_in(&segment, served.kill());
    served.until("the network is served", || super::is(&served, "lab", "served"));
    let other = udhcpc(&segment.plug("52:54:00:00:00:98"), &["-r", &first["ip"]]).unwrap();
    assert_ne!(other["ip"], first["ip"]);
    assert_eq!(udhcpc(&station, &[]).unwrap()["ip"], first["ip"]);
}
