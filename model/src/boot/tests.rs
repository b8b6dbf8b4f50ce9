use std::sync::Arc;

use jiff::Timestamp;
use wire::Mac;
use wire::dhcp4::Arch;

use super::*;
use crate::cluster::{BootTarget, LoaderChoice, Node};
use crate::event::{Event, Stage, Subject, What};
use crate::world::{Image, ImageFile, World};

const FILE: &str = r#"
cluster: test
domain: test.example
networks:
  lan: { prefix: 10.77.0.0/24 }
profiles:
  worker: { image: debian-12, kernel_args: [quiet], console: "ttyS0,115200" }
nodes:
  n1: { mac: "52:54:00:00:00:01", address: 10.77.0.11, profile: worker, uuid: 6a4ec88c-1d3b-11ef-8c5a-0242ac120002, serial: CZC1234 }
  n2: { mac: "52:54:00:00:00:02", address: 10.77.0.12, loader: ipxe }
  n3: { mac: "52:54:00:00:00:03", address: 10.77.0.13, boot: shell }
  arm: { mac: "52:54:00:00:00:04", address: 10.77.0.14, image: debian-12, architecture: arm64 }
"#;

const SITE: Site = Site {
    address: std::net::Ipv4Addr::new(10, 77, 0, 1),
    http_port: 80,
};

fn world() -> World {
    let reading = crate::config::read(FILE);
    let cluster = reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let file = |name: &str| ImageFile {
        name: name.into(),
        size: 1,
        sha256: "ab".repeat(32),
    };
    let image = Image {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        kernel: file("kernel"),
        initrd: file("initrd"),
        root: file("root.squashfs"),
        built_at: Timestamp::UNIX_EPOCH,
    };
    let mut world = World {
        cluster: Arc::new(cluster),
        ..World::default()
    };
    world.images.insert("debian-12".into(), Arc::new(image));
    world
}

fn happens(world: &mut World, node: &str, what: What) {
    let seq = world.seq + 1;
    let at = Timestamp::from_second(1000 + seq as i64).unwrap();
    let subject = Subject::Node(node.into());
    world.apply(&Event {
        seq,
        at,
        actor: "cli:ada".into(),
        subject,
        what,
    });
}

fn asks(world: &mut World, node: &str) -> Resolved {
    let declared = world.cluster.node(node).unwrap().clone();
    let resolved = resolve(world, &declared, world.state(node).boot.as_ref());
    let what = What::ScriptServed {
        target: resolved.target.to_string(),
        image: None,
        identified_by: "mac".into(),
        client: "10.77.0.11".parse().unwrap(),
        mac: None,
        deployment: None,
    };
    happens(world, node, what);
    resolved
}

fn script(world: &World, name: &str) -> String {
    let node = world.cluster.node(name).unwrap();
    let resolved = resolve(world, node, None);
    boot_script(&Key::new([7; 32]), SITE, node.nics[0].mac, 42, Some((node, &resolved))).text
}

fn node<'a>(world: &'a World, name: &str) -> &'a Arc<Node> {
    world.cluster.node(name).unwrap()
}

#[test]
fn an_image_script_names_kernel_root_token_and_the_nic_that_booted() {
    insta::assert_snapshot!(script(&world(), "n1"));
}

#[test]
fn a_local_script_knows_bios_and_uefi() {
    insta::assert_snapshot!(script(&world(), "n2"));
}

#[test]
fn a_shell_script_stops_at_the_prompt() {
    insta::assert_snapshot!(script(&world(), "n3"));
}

#[test]
fn a_script_that_cannot_be_carried_out_says_why_and_asks_again() {
    insta::assert_snapshot!(script(&world(), "arm"));
}

#[test]
fn a_machine_that_is_not_declared_goes_to_its_disk() {
    let text = boot_script(
        &Key::new([7; 32]),
        SITE,
        Some("52:54:00:99:00:01".parse().unwrap()),
        0,
        None,
    )
    .text;
    insta::assert_snapshot!(text);
}

#[test]
fn the_other_texts_render() {
    insta::assert_snapshot!(autoexec(SITE).text);
    insta::assert_snapshot!(local_grub(crate::cluster::Architecture::Arm64).text);
}

#[test]
fn urls_name_the_port_only_where_it_is_not_80() {
    assert_eq!(SITE.base(), "http://10.77.0.1");
    assert_eq!(
        Site {
            http_port: 8080,
            ..SITE
        }
        .base(),
        "http://10.77.0.1:8080"
    );
}

#[test]
fn a_token_holds_for_one_boot_of_one_node() {
    let key = Key::new([1; 32]);
    let token = key.token("n1", 42);
    assert_eq!(token.len(), 32);
    assert!(key.verify("n1", 42, &token));
    assert!(!key.verify("n1", 43, &token));
    assert!(!key.verify("n2", 42, &token));
    assert!(!Key::new([2; 32]).verify("n1", 42, &token));
    for wrong in ["", "00", "zz", &token[..31], &format!("{token}0"), "äöüäöüäöüäöüäöüä"] {
        assert!(!key.verify("n1", 42, wrong), "{wrong}");
    }
    assert_eq!(format!("{key:?}"), "Key(..)", "a key is never printed");
}

