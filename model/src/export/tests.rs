//! What each format looks like, and what none of them ever holds. Each format's own program reads them in `tests/it/export`.

use std::sync::Arc;

use super::*;

const CLUSTER: &str = include_str!("fixture.yaml");

fn cluster(text: &str) -> Cluster {
    let reading = crate::config::read(text);
    reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn request(cluster: &Cluster) -> Request<'_> {
    Request {
        cluster,
        nodes: cluster.nodes.clone(),
        now: "2026-11-26T09:00:00Z".parse().unwrap(),
        port: 9100,
    }
}

fn shown(exported: &Exported) -> String {
    let mut out = String::new();
    for file in &exported.files {
        out += &format!("==> {} <==\n{}", file.name, file.text);
    }
    out
}

#[test]
fn every_format_says_all_it_can_and_notes_the_rest() {
    let cluster = cluster(CLUSTER);
    for format in Format::ALL {
        let exported = export(format, &request(&cluster)).unwrap();
        let mut text = shown(&exported);
        if !format.has_comments() {
            text += &format!("notes: {:#?}\n", exported.notes);
        }
        insta::assert_snapshot!(format.as_str(), text);
    }
}

#[test]
fn a_dynamic_inventory_answers_both_questions() {
    let cluster = cluster(CLUSTER);
    let list = ansible_dynamic(&request(&cluster), None);
    assert_eq!(
        list["compute"]["hosts"],
        serde_json::json!(["nid001", "nid002", "store"])
    );
    assert_eq!(list["burn_in"]["hosts"], serde_json::json!(["nid002", "unknown"]));
    assert_eq!(list["_meta"]["hostvars"]["nid001"]["ansible_host"], "10.20.0.11");
    let one = ansible_dynamic(&request(&cluster), Some("nid001"));
    assert_eq!(one, list["_meta"]["hostvars"]["nid001"]);
    assert_eq!(
        ansible_dynamic(&request(&cluster), Some("nobody")),
        serde_json::json!({})
    );
}

#[test]
fn a_part_of_the_nodes_is_a_part_of_every_format() {
    let cluster = cluster(CLUSTER);
    let nodes: Vec<Arc<Node>> = vec![cluster.node("nid002").unwrap().clone()];
    for format in Format::ALL {
        let request = Request {
            nodes: nodes.clone(),
            ..request(&cluster)
        };
        let text = shown(&export(format, &request).unwrap());
        assert!(text.contains("nid002"), "{format:?}: {text}");
        assert!(!text.contains("nid001"), "{format:?}: {text}");
    }
}

#[test]
fn nothing_is_exported_without_a_note_where_nothing_can_be() {
    let cluster = cluster("cluster: bare\nnodes:\n  n1: { uuid: 4c4c4544-0042-3510-8057-b7c04f4c3532 }\n");
    for format in [
        Format::Conman,
        Format::Powerman,
        Format::Dnsmasq,
        Format::Kea,
        Format::Dhcpd,
        Format::Teuthology,
    ] {
        let exported = export(format, &request(&cluster)).unwrap();
        assert!(
            exported.notes.iter().any(|note| note.starts_with("n1: ")),
            "{format:?}: {:?}",
            exported.notes
        );
    }
    let refused = export(Format::Bind, &request(&cluster)).unwrap_err();
    assert_eq!(refused, ExportError::NoDomain);
}

#[test]
fn a_pool_is_cut_where_addresses_are_reserved() {
    let cluster = cluster(
        "cluster: c\nnetworks:\n  lan: { prefix: 10.0.0.0/24, pool: [10.0.0.10-10.0.0.19, 10.0.0.30-10.0.0.30] }\n",
    );
    let left = |taken: &[&str]| {
        let taken = taken.iter().map(|address| address.parse().unwrap()).collect();
        let left = dhcp::pool_without(&cluster.networks[0], taken);
        let ranges: Vec<String> = left
            .iter()
            .map(|range| format!("{}-{}", range.first, range.last))
            .collect();
        ranges.join(" ")
    };
    assert_eq!(left(&[]), "10.0.0.10-10.0.0.19 10.0.0.30-10.0.0.30");
    assert_eq!(left(&["10.0.0.10", "10.0.0.30"]), "10.0.0.11-10.0.0.19");
    assert_eq!(
        left(&["10.0.0.15", "10.0.0.14", "10.0.0.19"]),
        "10.0.0.10-10.0.0.13 10.0.0.16-10.0.0.18 10.0.0.30-10.0.0.30"
    );
}

#[test]
fn ten_thousand_nodes_are_exported_in_a_moment() {
    let cluster = cluster(
        "cluster: big\ndomain: big.example\nnetworks:\n  lan: { prefix: 10.0.0.0/16 }\n  bmc: { prefix: 10.1.0.0/16 }\ngroups:\n  all-of-them: { members: \"n[00001-10000]\" }\nnodes:\n  n[00001-10000]: { mac: 02:00:00:00:00:01+, address: 10.0.1.1+, bmc: { address: 10.1.1.1+ } }\n",
    );
    for format in Format::ALL {
        let text = shown(&export(format, &request(&cluster)).unwrap());
        // Folded names have the last one in them as well.
        assert!(text.contains("10000"), "{format:?}");
    }
}
