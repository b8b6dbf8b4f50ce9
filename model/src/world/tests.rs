//! What holds for every journal: folding is total, snapshots lose nothing, the tables agree with each other.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use wire::Mac;

use super::*;
use crate::event::{DhcpAsk, Event, NewEvent, Outcome, Protocol, Role, Stage, Transfer, What};

const CLUSTERS: [&str; 3] = [
    "cluster: lab\nnetworks: { lan: { prefix: 10.77.0.0/24, pool: 10.77.0.100-10.77.0.199 } }\n\
     nodes: { 'n[1-3]': { mac: 02:00:00:00:00:01+, address: 10.77.0.1+ } }\n",
    "cluster: lab\nnetworks: { lan: { prefix: 10.77.0.0/24 } }\nnodes: { n1: { mac: 02:00:00:00:00:02 } }\n",
    // A text that newer rules refuse.
    "cluster: lab\nnodes: { n1: { mac: nonsense }, n2: { mac: 02:00:00:00:00:02 } }\n",
];

fn mac() -> impl Strategy<Value = Mac> {
    (1u8..6).prop_map(|n| Mac([2, 0, 0, 0, 0, n]))
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    (1u8..6).prop_map(|n| Ipv4Addr::new(10, 77, 0, n))
}

fn client() -> impl Strategy<Value = IpAddr> {
    address().prop_map(IpAddr::from)
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        Just(Stage::Firmware),
        Just(Stage::HttpFirmware),
        Just(Stage::Ipxe),
        Just(Stage::Os)
    ]
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_string)
}

fn ask() -> impl Strategy<Value = DhcpAsk> {
    let network = word(&["lan", "san"]);
    let hostname = prop::option::of(word(&["n1", "guest"]));
    let message = word(&["discover", "request", "inform"]);
    (message, mac(), network, stage(), prop::option::of(0u16..20), hostname).prop_map(
        |(message, mac, network, stage, arch, hostname)| DhcpAsk {
            message,
            mac,
            network,
            stage,
            arch,
            uuid: None,
            client_id: None,
            vendor_class: None,
            hostname,
            relay: None,
        },
    )
}

fn transfer() -> impl Strategy<Value = What> {
    let role = prop::sample::select(&[Role::Loader, Role::Kernel, Role::Initrd, Role::Root, Role::File][..]);
    let outcome = prop_oneof![
        Just(Outcome::Complete),
        Just(Outcome::Probed),
        Just(Outcome::Partial),
        Just(Outcome::TimedOut),
        Just(Outcome::NotFound),
        Just(Outcome::Aborted("gone".into())),
    ];
    (role, outcome, client(), 0u64..9).prop_map(|(role, outcome, client, bytes)| {
        What::Transfer(Transfer {
            protocol: Protocol::Http,
            path: "file".into(),
            role,
            client,
            bytes,
            total: 8,
            duration_ms: 1,
            outcome,
        })
    })
}

fn image() -> Image {
    let file = |name: &str| ImageFile {
        name: name.into(),
        size: 1,
        sha256: "00".into(),
    };
    Image {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        kernel: file("kernel"),
        initrd: file("initrd"),
        root: file("root"),
        built_at: Timestamp::UNIX_EPOCH,
        disk: None,
    }
}

fn medium() -> Medium {
    Medium {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        version: "1".into(),
        kernel: image().kernel,
        initrd: image().initrd,
        extra: vec![image().root],
        udeb_suite: Some("components".into()),
        added_at: Timestamp::UNIX_EPOCH,
    }
}