#[test]
fn a_machine_is_recognised_by_what_it_says_in_the_order_of_how_hard_it_is_to_get_wrong() {
    let world = world();
    let text = |t: &str| Some(t.to_string());
    for (client, expected) in [
        (
            Client {
                mac: "52:54:00:00:00:02".parse::<Mac>().ok(),
                name: text("n1"),
                ..Client::default()
            },
            Some(("n2", "mac")),
        ),
        (
            Client {
                mac: "52:54:00:00:99:02".parse::<Mac>().ok(),
                name: text("n1"),
                ..Client::default()
            },
            Some(("n1", "name")),
        ),
        (
            Client {
                uuid: text("6A4EC88C-1D3B-11EF-8C5A-0242AC120002"),
                ..Client::default()
            },
            Some(("n1", "uuid")),
        ),
        (
            Client {
                serial: text("CZC1234"),
                ..Client::default()
            },
            Some(("n1", "serial")),
        ),
        (
            Client {
                hostname: text("n3.test.example"),
                ..Client::default()
            },
            Some(("n3", "hostname")),
        ),
        (
            Client {
                address: "10.77.0.12".parse().ok(),
                ..Client::default()
            },
            Some(("n2", "address")),
        ),
        (
            Client {
                address: "10.77.0.99".parse().ok(),
                ..Client::default()
            },
            None,
        ),
        (Client::default(), None),
    ] {
        let found = identify(&world, &client).map(|i| (i.node.name.to_string(), i.by));
        assert_eq!(found.as_ref().map(|(n, b)| (n.as_str(), *b)), expected, "{client:?}");
    }
}

#[test]
fn every_architecture_gets_its_loader_and_ipxe_gets_its_script() {
    let world = world();
    let mac = "52:54:00:00:00:01".parse().unwrap();
    let file = |name: &str, stage, code: u16| {
        boot_file(Some(node(&world, name)), mac, stage, Some(Arch::from_code(code)), SITE)
            .map(|f| (f.name, f.http_client))
    };
    let tftp = |name: &str| Some((name.to_string(), false));
    let http = |name: &str| Some((format!("http://10.77.0.1/loaders/{name}"), true));
    for (code, expected) in [
        (0, tftp("undionly.kpxe")),
        (6, tftp("ipxe-ia32.efi")),
        (7, tftp("snponly.efi")),
        (9, tftp("snponly.efi")),
        (11, tftp("ipxe-arm64.efi")),
        (999, None),
    ] {
        assert_eq!(file("n1", Stage::Firmware, code), expected, "architecture {code}");
    }
    assert_eq!(file("n2", Stage::Firmware, 7), tftp("ipxe.efi"), "the node chose");
    assert_eq!(file("n1", Stage::HttpFirmware, 15), http("ipxe-ia32.efi"));
    assert_eq!(file("n1", Stage::HttpFirmware, 16), http("ipxe.efi"));
    assert_eq!(file("n1", Stage::HttpFirmware, 19), http("ipxe-arm64.efi"));
    let script = "http://10.77.0.1/boot/n1/script?mac=52:54:00:00:00:01".to_string();
    assert_eq!(file("n1", Stage::Ipxe, 7), Some((script, false)));
    assert_eq!(file("n1", Stage::Os, 7), None);
    assert_eq!(
        boot_file(None, mac, Stage::Firmware, Some(Arch::EfiX64), SITE),
        None,
        "no node, no loader"
    );
    assert_eq!(default_loader(None, LoaderChoice::Auto), Some("undionly.kpxe"));
}

#[test]
fn the_target_of_a_boot_stays_although_a_choice_for_one_boot_is_used_up() {
    let mut world = world();
    assert_eq!(resolve(&world, node(&world, "n1"), None).target, BootTarget::Image);
    happens(
        &mut world,
        "n1",
        What::TargetSet {
            target: Some("shell".into()),
            once: true,
        },
    );
    assert_eq!(asks(&mut world, "n1").target, BootTarget::Shell);
    assert!(world.state("n1").choice.is_none());
    assert_eq!(asks(&mut world, "n1").target, BootTarget::Shell);
    let next = resolve(&world, node(&world, "n1"), None);
    assert_eq!(
        (next.target, next.because.as_str()),
        (BootTarget::Image, "image declared in profile worker")
    );
}

#[test]
fn a_choice_made_during_a_boot_counts_for_that_boot() {
    let mut world = world();
    asks(&mut world, "n1");
    happens(
        &mut world,
        "n1",
        What::TargetSet {
            target: Some("local".into()),
            once: false,
        },
    );
    let resolved = asks(&mut world, "n1");
    assert_eq!(
        (resolved.target, resolved.because.as_str()),
        (BootTarget::Local, "chosen by cli:ada")
    );
    happens(
        &mut world,
        "n1",
        What::TargetSet {
            target: None,
            once: false,
        },
    );
    assert_eq!(resolve(&world, node(&world, "n1"), None).target, BootTarget::Image);
}

#[test]
fn maintenance_boots_the_image_of_that_name_if_there_is_one() {
    let mut world = world();
    happens(
        &mut world,
        "n1",
        What::TargetSet {
            target: Some("maintenance".into()),
            once: true,
        },
    );
    let image = |world: &World| resolve(world, node(world, "n1"), None).image.map(|(name, _)| name);
    assert_eq!(image(&world).as_deref(), Some("debian-12"));
    let other = world.images["debian-12"].clone();
    world.images.insert("maintenance".into(), other);
    assert_eq!(image(&world).as_deref(), Some("maintenance"));
}

#[test]
fn an_image_that_is_not_built_blocks_with_the_command_that_builds_it() {
    let mut world = world();
    world.images.remove("debian-12");
    let resolved = resolve(&world, node(&world, "n1"), None);
    assert_eq!(
        resolved.blocked.as_deref(),
        Some("image debian-12 is not built: bellwether image build debian-12")
    );
    assert!(script(&world, "n1").contains("cannot boot: image debian-12 is not built"));
}
