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
        disk: None,
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
    insta::assert_snapshot!(grub::local_grub(crate::cluster::Architecture::Arm64, true).text);
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
        boot_file(
            &world,
            Some(node(&world, name)),
            mac,
            stage,
            Some(Arch::from_code(code)),
            SITE,
        )
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
        boot_file(&world, None, mac, Stage::Firmware, Some(Arch::EfiX64), SITE),
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

/// What the world knows after an event of the node's firmware.
fn firmware(world: &mut World, name: &str, message: &str) {
    let ask = crate::event::DhcpAsk {
        message: message.into(),
        mac: node(world, name).nics[0].mac.unwrap(),
        network: "lan".into(),
        stage: Stage::Firmware,
        arch: Some(7),
        uuid: None,
        client_id: None,
        vendor_class: None,
        hostname: None,
        relay: None,
    };
    let address = Some("10.77.0.11".parse().unwrap());
    happens(
        world,
        name,
        What::DhcpOffered {
            ask,
            address,
            boot_file: None,
        },
    );
}

fn fetches(world: &mut World, name: &str, path: &str) {
    let transfer = crate::event::Transfer {
        protocol: crate::event::Protocol::Tftp,
        path: path.into(),
        role: crate::event::Role::Loader,
        client: "10.77.0.11".parse().unwrap(),
        bytes: 1,
        total: 1,
        duration_ms: 0,
        outcome: crate::event::Outcome::Complete,
    };
    happens(world, name, What::Transfer(transfer));
}

fn loader_of(world: &World, name: &str) -> (Option<&'static str>, String) {
    let chosen = choose(world, node(world, name), Some(Arch::EfiX64), true);
    (chosen.file, chosen.missing.map_or(chosen.because, |missing| missing))
}

#[test]
fn auto_gives_the_signed_chain_to_a_firmware_that_did_not_start_the_unsigned_one() {
    let mut world = world();
    let unknown = "auto: nothing is known against it".to_string();
    assert_eq!(loader_of(&world, "n1"), (Some("snponly.efi"), unknown));
    firmware(&mut world, "n1", "discover");
    fetches(&mut world, "n1", "snponly.efi");
    firmware(&mut world, "n1", "discover");
    let because = "auto: its firmware fetched snponly.efi and did not start it".to_string();
    assert_eq!(loader_of(&world, "n1"), (Some("shimx64.efi"), because));
    let by_http = choose(&world, node(&world, "n1"), Some(Arch::HttpX64), true);
    assert_eq!(by_http.file, None, "it would fetch once more what it does not start");
    let missing =
        "shimx64.efi is not in the loader folders: apt install shim-signed grub-efi-amd64-signed, then send SIGHUP";
    world.loaders = Some(Arc::new(vec!["snponly.efi".into()]));
    assert_eq!(loader_of(&world, "n1"), (Some("snponly.efi"), missing.to_string()));
    world.loaders = Some(Arc::new(vec![
        "shimx64.efi".into(),
        "x86_64-sb/snponly-shim.efi".into(),
    ]));
    assert_eq!(loader_of(&world, "n1").0, Some("x86_64-sb/snponly-shim.efi"));
}

#[test]
fn a_declared_chain_is_given_if_it_is_there() {
    let text = FILE.replace("loader: ipxe", "loader: grub");
    let mut world = World {
        cluster: Arc::new(crate::config::read(&text).cluster.unwrap()),
        ..World::default()
    };
    let because = "loader: grub is declared in node n2".to_string();
    assert_eq!(loader_of(&world, "n2"), (Some("shimx64.efi"), because));
    world.loaders = Some(Arc::new(vec!["snponly.efi".into()]));
    assert_eq!(loader_of(&world, "n2").0, None, "an unsigned one would be refused");
    let arm = choose(&world, node(&world, "n2"), Some(Arch::EfiArm64), true);
    assert!(arm.missing.unwrap().starts_with("shimaa64.efi is not in"));
    let http = choose(&world, node(&world, "n2"), Some(Arch::HttpX64), true);
    assert_eq!(http.file, None);
    assert!(http.missing.unwrap().contains("let its firmware boot by PXE"));
    assert_eq!(
        default_loader(Some(Arch::BiosX86), LoaderChoice::Grub),
        Some("undionly.kpxe")
    );
    assert_eq!(
        default_loader(Some(Arch::HttpX64), LoaderChoice::IpxeShim),
        Some("x86_64-sb/ipxe-shim.efi")
    );
}

fn grub(world: &World, name: &str) -> String {
    let node = world.cluster.node(name).unwrap();
    let resolved = resolve(world, node, None);
    script_in(
        Dialect::Grub,
        &Key::new([7; 32]),
        SITE,
        node.nics[0].mac,
        42,
        node,
        &resolved,
    )
    .text
}

#[test]
fn grub_is_told_the_same_as_ipxe_in_its_own_language() {
    let world = world();
    insta::assert_snapshot!(grub::config().text);
    insta::assert_snapshot!(grub(&world, "n1"));
    insta::assert_snapshot!(grub(&world, "n3"));
    insta::assert_snapshot!(grub(&world, "arm"));
    assert_eq!(
        grub(&world, "n2"),
        grub::local_grub(crate::cluster::Architecture::Amd64, false).text
    );
}

#[test]
fn ipxe_that_a_shim_started_asks_the_distributions_shim_to_trust_the_kernel() {
    let mut world = world();
    fetches(&mut world, "n1", "x86_64-sb/snponly-shim.efi");
    fetches(&mut world, "n1", "x86_64-sb/snponly.efi");
    let node = node(&world, "n1").clone();
    let dialect = Dialect::of_ipxe(world.state("n1").boot.as_ref());
    let key = Key::new([7; 32]);
    let script = |resolved: &Resolved| script_in(dialect, &key, SITE, None, 42, &node, resolved).text;
    let resolved = resolve(&world, &node, None);
    assert!(script(&resolved).contains("\nshim http://10.77.0.1/loaders/shimx64.efi || goto failed\nboot"));
    let local = Resolved {
        target: BootTarget::Local,
        ..resolved
    };
    assert!(script(&local).contains(r"--filename \EFI\debian\shimx64.efi ||"));
}

#[test]
fn no_kernel_argument_breaks_out_of_its_word_in_grub() {
    let text = FILE.replace(
        "kernel_args: [quiet]",
        r#"kernel_args: ['dyndbg="file a.c +p"', "it's", "a;reboot"]"#,
    );
    let mut world = world();
    world.cluster = Arc::new(crate::config::read(&text).cluster.unwrap());
    let script = grub(&world, "n1");
    assert!(
        script.contains(r"'dyndbg=file a.c +p' 'it'\''s' 'a;reboot'"),
        "{script}"
    );
}

#[test]
fn grub_asks_for_its_configuration_and_for_the_script_of_a_mac() {
    use grub::Asked;
    let mac: Mac = "52:54:00:00:00:01".parse().unwrap();
    for (path, expected) in [
        ("grub/grub.cfg", Some(Asked::Config)),
        ("grub/script", Some(Asked::Script(None))),
        ("grub/script/52:54:00:00:00:01", Some(Asked::Script(Some(mac)))),
        ("grub/script/52:54", None),
        ("grub/grub.cfg-01-52-54-00-00-00-01", None),
        ("grub/x86_64-efi/grub.cfg", None),
        ("snponly.efi", None),
    ] {
        assert_eq!(grub::asked(path), expected, "{path}");
    }
}