/// Every kind of event about every kind of subject, fitting or not.
fn what() -> impl Strategy<Value = What> {
    let later = |seconds: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
    let dhcp = prop_oneof![
        (ask(), prop::option::of(address())).prop_map(|(ask, address)| What::DhcpOffered {
            ask,
            address,
            boot_file: None
        }),
        ask().prop_map(|ask| What::DhcpIgnored { ask, why: "why".into() }),
        (ask(), address(), 0i64..9999, any::<bool>()).prop_map(move |(ask, address, until, reserved)| {
            What::DhcpLeased {
                ask,
                address,
                until: later(until),
                boot_file: None,
                reserved,
            }
        }),
        (ask(), address(), prop::option::of(address())).prop_map(|(ask, server, address)| What::DhcpElsewhere {
            ask,
            server,
            address
        }),
        ask().prop_map(|ask| What::DhcpRefused { ask, why: "why".into() }),
        ask().prop_map(|ask| What::DhcpInformed { ask, boot_file: None }),
        (address(), mac()).prop_map(|(address, mac)| What::DhcpReleased { address, mac }),
        (address(), prop::option::of(mac()), 0i64..9999).prop_map(move |(address, mac, until)| {
            What::DhcpConflict {
                address,
                mac,
                until: later(until),
                found_by: "probe".into(),
            }
        }),
    ];
    let server = prop_oneof![
        Just(What::ServerStarted { version: "1".into() }),
        Just(What::ServerStopped {}),
        prop::sample::select(&CLUSTERS[..]).prop_map(|text| What::ClusterApplied {
            digest: "00".into(),
            nodes: 1,
            text: text.into()
        }),
        address().prop_map(|address| What::NetworkServed {
            interface: "eth1".into(),
            address,
            http_port: 80
        }),
        address().prop_map(|server| What::NetworkRefused {
            server,
            interface: "eth1".into()
        }),
        Just(What::NetworkAbsent { why: "why".into() }),
        Just(What::ImageAdded(image())),
        Just(What::DiskImageAdded(DiskImage {
            os: "debian-12".into(),
            architecture: "amd64".into(),
            disk: image().root,
            unpacked: 2,
            built_at: Timestamp::UNIX_EPOCH,
        })),
        Just(What::AgentAdded(Agent {
            architecture: "amd64".into(),
            kernel: image().kernel,
            initrd: image().initrd,
            built_at: Timestamp::UNIX_EPOCH,
        })),
        Just(What::ImageRemoved {}),
        Just(What::MediumAdded(medium())),
        Just(What::MediumRemoved {}),
        Just(What::LoadersFound {
            files: vec!["snponly.efi".into()]
        }),
    ];
    let boot = prop_oneof![
        transfer(),
        (word(&["local", "image", "shell"]), client()).prop_map(|(target, client)| What::ScriptServed {
            target,
            image: None,
            identified_by: "mac".into(),
            client,
            mac: None,
            deployment: None,
        }),
        Just(What::AnswersServed {
            document: "user-data".into(),
            bytes: 9
        }),
        word(&["ready", "failed", "progress"]).prop_map(|hook| What::HookCalled {
            hook,
            detail: "detail".into(),
            host_keys: vec!["key".into()],
            deployment: None,
        }),
        client().prop_map(|client| What::HookRefused {
            hook: "ready".into(),
            client,
            why: "why".into()
        }),
        (prop::option::of(word(&["local", "image"])), any::<bool>())
            .prop_map(|(target, once)| What::TargetSet { target, once }),
        word(&["on", "off", "reset"]).prop_map(|action| What::Power { action }),
        word(&["power on", "reset"]).prop_map(|order| What::BmcFailed {
            order,
            why: "it does not answer".into(),
            outside: false,
        }),
        word(&["kernel-panic", "login"]).prop_map(|rule| What::ConsoleSaid {
            rule,
            weight: "bad".into(),
            line: "Kernel panic".into()
        }),
        word(&["aa", "bb"]).prop_map(|sha256| What::BmcTrusted { sha256 }),
        word(&["SHA256:a", "SHA256:b"]).prop_map(|fingerprint| What::SshTrusted {
            deployment: None,
            place: "10.78.0.11:22".into(),
            algorithm: "ssh-ed25519".into(),
            fingerprint,
        }),
    ];
    prop_oneof![3 => dhcp, 1 => server, 2 => boot]
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        4 => word(&["n1", "n2", "gone"]).prop_map(Subject::Node),
        2 => mac().prop_map(Subject::Machine),
        1 => word(&["lan", "san"]).prop_map(Subject::Network),
        1 => word(&["debian-12"]).prop_map(Subject::Image),
        1 => word(&["debian-12"]).prop_map(Subject::Medium),
        1 => Just(Subject::Cluster),
    ]
}

/// A journal: positions without gaps, time that mostly goes on.
fn journal() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((subject(), what(), -2i64..200), 0..60).prop_map(|told| {
        let mut now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1000);
        let mut number = |(at, (subject, what, seconds))| {
            now += SignedDuration::from_secs(seconds);
            NewEvent::new(now, "test", subject, what).numbered(at as u64 + 1)
        };
        told.into_iter().enumerate().map(&mut number).collect()
    })
}

fn fold(events: &[Event]) -> World {
    let mut world = World::default();
    events.iter().for_each(|event| world.apply(event));
    world
}

