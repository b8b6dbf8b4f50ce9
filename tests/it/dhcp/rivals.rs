//! Other servers on the wire.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::clients::udhcpc;
use super::{NODE, RESERVED, STRANGER, cluster, is, served};
use crate::support::client::require;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

/// dnsmasq as the DHCP server or router of a station; ends with the value.
pub struct Dnsmasq {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Dnsmasq {
    pub fn start(station: &Station, words: &[&str]) -> Self {
        require("dnsmasq", "dnsmasq-base");
        let folder = tempfile::tempdir().unwrap();
        let leases = format!("--dhcp-leasefile={}", folder.path().join("leases").display());
        let child = station
            .command("dnsmasq")
            .args([
                "--no-daemon",
                "--port=0",
                "--conf-file=/dev/null",
                "--user=root",
                "--interface=eth0",
                "--pid-file",
            ])
            .arg(leases)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, _folder: folder }
    }

    /// One that gives addresses.
    pub fn rival(segment: &Segment) -> Self {
        let station = segment.plug("52:54:00:00:00:dd");
        station.succeed(&["ip", "addr", "add", "10.77.0.9/24", "dev", "eth0"]);
        let rival = Self::start(
            &station,
            &[
                "--dhcp-range=10.77.0.50,10.77.0.60,1h",
                "--no-ping",
                "--dhcp-authoritative",
            ],
        );
        let client = segment.plug("52:54:00:00:00:aa");
        assert_eq!(udhcpc(&client, &[]).unwrap()["serverid"], "10.77.0.9", "it is there");
        rival
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn another_server_is_named_left_alone_and_succeeded_when_it_is_gone() {
    let segment = Segment::new("10.77.0.1/24");
    let rival = Dnsmasq::rival(&segment);
    let served = Served::start(&segment, &cluster(""));
    served.until("the network is refused", || is(&served, "lab", "refused"));
    let refused = &served.events("network.refused")[0]["body"];
    assert_eq!(
        (refused["server"].as_str(), refused["interface"].as_str()),
        (Some("10.77.0.9"), Some("br0"))
    );
    assert!(served.log().contains("10.77.0.9"), "{}", served.log());
    let station = segment.plug(NODE);
    assert_eq!(udhcpc(&station, &[]).unwrap()["serverid"], "10.77.0.9");
    assert!(served.events("dhcp.offered").is_empty());
    let ignored = served.events("dhcp.ignored").pop().unwrap();
    assert_eq!(
        ignored["body"]["why"],
        "network lab is left to the DHCP server 10.77.0.9"
    );
    drop(rival);
    let began = Instant::now();
    while !is(&served, "lab", "served") {
        assert!(
            began.elapsed() < Duration::from_secs(90),
            "not taken over within 90 s: {}",
            served.log()
        );
        std::thread::park_timeout(Duration::from_millis(250));
    }
    assert_eq!(udhcpc(&station, &[]).unwrap()["ip"], RESERVED);
}

#[test]
fn told_to_it_serves_beside_another_server_and_notes_who_went_elsewhere() {
    let segment = Segment::new("10.77.0.1/24");
    let _rival = Dnsmasq::rival(&segment);
    let served = Served::start(&segment, &cluster("    beside_other_servers: true"));
    served.until("the network is served", || is(&served, "lab", "served"));
    // Which offer a client takes is its own affair: asked often enough, each server is chosen or was.
    let station = segment.plug(NODE);
    let told = udhcpc(&station, &[]).unwrap();
    let leases = served.events("dhcp.leased").len();
    let elsewhere = served.events("dhcp.elsewhere");
    match told["serverid"].as_str() {
        "10.77.0.1" => assert_eq!((leases, elsewhere.len()), (1, 0)),
        _ => {
            assert_eq!(leases, 0);
            assert_eq!(elsewhere[0]["body"]["server"], "10.77.0.9");
        }
    }
}

#[test]
fn a_proxy_adds_the_boot_file_to_the_other_servers_address() {
    let segment = Segment::new("10.77.0.1/24");
    let _rival = Dnsmasq::rival(&segment);
    let served = Served::start(&segment, &cluster("    dhcp: proxy"));
    served.until("the network is served", || is(&served, "lab", "served"));
    let station = segment.plug(NODE);
    // A system that asks is left to the other server.
    assert_eq!(udhcpc(&station, &[]).unwrap()["serverid"], "10.77.0.9");
    assert!(served.events("dhcp.offered").is_empty());
    // busybox is no PXE client and may fall for an offer without an address, so what it makes of it says nothing.
    udhcpc(&station, &["-V", "PXEClient:Arch:00007:UNDI:003016", "-x", "93:0007"]);
    let offer = &served.events("dhcp.offered")[0]["body"];
    assert_eq!(
        (offer["address"].as_str(), offer["boot_file"].as_str()),
        (None, Some("snponly.efi"))
    );
    assert!(served.events("dhcp.leased").is_empty());
}

#[test]
fn an_observer_answers_nobody_and_remembers_who_asked() {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, &cluster("    dhcp: observe"));
    served.until("the network is observed", || is(&served, "lab", "absent"));
    assert!(udhcpc(&segment.plug(STRANGER), &["-t", "2"]).is_none());
    let ignored = served.events("dhcp.ignored");
    assert_eq!(ignored[0]["body"]["ask"]["mac"], STRANGER);
    assert_eq!(ignored[0]["body"]["why"], "DHCP only observes the network");
}

/// The first router advertisement that a station hears.
fn advertisement(station: &Station) -> String {
    require("tcpdump", "tcpdump");
    let words = [
        "timeout",
        "25",
        "tcpdump",
        "-i",
        "eth0",
        "-c",
        "1",
        "-nvv",
        "icmp6 and ip6[40] == 134",
    ];
    String::from_utf8_lossy(&station.run(&words).stdout).into_owned()
}

#[test]
fn where_no_router_advertises_an_empty_advertisement_is_sent() {
    let segment = Segment::new("10.77.0.1/24");
    let text = cluster("").replace("router_advertisements: false", "router_advertisements: true");
    let served = Served::start(&segment, &text);
    served.until("the network is served", || is(&served, "lab", "served"));
    let heard = advertisement(&segment.plug(STRANGER));
    assert!(
        heard.contains("router lifetime 0s") && heard.contains("Flags [none]"),
        "{heard}"
    );
    assert!(!heard.contains("prefix info"), "{heard}");
}

#[test]
fn where_a_router_advertises_we_are_silent() {
    let segment = Segment::new("10.77.0.1/24");
    let router = segment.plug("52:54:00:00:00:dd");
    router.succeed(&["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"]);
    router.succeed(&["ip", "addr", "add", "fd77::1/64", "dev", "eth0", "nodad"]);
    let _router = Dnsmasq::start(&router, &["--enable-ra", "--dhcp-range=fd77::,ra-only,64"]);
    let text = cluster("").replace("router_advertisements: false", "router_advertisements: true");
    let served = Served::start(&segment, &text);
    served.until("the router is heard", || {
        served.log().contains("a router advertises here")
    });
    assert!(
        !served.log().contains("sending empty router advertisements"),
        "{}",
        served.log()
    );
}

#[test]
fn a_cable_that_is_plugged_in_later_is_found() {
    let segment = Segment::new("10.77.0.1/24");
    segment.ip("addr del 10.77.0.1/24 dev br0");
    let served = Served::start(&segment, &cluster(""));
    served.until("the network is absent", || is(&served, "lab", "absent"));
    let absent = &served.events("network.absent")[0]["body"];
    assert_eq!(
        absent["why"],
        "no interface has an address in 10.77.0.0/24 (ip address)"
    );
    segment.ip("addr add 10.77.0.1/24 dev br0");
    served.until("the network is served", || is(&served, "lab", "served"));
    assert_eq!(udhcpc(&segment.plug(NODE), &[]).unwrap()["ip"], RESERVED);
}

#[test]
fn a_client_that_is_told_apart_only_by_its_broadcast_flag_is_answered_as_well() {
    let (segment, _served) = served();
    assert_eq!(udhcpc(&segment.plug(NODE), &["-B"]).unwrap()["ip"], RESERVED);
}
