//! Every kind of event comes back as it went in.

use super::*;

/// One of every kind.
fn every_kind() -> Vec<What> {
    let address = "10.0.0.7".parse().unwrap();
    let text = || "ünïcode, \"quotes\"\nand \\ lines".to_string();
    let file = || ImageFile {
        name: "vmlinuz".to_string(),
        size: u64::MAX,
        sha256: "00".to_string(),
    };
    vec![
        What::ServerStarted { version: text() },
        What::ServerStopped {},
        What::ClusterApplied {
            digest: "d".to_string(),
            nodes: 3,
            text: text(),
        },
        What::NetworkServed {
            interface: "eth0".to_string(),
            address,
            http_port: 80,
        },
        What::NetworkRefused {
            server: address,
            interface: "eth0".to_string(),
        },
        What::NetworkAbsent { why: text() },
        What::DhcpOffered {
            ask: ask(),
            address: None,
            boot_file: Some("ipxe.efi".to_string()),
        },
        What::DhcpIgnored {
            ask: ask(),
            why: text(),
        },
        What::DhcpLeased {
            ask: ask(),
            address,
            until: Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap(),
            boot_file: None,
            reserved: true,
        },
        What::DhcpElsewhere {
            ask: ask(),
            server: address,
            address: Some(address),
        },
        What::DhcpRefused {
            ask: ask(),
            why: text(),
        },
        What::DhcpInformed {
            ask: ask(),
            boot_file: None,
        },
        What::DhcpReleased {
            address,
            mac: Mac([2; 6]),
        },
        What::DhcpConflict {
            address,
            mac: None,
            until: at(9),
            found_by: "probe".to_string(),
        },
        What::Transfer(Transfer {
            protocol: Protocol::Tftp,
            path: "/ipxe.efi".to_string(),
            role: Role::Loader,
            client: "fe80::1".parse().unwrap(),
            bytes: 1,
            total: 2,
            duration_ms: 3,
            outcome: Outcome::Aborted(text()),
        }),
        What::ScriptServed {
            target: "image".to_string(),
            image: Some("debian-12".to_string()),
            identified_by: "mac".to_string(),
            client: "10.0.0.7".parse().unwrap(),
            mac: None,
            deployment: None,
        },
        What::AnswersServed {
            document: "user-data".to_string(),
            bytes: 12,
        },
        What::HookCalled {
            hook: "ready".to_string(),
            detail: text(),
            host_keys: vec!["ssh-ed25519 AAAA".to_string()],
            deployment: None,
        },
        What::HookRefused {
            hook: "ready".to_string(),
            client: "10.0.0.7".parse().unwrap(),
            why: text(),
        },
        What::TargetSet {
            target: None,
            once: true,
        },
        What::ImageAdded(Image {
            os: "debian-12".to_string(),
            architecture: "amd64".to_string(),
            kernel: file(),
            initrd: file(),
            root: file(),
            built_at: at(1),
            disk: Some(OnDisk {
                initrd: file(),
                unpacked: 5,
            }),
        }),
        What::DiskImageAdded(DiskImage {
            os: "debian-12".to_string(),
            architecture: "amd64".to_string(),
            disk: file(),
            unpacked: 5,
            built_at: at(1),
        }),
        What::AgentAdded(Agent {
            architecture: "amd64".to_string(),
            kernel: file(),
            initrd: file(),
            built_at: at(1),
        }),
        What::ImageRemoved {},
        What::MediumAdded(Medium {
            os: "debian-12".to_string(),
            architecture: "amd64".to_string(),
            version: text(),
            kernel: file(),
            initrd: file(),
            extra: vec![file()],
            udeb_suite: Some("components".to_string()),
            added_at: at(1),
        }),
        What::MediumRemoved {},
        What::InstallerSaid {
            notable: model::event::Notable::Question,
            line: text(),
        },
        What::LoadersFound {
            files: vec!["snponly.efi".into()],
        },
        What::Power {
            action: "on".to_string(),
        },
    ]
}

#[tokio::test]
async fn every_kind_of_event_is_read_as_it_was_written() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let events: Vec<Event> = (1..)
        .zip(every_kind())
        .map(|(seq, what)| event(seq, node("nid001"), what))
        .collect();
    store.append(&events).await.unwrap();
    assert_eq!(store.tail(0, 1000).await.unwrap(), events);
    store.close().await;
    let again = Store::open(&path).await.unwrap();
    assert_eq!(again.tail(0, 1000).await.unwrap(), events);
}