/// Everything that is in a world, its look-up tables included.
fn whole(world: &World) -> (String, Arc<Cluster>, BTreeMap<Mac, Vec<Ipv4Addr>>) {
    let by_mac = (0u8..8).map(|n| Mac([2, 0, 0, 0, 0, n])).map(|mac| {
        let mut addresses: Vec<Ipv4Addr> = world.leases.of(mac).map(|lease| lease.address).collect();
        addresses.sort();
        (mac, addresses)
    });
    (world.to_snapshot(), Arc::clone(&world.cluster), by_mac.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_snapshot_and_the_events_after_it_make_the_same_world(events in journal(), cut in 0usize..60) {
        let (before, after) = events.split_at(cut.min(events.len()));
        let mut world = World::from_snapshot(&fold(before).to_snapshot()).unwrap();
        prop_assert_eq!(whole(&world), whole(&fold(before)), "the snapshot lost something");
        world.replay(after);
        prop_assert_eq!(whole(&world), whole(&fold(&events)));
    }

    #[test]
    fn events_at_once_make_the_same_world_as_one_by_one(events in journal()) {
        let mut world = World::default();
        world.replay(&events);
        prop_assert_eq!(whole(&world), whole(&fold(&events)));
    }

    #[test]
    fn an_event_is_written_down_and_read_back_without_loss(events in journal()) {
        for event in events {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{}", text);
        }
    }

    #[test]
    fn no_address_has_two_holders_and_no_holder_two_addresses_on_one_network(events in journal()) {
        let world = fold(&events);
        let mut held = std::collections::BTreeSet::new();
        for lease in world.leases.iter() {
            prop_assert!(held.insert((lease.mac, lease.network.clone())), "{:?}", lease);
            prop_assert!(world.leases.of(lease.mac).any(|found| found.address == lease.address));
            prop_assert_eq!(world.leases.of_on(lease.mac, &lease.network).map(|l| l.address), Some(lease.address));
        }
        let listed: usize = (0u8..8).map(|n| world.leases.of(Mac([2, 0, 0, 0, 0, n])).count()).sum();
        prop_assert_eq!(listed, world.leases.len());
    }

    #[test]
    fn a_reader_that_holds_an_old_world_sees_nothing_of_what_comes_after(events in journal(), cut in 0usize..60) {
        let (before, after) = events.split_at(cut.min(events.len()));
        let mut world = fold(before);
        let held = world.clone();
        after.iter().for_each(|event| world.apply(event));
        prop_assert_eq!(whole(&held), whole(&fold(before)));
    }
}

#[test]
fn a_server_whose_rules_became_stricter_does_not_forget_its_nodes() {
    let what = What::ClusterApplied {
        digest: "00".into(),
        nodes: 2,
        text: CLUSTERS[2].into(),
    };
    let applied = NewEvent::new(Timestamp::UNIX_EPOCH, "test", Subject::Cluster, what).numbered(1);
    assert!(crate::config::read(CLUSTERS[2]).cluster.is_none());
    let world = World::from_snapshot(&fold(&[applied]).to_snapshot()).unwrap();
    assert_eq!(world.cluster.nodes.len(), 2);
    let known = world.cluster.by_mac(Mac([2, 0, 0, 0, 0, 2])).unwrap();
    assert_eq!(&*known.name, "n2");
}

#[test]
fn a_flood_of_made_up_machines_does_not_fill_the_memory() {
    let mut world = World::default();
    let ask = |n: u32| {
        let [_, a, b, c] = n.to_be_bytes();
        DhcpAsk {
            message: "discover".into(),
            mac: Mac([2, 0, 1, a, b, c]),
            network: "lan".into(),
            stage: Stage::Firmware,
            arch: None,
            uuid: None,
            client_id: None,
            vendor_class: None,
            hostname: None,
            relay: None,
        }
    };
    for n in 0..3 * Machine::KEPT as u32 {
        let ask = ask(n);
        let subject = Subject::Machine(ask.mac);
        let what = What::DhcpIgnored { ask, why: "why".into() };
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(n.into());
        world.apply(&NewEvent::new(at, "dhcp", subject, what).numbered(u64::from(n) + 1));
        assert!(world.machines.len() <= Machine::KEPT);
    }
    let last = ask(3 * Machine::KEPT as u32 - 1).mac;
    assert!(
        world.machines.contains_key(&last),
        "the latest one is never the one that makes room"
    );
}

#[test]
fn a_snapshot_of_another_format_is_not_read() {
    let text = World::default().to_snapshot();
    let other = text.replacen("\"format\":1", "\"format\":999", 1);
    assert_ne!(text, other);
    assert!(matches!(World::from_snapshot(&other), Err(SnapshotError::Format(999))));
    assert!(matches!(
        World::from_snapshot(&text[..text.len() / 2]),
        Err(SnapshotError::Unreadable(_))
    ));
}
