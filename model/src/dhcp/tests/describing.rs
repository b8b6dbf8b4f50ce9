//! The answers as text.

use super::stand::*;
use crate::boot::Site;
use crate::cluster::DhcpMode;
use crate::dhcp::describe;

const SITE: Site = Site {
    address: SERVER,
    http_port: 80,
};

#[test]
fn every_field_and_option_is_listed_for_each_software() {
    let stand = Stand::new();
    let node = stand.world.cluster.node("nid001").unwrap();
    insta::assert_snapshot!(describe(&stand.world, node, SITE));
}

#[test]
fn a_proxied_network_lists_boot_files_only() {
    let stand = Stand::lab(|lab| lab.dhcp = DhcpMode::Proxy);
    let node = stand.world.cluster.node("nid002").unwrap();
    insta::assert_snapshot!(describe(&stand.world, node, SITE));
}

#[test]
fn an_observed_network_lists_no_answer() {
    let stand = Stand::lab(|lab| lab.dhcp = DhcpMode::Observe);
    let node = stand.world.cluster.node("nid001").unwrap();
    let text = describe(&stand.world, node, SITE);
    assert_eq!(text.matches("no answer").count(), 4);
}

#[test]
fn the_description_is_what_is_answered() {
    let mut stand = Stand::new();
    let node = stand.world.cluster.node("nid001").unwrap().clone();
    let text = describe(&stand.world, &node, SITE);
    let offer = stand.ask(&discover(NID1).ipxe());
    let script = text_in(&offer, wire::dhcp4::code::BOOT_FILE).unwrap();
    assert!(text.contains(&script));
    // Leases that come and go do not change it.
    stand.leased(NID1);
    assert_eq!(describe(&stand.world, &node, SITE), text);
}
