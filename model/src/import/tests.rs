//! Samples as people have them, what becomes of them, and that nothing breaks a reader.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::cluster::Cluster;
use crate::export;

fn one(format: Format, name: &str, text: &str) -> Imported {
    let source = Source {
        name: name.to_string(),
        text: text.to_string(),
    };
    import(format, &wishes("imported"), &[source])
}

fn wishes(name: &str) -> Wishes<'_> {
    Wishes {
        name,
        ..Wishes::default()
    }
}

/// The cluster of a text that has to be one.
fn cluster(text: &str) -> Cluster {
    let reading = crate::config::read(text);
    let errors: Vec<_> = reading
        .diagnostics
        .iter()
        .filter(|d| d.severity == crate::config::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    reading.cluster.unwrap()
}

macro_rules! sample {
    ($name:literal) => {
        ($name, include_str!(concat!("fixtures/", $name)))
    };
}

const SAMPLES: [(Format, (&str, &str)); 10] = [
    (Format::Ansible, sample!("ansible.ini")),
    (Format::Bluebanquise, sample!("bluebanquise.yaml")),
    (Format::Conman, sample!("conman.conf")),
    (Format::Dhcpd, sample!("dhcpd.conf")),
    (Format::Dnsmasq, sample!("dnsmasq.conf")),
    (Format::Dnsmasq, sample!("dnsmasq-hostsfile")),
    (Format::Kea, sample!("kea-dhcp4.conf")),
    (Format::OpenchamiNodes, sample!("openchami-nodes.yaml")),
    (Format::OpenchamiNodes, sample!("openchami-static.yaml")),
    (Format::Pelagos, sample!("pelagos.json")),
];

#[test]
fn samples_become_cluster_files_with_everything_else_told() {
    let powerman = (Format::Powerman, sample!("powerman.conf"));
    for (format, (name, text)) in SAMPLES.into_iter().chain([powerman]) {
        let imported = one(format, name, text);
        cluster(&imported.text);
        assert_eq!(imported.text, one(format, name, text).text, "the same text each time");
        insta::assert_snapshot!(name, imported.text);
    }
}

#[test]
fn no_password_comes_into_a_cluster_file_or_a_note() {
    let powerman = (Format::Powerman, sample!("powerman.conf"));
    for (format, (name, text)) in SAMPLES.into_iter().chain([powerman]) {
        let imported = one(format, name, text);
        for secret in [
            "\"password\"",
            "P:password",
            "ADMINPASSWORD",
            "s3cret",
            "hunter2",
            "-p secret",
            "JLtp9",
        ] {
            assert!(
                !imported.text.contains(secret),
                "{name}: {secret} in\n{}",
                imported.text
            );
        }
    }
}

/// What is to survive: names with the MACs and addresses of their interfaces and BMCs.
fn identities(cluster: &Cluster) -> BTreeSet<(String, Option<Mac>, Option<IpAddr>)> {
    let mut found = BTreeSet::new();
    for node in &cluster.nodes {
        for nic in &node.nics {
            found.insert((node.name.to_string(), nic.mac, nic.address.map(IpAddr::V4)));
        }
        if let Some(bmc) = &node.bmc {
            found.insert((format!("{}-bmc", node.name), bmc.mac, Some(bmc.address)));
        }
    }
    found
}

use wire::Mac;

const CLUSTER: &str = "cluster: saga\ndomain: hpc.example\n\
    networks:\n  provision: { prefix: 10.20.0.0/20, router: 10.20.0.1, dns: 10.20.0.2, ntp: 10.20.0.2, pool: 10.20.8.0-10.20.8.99, \
    lease: 1d, mtu: 9000, routes: [{ to: 10.9.0.0/16, via: 10.20.0.3 }] }\n  bmc: { prefix: 10.21.0.0/16 }\n\
    defaults: { bmc: { user: admin, password_from: \"env:BMC\" } }\n\
    groups:\n  compute: { members: \"nid[001-020]\" }\n  burn-in: { members: nid007 }\n\
    nodes:\n  nid[001-020]: { mac: 02:00:0a:00:00:01+, address: 10.20.1.1+, bmc: { address: 10.21.1.1+, mac: 02:00:0d:00:00:01+ } }\n\
    \x20 login: { mac: 02:00:0b:00:00:01, address: 10.20.0.11, bmc: { address: 10.21.0.11, mac: 02:00:0d:00:01:01, port: 6230, \
    cipher_suites: 17, privilege: operator, quirks: opensesspriv } }\n";

#[test]
fn what_was_exported_is_imported_again() {
    let before = cluster(CLUSTER);
    let request = export::Request {
        cluster: &before,
        nodes: before.nodes.clone(),
        now: Timestamp::UNIX_EPOCH,
        port: 9100,
    };
    let all = identities(&before);
    // conman and powerman know BMCs by their addresses, and nothing else.
    let bmcs: BTreeSet<_> = all
        .iter()
        .filter(|(name, ..)| name.ends_with("-bmc"))
        .map(|(name, _, address)| (name.clone(), None, *address))
        .collect();
    for (out, back, wanted) in [
        (export::Format::Dnsmasq, Format::Dnsmasq, &all),
        (export::Format::Kea, Format::Kea, &all),
        (export::Format::Dhcpd, Format::Dhcpd, &all),
        (export::Format::Ansible, Format::Ansible, &all),
        (export::Format::Conman, Format::Conman, &bmcs),
        (export::Format::Powerman, Format::Powerman, &bmcs),
    ] {
        let exported = export::export(out, &request).unwrap();
        let imported = one(back, "export", &exported.files[0].text);
        let after = cluster(&imported.text);
        assert_eq!(identities(&after), *wanted, "{out:?}\n{}", imported.text);
        if matches!(back, Format::Dnsmasq | Format::Kea | Format::Dhcpd) {
            let (old, new) = (
                &before.networks[0],
                after.network_of(before.networks[0].prefix.network()).unwrap(),
            );
            assert_eq!(
                (
                    new.prefix,
                    new.router,
                    &new.dns,
                    &new.ntp,
                    &new.pool,
                    new.lease_seconds,
                    new.mtu,
                    &new.routes
                ),
                (
                    old.prefix,
                    old.router,
                    &old.dns,
                    &old.ntp,
                    &old.pool,
                    old.lease_seconds,
                    old.mtu,
                    &old.routes
                ),
                "{out:?}"
            );
            assert_eq!(after.domain, "hpc.example", "{out:?}");
        }
        if matches!(back, Format::Conman | Format::Powerman) {
            let access = |cluster: &Cluster| {
                let bmc = cluster.node("login").unwrap().bmc.clone().unwrap();
                (bmc.user, bmc.port, bmc.suites, bmc.privilege, bmc.quirks)
            };
            assert_eq!(access(&after), access(&before), "{out:?}");
        }
        if matches!(back, Format::Ansible | Format::Powerman) {
            assert_eq!(after.members("compute").count(), 20, "{out:?}\n{}", imported.text);
            assert_eq!(after.members("burn-in").count(), 1, "{out:?}");
        }
    }
    let dynamic = export::ansible_dynamic(&request, None).to_string();
    assert_eq!(identities(&cluster(&one(Format::Ansible, "list", &dynamic).text)), all);
}

#[test]
fn files_are_put_together_by_name_and_by_mac() {
    let source = |name: &str, text: &str| Source {
        name: name.to_string(),
        text: text.to_string(),
    };
    let first = source(
        "hosts",
        "ec:e7:a7:05:a1:fc,set:st001,172.16.0.1,st001\n02:00:00:00:00:09,172.16.0.9,login\n",
    );
    let second = source(
        "conf",
        "dhcp-range=set:lan,172.16.0.0,static,255.255.255.0,1h\ndhcp-host=ec:e7:a7:05:a1:fc,nid001,172.16.0.7\n\
         dhcp-host=02:00:00:00:00:0a,login,172.16.0.9\n",
    );
    let imported = import(Format::Dnsmasq, &wishes("both"), &[first, second]);
    let cluster = cluster(&imported.text);
    assert_eq!(cluster.nodes.len(), 2, "{}", imported.text);
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    let told = |words: &[&str]| notes.iter().any(|note| words.iter().all(|word| note.contains(word)));
    assert!(told(&["conf:2", "nid001", "st001 by its MAC (hosts:1)"]), "{notes:#?}");
    assert!(
        told(&["conf:2", "contradiction to hosts:1", "172.16.0.1, not 172.16.0.7"]),
        "{notes:#?}"
    );
    assert!(
        told(&[
            "conf:3",
            "contradiction to hosts:2",
            "02:00:00:00:00:09, not 02:00:00:00:00:0a"
        ]),
        "{notes:#?}"
    );
}

#[test]
fn a_mac_that_two_machines_claim_is_given_to_neither() {
    let imported = one(Format::Dhcpd, "dhcpd.conf", include_str!("fixtures/dhcpd.conf"));
    let cluster = cluster(&imported.text);
    for name in ["thor", "valkyrie02"] {
        assert_eq!(cluster.node(name).unwrap().nics[0].mac, None, "{name}");
        assert!(cluster.node(name).unwrap().nics[0].address.is_some(), "{name}");
    }
    let claim = imported
        .notes
        .iter()
        .filter(|note| note.why.contains("thor (dhcpd.conf:"))
        .count();
    assert_eq!(claim, 2, "both places are told: {:#?}", imported.notes);
}

#[test]
fn what_is_empty_says_so() {
    for format in Format::ALL {
        for text in ["", "\n\n", "{}", "[]", "{", "\u{feff}", "hello world", "- a\n- b\n"] {
            let imported = one(format, "file", text);
            cluster(&imported.text);
            if format != Format::Ansible {
                assert!(imported.is_empty(), "{format:?} {text:?}: {}", imported.text);
            }
        }
        let long = one(format, "file", &"x".repeat(SIZE + 1));
        assert!(long.is_empty() && long.notes[0].why.contains("8 MiB"));
    }
}

#[test]
fn what_is_nested_without_end_is_refused() {
    for format in Format::ALL {
        for open in [
            "{",
            "[",
            "{\"a\":",
            "subnet 10.0.0.0 netmask 255.0.0.0 {",
            "host x {",
            "group {",
            "- ",
            "a:\n ",
        ] {
            cluster(&one(format, "file", &open.repeat(5_000)).text);
        }
    }
}

#[test]
fn short_ranges_do_not_become_everything() {
    for (format, text) in [
        (Format::Ansible, "n[000000000:999999999]\nm[1:99999][1:99999]\n"),
        (
            Format::Powerman,
            "device \"d\" \"ipmipower\" \"ipmipower -h 10.0.[0-255].[0-255],[1-999999999] |&\"\nnode \"n[0-99999999]\" \"d\"\n",
        ),
    ] {
        let imported = one(format, "file", text);
        assert!(imported.is_empty() && !imported.notes.is_empty(), "{}", imported.text);
    }
}

/// Texts that look like something: words of all formats in any order.
fn likely() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        ";",
        "\n",
        " ",
        "\"",
        "'",
        "=",
        "#",
        "//",
        "\\",
        "-",
        "\t",
        "host",
        "subnet",
        "netmask",
        "10.0.0.1",
        "10.0.0.0",
        "255.255.255.0",
        "hardware ethernet",
        "52:54:00:00:00:01",
        "52:54:00:00:00:02",
        "fixed-address",
        "dhcp-host=",
        "dhcp-range=",
        "dhcp-option=",
        "option:router",
        "host-record=",
        "Dhcp4",
        "subnet4",
        "reservations",
        "hostname",
        "hw-address",
        "nodes",
        "node",
        "mac",
        "ip",
        "bmc_ip",
        "name",
        "n1",
        "n[1-3]",
        "n1-bmc",
        "CONSOLE",
        "dev=",
        "ipmi:10.0.0.9",
        "ipmiopts=",
        "U:a,P:b",
        "device",
        "ipmipower",
        "alias",
        "all",
        "hosts",
        "children",
        "vars",
        "networks",
        "prefix",
        "16",
        "network_interfaces",
        "ansible_host=",
        "[g]",
        "[g:vars]",
        "domain",
        "a.b",
        "null",
        "\u{2028}",
        "\u{0}",
        "é",
        "range",
        "10.0.0.5",
        "routers",
        "option",
        "\n  ",
        "\n- ",
        ": ",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_text_breaks_a_reader_and_what_is_written_is_a_cluster_file(text in likely(), noise in ".{0,200}") {
        for format in Format::ALL {
            for text in [&text, &noise] {
                let imported = one(format, "file", text);
                cluster(&imported.text);
                // Notes go to a terminal, which would obey what is in a file.
                for note in &imported.notes {
                    prop_assert!(!note.to_string().contains(char::is_control), "{note:?}");
                }
            }
        }
    }

    #[test]
    fn a_sample_with_a_hole_in_it_is_read_as_well(which in 0..SAMPLES.len(), from in 0..2_000usize, length in 1..60usize) {
        let (format, (name, text)) = SAMPLES[which];
        let chars: Vec<char> = text.chars().collect();
        let kept = chars.iter().enumerate().filter(|(at, _)| !(from..from + length).contains(at));
        let text: String = kept.map(|(_, c)| *c).collect();
        cluster(&one(format, name, &text).text);
    }
}
