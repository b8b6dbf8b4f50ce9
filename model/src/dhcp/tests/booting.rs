//! Which loader for whom, and how it is named.

use std::net::SocketAddrV4;
use std::sync::Arc;

use wire::dhcp4::{Arch, MessageType, code};

use super::stand::*;
use crate::cluster::{Cluster, DhcpMode, Layer, LoaderChoice, Origin, Settings, Sourced};
use crate::dhcp::{Destination, Reason};
use crate::event::{Stage, What};

#[test]
fn each_architecture_gets_the_loader_that_it_can_run() {
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
        let mut stand = Stand::new();
        let arch = Arch::from_code(arch);
        let offer = stand.ask(&discover(NID1).firmware(arch));
        assert_eq!(text_in(&offer, code::BOOT_FILE).as_deref(), Some(loader), "{arch}");
        let class = if arch.is_http() { "HTTPClient" } else { "PXEClient" };
        assert_eq!(text_in(&offer, code::VENDOR_CLASS).as_deref(), Some(class), "{arch}");
        let message = &reply(&offer).message;
        let tftp = (!arch.is_http()).then_some(SERVER);
        assert_eq!(message.header.siaddr, tftp.unwrap_or(ip("0.0.0.0")), "{arch}");
        let pxe: Option<&[u8]> = (!arch.is_http()).then_some(&[6, 1, 8, 255]);
        assert_eq!(message.get(code::VENDOR_ENCAPSULATED), pxe, "{arch}");
    }
}

#[test]
fn an_architecture_without_a_loader_gets_an_address_only() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID1).firmware(Arch::EfiRiscv64));
    assert_eq!(text_in(&offer, code::BOOT_FILE), None);
    assert_eq!(reply(&offer).message.header.yiaddr, ip("10.77.0.11"));
}

#[test]
fn the_cluster_file_can_choose_the_loader() {
    let mut nodes = nodes();
    nodes[0].settings = Arc::new(Settings {
        loader: Some(Sourced {
            value: LoaderChoice::Ipxe,
            origin: Origin {
                layer: Layer::Defaults,
                line: 1,
            },
        }),
        ..Settings::default()
    });
    let mut stand = Stand::with(networks(), nodes);
    let offer = stand.ask(&discover(NID1).firmware(Arch::EfiX64));
    assert_eq!(text_in(&offer, code::BOOT_FILE).as_deref(), Some("ipxe.efi"));
}

#[test]
fn ipxe_is_recognised_so_that_nothing_loops() {
    let script = "http://10.77.0.1/boot/nid001/script?mac=52:54:00:00:00:01";
    let by_class = discover(NID1).firmware(Arch::EfiX64).option(code::USER_CLASS, b"iPXE");
    let by_list = discover(NID1)
        .firmware(Arch::EfiX64)
        .option(code::USER_CLASS, b"\x04iPXE");
    let by_option = discover(NID1).firmware(Arch::BiosX86).option(code::IPXE, &[1, 1, 0]);
    for ask in [by_class, by_list, by_option] {
        let mut stand = Stand::new();
        let offer = stand.ask(&ask);
        assert_eq!(text_in(&offer, code::BOOT_FILE).as_deref(), Some(script));
        assert_eq!(reply(&offer).message.get(code::VENDOR_CLASS), None);
        let What::DhcpOffered { ask, .. } = &offer.events[0].what else {
            panic!()
        };
        assert_eq!(ask.stage, Stage::Ipxe);
    }
}

#[test]
fn ipxe_is_told_not_to_wait_for_another_offer() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID1).ipxe());
    assert_eq!(reply(&offer).message.get(code::IPXE), Some(&[176, 1, 1][..]));
}

#[test]
fn an_operating_system_gets_no_boot_file() {
    let mut stand = Stand::new();
    let offer = stand.ask(&discover(NID1).option(code::VENDOR_CLASS, b"udhcp 1.36.1"));
    assert_eq!(text_in(&offer, code::BOOT_FILE), None);
    assert!(reply(&offer).message.header.siaddr.is_unspecified());
}

#[test]
fn a_stranger_is_never_given_anything_to_boot() {
    for ask in [
        discover(STRANGER).firmware(Arch::BiosX86),
        discover(STRANGER).firmware(Arch::EfiX64),
        discover(STRANGER).firmware(Arch::HttpX64),
        discover(STRANGER).ipxe(),
    ] {
        let mut stand = Stand::new();
        let offer = stand.ask(&ask);
        let message = &reply(&offer).message;
        assert!(!message.header.yiaddr.is_unspecified());
        assert_eq!(
            (message.get(code::BOOT_FILE), message.get(code::TFTP_SERVER)),
            (None, None)
        );
        assert!(message.header.siaddr.is_unspecified());
    }
}

#[test]
fn the_port_of_the_http_door_is_in_the_url() {
    let mut stand = Stand::new();
    stand.link.http_port = 8080;
    let offer = stand.ask(&discover(NID1).ipxe());
    assert!(
        text_in(&offer, code::BOOT_FILE)
            .unwrap()
            .starts_with("http://10.77.0.1:8080/boot/")
    );
}

#[test]
fn a_closed_door_is_not_named() {
    let mut stand = Stand::new();
    let mut cluster = Cluster::clone(&stand.world.cluster);
    cluster.doors.tftp = None;
    stand.world.cluster = Arc::new(cluster);
    let offer = stand.ask(&discover(NID1).firmware(Arch::EfiX64));
    assert_eq!(text_in(&offer, code::BOOT_FILE), None);
    let offer = stand.ask(&discover(NID1).firmware(Arch::HttpX64));
    assert!(text_in(&offer, code::BOOT_FILE).is_some());
}

fn proxy() -> Stand {
    Stand::lab(|lab| lab.dhcp = DhcpMode::Proxy)
}

#[test]
fn proxy_dhcp_adds_a_boot_file_and_no_address() {
    let mut stand = proxy();
    let offer = stand.ask(&discover(NID1).firmware(Arch::EfiX64));
    let message = &reply(&offer).message;
    assert_eq!((kind(&offer), offer.why), (MessageType::Offer, Reason::BootFileOnly));
    assert!(message.header.yiaddr.is_unspecified());
    assert_eq!(
        (message.get(code::LEASE_TIME), message.get(code::SUBNET_MASK)),
        (None, None)
    );
    assert_eq!(text_in(&offer, code::BOOT_FILE).as_deref(), Some("snponly.efi"));
    assert_eq!(reply(&offer).destination, Destination::Broadcast);
    assert!(matches!(offer.events[0].what, What::DhcpOffered { address: None, .. }));
    assert!(stand.offers.is_empty() && stand.world.leases.is_empty());
}

#[test]
fn proxy_dhcp_is_recognised_by_ipxe_too() {
    let mut stand = proxy();
    let offer = stand.ask(&discover(NID1).ipxe());
    assert_eq!(text_in(&offer, code::VENDOR_CLASS).as_deref(), Some("PXEClient"));
    // Without a server it would take the offer for an incomplete one.
    assert_eq!(reply(&offer).message.header.siaddr, SERVER);
    // It is not told to ignore ProxyDHCP.
    assert_eq!(reply(&offer).message.get(code::IPXE), None);
}

#[test]
fn proxy_dhcp_leaves_requests_systems_and_strangers_to_the_server() {
    let mut stand = proxy();
    for (ask, why) in [
        (selecting(NID1, ip("10.77.0.11")), Reason::ProxyOnly),
        (discover(NID1), Reason::ProxyOnly),
        (discover(STRANGER).firmware(Arch::EfiX64), Reason::NoBootFile),
    ] {
        let decision = stand.ask(&ask);
        assert_eq!((is_silent(&decision), decision.why), (true, why));
    }
}

#[test]
fn proxy_dhcp_notes_which_node_took_which_address_of_the_other_server() {
    let mut stand = proxy();
    let took = |mac| {
        let ask = Ask::new(MessageType::Request, mac).requested(ip("10.77.0.50"));
        ask.server(ip("10.77.0.9"))
    };
    let decision = stand.ask(&took(NID1));
    assert_eq!((is_silent(&decision), decision.why), (true, Reason::Elsewhere));
    assert_eq!(
        stand.world.node_at(ip("10.77.0.50").into()).map(|node| &*node.name),
        Some("nid001")
    );
    let stranger = stand.ask(&took(STRANGER));
    assert_eq!((stranger.events.len(), stranger.why), (0, Reason::ProxyOnly));
}

#[test]
fn the_second_pxe_conversation_is_answered_where_it_came_from() {
    for mode in [DhcpMode::Proxy, DhcpMode::Serve] {
        let mut stand = Stand::lab(|lab| lab.dhcp = mode);
        let mut ask = Ask::new(MessageType::Request, NID1)
            .firmware(Arch::BiosX86)
            .ciaddr(ip("10.77.0.60"))
            .unicast();
        ask.port4011 = true;
        ask.src = SocketAddrV4::new(ip("10.77.0.60"), 4011);
        let ack = stand.ask(&ask);
        assert_eq!(
            (kind(&ack), reply(&ack).destination),
            (MessageType::Ack, Destination::Back(ask.src))
        );
        assert_eq!(text_in(&ack, code::BOOT_FILE).as_deref(), Some("undionly.kpxe"));
        assert!(reply(&ack).message.header.yiaddr.is_unspecified());
        assert_eq!(stand.kinds(), ["dhcp.informed"]);
    }
}
