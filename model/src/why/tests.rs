use std::fmt::Write as _;

use super::rules::RULES;
use super::{Verdict, Why, why};
use crate::cluster::{Architecture, Console, Layer, LoaderChoice, Origin, Sourced};
use crate::deployment::Ending;
use crate::event::{Notable, Outcome, Role, Stage};
use crate::story::{Story, beginning, story};
use crate::world::Step;

fn ask(story: &Story) -> Why {
    let why = why(&story.world(), &story.node(), story.now, &story.events);
    let again: Why = serde_json::from_str(&serde_json::to_string(&why).unwrap()).unwrap();
    assert_eq!(again, why, "JSON holds all of it");
    why
}

/// The answer as an operator would read it aloud; times are seconds since the beginning of the story.
fn transcript(why: &Why) -> String {
    let mut text = format!("{}: {}\n", why.verdict, why.headline);
    let seconds = |at: jiff::Timestamp| at.duration_since(beginning()).as_millis() as f64 / 1000.0;
    writeln!(
        text,
        "rule {}, since {:.2}, now {:.2}",
        why.rule,
        seconds(why.since),
        seconds(why.now)
    )
    .unwrap();
    if let (Some(step), Some(limit)) = (why.awaited, why.limit) {
        let late = if why.overdue { ", overdue" } else { "" };
        writeln!(
            text,
            "awaits {}: usual {} s, deadline {} s{late}",
            step.as_str(),
            limit.usual_s,
            limit.deadline_s
        )
        .unwrap();
    }
    writeln!(text, "cause: {}", why.cause).unwrap();
    for fact in &why.evidence {
        let at = fact
            .at
            .map(|at| format!("{:.2}", seconds(at)))
            .unwrap_or_else(|| "-".into());
        writeln!(text, "{at:>9}  {}", fact.text).unwrap();
    }
    for advice in &why.advice {
        writeln!(text, "do: {advice}").unwrap();
    }
    for benign in &why.benign {
        writeln!(text, "harmless: {benign}").unwrap();
    }
    text
}

fn said<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        origin: Origin {
            layer: Layer::Defaults,
            line: 5,
        },
    }
}

/// A node that is told to boot from its disk.
fn to_disk(story: Story) -> Story {
    story.uefi_to_loader().ipxe_dhcp().script("local")
}

fn unknown(story: Story) -> Story {
    story.with_node(|node| {
        for nic in &mut node.nics {
            nic.address = None;
        }
    })
}

fn stranger_with(mac: &str) -> Story {
    story().served().stranger(mac).discover(Stage::Firmware).wait(300.0)
}

fn kernel_panics(story: Story) -> Story {
    story.uefi_to_kernel().wait(75.0)
}

/// A node whose installer has its answers.
fn deploys() -> Story {
    story().served().armed().wait(20.0).uefi_to_installer().wait(2.0)
}

/// The last of its attempts has failed.
fn parks(story: Story) -> Story {
    story
        .wait(1.0)
        .deployment_ends(
            Ending::Failed,
            "2 attempts failed, the last one: no disk of at least 100 GB",
        )
        .wait(600.0)
}

/// One story for every rule, under its name; more than one where the rule says different things.
fn stories() -> Vec<(&'static str, &'static str, Story)> {
    let at_loader = || story().served().uefi_to_loader();
    let at_script = || at_loader().ipxe_dhcp().script("image");
    vec![
        (
            "parked",
            "",
            parks(deploys().installer("failed", "no disk of at least 100 GB")),
        ),
        (
            "installer-asks",
            "",
            deploys()
                .installer("started", "")
                .wait(30.0)
                .installer_says(Notable::Question, "No root file system is defined. (partman/no_root)")
                .wait(600.0),
        ),
        (
            "attempt-failed",
            "",
            deploys()
                .installer("failed", "no disk of at least 100 GB\nvda 10 GB")
                .wait(60.0),
        ),
        ("installing", "", deploys().installer("started", "").wait(60.0)),
        (
            "installing",
            "and says how far it is",
            deploys().installer("progress", "unpacking packages").wait(60.0),
        ),
        (
            "installing",
            "late",
            deploys().installer("progress", "unpacking packages").wait(5500.0),
        ),
        ("installed", "", deploys().installer("installed", "").wait(20.0)),
        (
            "installed",
            "and started from its disk",
            deploys()
                .installer("installed", "")
                .wait(20.0)
                .uefi_to_loader()
                .ipxe_dhcp()
                .script("local")
                .wait(90.0),
        ),
        (
            "installed",
            "and silent since",
            deploys()
                .installer("installed", "")
                .wait(20.0)
                .uefi_to_loader()
                .ipxe_dhcp()
                .script("local")
                .wait(3700.0),
        ),
        (
            "finishing",
            "",
            deploys()
                .step("systemctl is-active slurmd")
                .installer("installed", "")
                .wait(20.0)
                .installer("ready", "")
                .wait(1.0)
                .step_begins()
                .wait(90.0),
        ),
        (
            "armed",
            "",
            story().served().uefi_boot().ready().wait(60.0).armed().wait(300.0),
        ),
        ("ready", "", story().served().uefi_boot().ready().wait(7500.0)),
        (
            "ready",
            "with a failed command",
            story().uefi_boot().command_failed("commands[2]").ready().wait(10.0),
        ),
        (
            "gone-silent",
            "",
            story().uefi_boot().ready().wait(1800.0).lease(Stage::Os).wait(9000.0),
        ),
        (
            "switched-off",
            "",
            story().uefi_boot().ready().wait(60.0).power("off").wait(600.0),
        ),
        ("own-disk", "", story().power("on").wait(30.0).os_dhcp().wait(5.0)),
        ("own-disk", "never seen to boot", story().os_dhcp().wait(5.0)),
        ("clock-set-back", "", story().served().uefi_to_loader().wait(-3600.0)),
        (
            "failed",
            "",
            story()
                .uefi_to_kernel()
                .os_dhcp()
                .failed("no link on enp1s0 for 30 s\nretrying")
                .wait(20.0),
        ),
        (
            "failed",
            "and boots again",
            story()
                .uefi_to_kernel()
                .os_dhcp()
                .failed("no space for the root image")
                .wait(70.0)
                .uefi_to_loader(),
        ),
        (
            "network-refused",
            "",
            story().refused_network([10, 77, 0, 254]).wait(600.0),
        ),
        (
            "network-absent",
            "",
            story().absent_network("eth1 has no address").wait(600.0),
        ),
        (
            "dhcp-closed",
            "",
            story()
                .with_network(|n| n.dhcp = crate::cluster::DhcpMode::Observe)
                .ignored("observing")
                .wait(60.0),
        ),
        (
            "no-mac",
            "",
            stranger_with("52:54:00:aa:00:01").with_node(|node| {
                node.nics.truncate(1);
                node.nics[0].mac = None;
            }),
        ),
        ("similar-mac", "typing error", stranger_with("52:54:00:80:00:03")),
        ("similar-mac", "other port", stranger_with("52:54:00:00:00:04")),
        (
            "bmc-failed",
            "",
            story().bmc_failed("power on", "the BMC at 10.78.0.11: it does not answer"),
        ),
        (
            "bmc-failed",
            "while it runs something else",
            (story().uefi_boot().wait(3600.0)).bmc_failed("power cycle", "the BMC at 10.78.0.11: it does not answer"),
        ),
        (
            "console",
            "",
            (story().uefi_to_loader().wait(5.0)).console("Kernel panic - not syncing: no init found\n"),
        ),
        ("never-seen", "", stranger_with("52:54:00:aa:bb:01")),
        ("never-seen", "and nobody else either", story().wait(60.0)),
        (
            "silent-since-power",
            "",
            story()
                .served()
                .uefi_boot()
                .ready()
                .wait(60.0)
                .power("reset")
                .wait(700.0),
        ),
        (
            "hook-refused",
            "",
            story()
                .uefi_boot()
                .ready()
                .power("reset")
                .wait(20.0)
                .hook_refused("ready")
                .wait(60.0),
        ),
        (
            "disk-empty",
            "",
            [60.0, 60.0, 60.0]
                .into_iter()
                .fold(to_disk(story()), |story, pause| to_disk(story.wait(pause))),
        ),
        (
            "disk-empty",
            "in one boot",
            (0..3).fold(to_disk(story()), |story, _| {
                let grub = story.fetched(Role::Loader, "loaders/grubx64.efi", 2_600_000, 0.2);
                grub.wait(32.0).script("local")
            }),
        ),
        ("local", "", to_disk(story()).wait(600.0)),
        (
            "local",
            "and its system came up",
            to_disk(story()).wait(30.0).os_dhcp().wait(600.0),
        ),
        ("shell", "", at_loader().ipxe_dhcp().script("shell").wait(300.0)),
        (
            "answered-elsewhere",
            "",
            story()
                .served()
                .discover(Stage::Firmware)
                .wait(4.0)
                .elsewhere([10, 77, 0, 254]),
        ),
        (
            "pool-exhausted",
            "",
            unknown(story())
                .served()
                .lease_to("52:54:00:aa:00:01", [10, 77, 0, 200])
                .lease_to("52:54:00:aa:00:02", [10, 77, 0, 201])
                .ignored("the pool is exhausted")
                .wait(3.0),
        ),
        (
            "ignored",
            "",
            story()
                .served()
                .ignored("it is on network storage, which has no address for it")
                .wait(2.0),
        ),
        (
            "nak-loop",
            "",
            [2.0, 2.0, 2.0]
                .into_iter()
                .fold(story().served().discover(Stage::Firmware), |story, pause| {
                    story.wait(pause).nak("10.1.2.3 is not in 10.77.0.0/24")
                }),
        ),
        (
            "offer-not-taken",
            "",
            [4.0, 8.0, 16.0]
                .into_iter()
                .fold(story().served().discover(Stage::Firmware), |story, pause| {
                    story.wait(pause).discover(Stage::Firmware)
                }),
        ),
        (
            "offer-not-taken",
            "through a relay",
            story()
                .served()
                .discover(Stage::Firmware)
                .relayed([10, 9, 0, 1])
                .wait(40.0),
        ),
        (
            "wrong-architecture",
            "declared",
            story()
                .served()
                .with_node(|node| node.architecture = Architecture::Arm64)
                .firmware_dhcp(),
        ),
        (
            "wrong-architecture",
            "loader",
            story().served().firmware_dhcp().loader("undionly.kpxe"),
        ),
        (
            "no-loader",
            "TFTP is off",
            story()
                .with_doors(|doors| doors.tftp = None)
                .served()
                .discover(Stage::Firmware)
                .wait(4.0)
                .lease_with(Stage::Firmware, None)
                .wait(2.0),
        ),
        (
            "no-loader",
            "HTTP is off",
            story()
                .with_doors(|doors| doors.http = None)
                .served()
                .discover(Stage::HttpFirmware)
                .wait(4.0)
                .lease_with(Stage::HttpFirmware, None)
                .wait(2.0),
        ),
        (
            "no-loader",
            "",
            story()
                .served()
                .discover(Stage::Firmware)
                .wait(4.0)
                .lease_with(Stage::Firmware, None)
                .wait(2.0),
        ),
        (
            "loader-refused",
            "at once",
            at_loader().wait(1.0).discover(Stage::Firmware),
        ),
        (
            "loader-refused",
            "later",
            at_loader().wait(40.0).uefi_to_loader().wait(30.0).uefi_to_loader(),
        ),
        (
            "loader-refused",
            "by a firmware that is told to get the unsigned one",
            at_loader()
                .with_settings(|settings| settings.loader = Some(said(LoaderChoice::Snponly)))
                .wait(1.0)
                .discover(Stage::Firmware),
        ),
        (
            "loader-refused",
            "and there is no signed one",
            at_loader()
                .loaders(&["snponly.efi"])
                .wait(1.0)
                .discover(Stage::Firmware),
        ),
        (
            "loader-refused",
            "the signed one",
            at_loader()
                .wait(64.0)
                .firmware_dhcp()
                .loader("shimx64.efi")
                .loader("grubx64.efi")
                .wait(1.0)
                .discover(Stage::Firmware),
        ),
        (
            "loader-missing",
            "",
            story()
                .served()
                .with_settings(|settings| settings.loader = Some(said(LoaderChoice::Grub)))
                .loaders(&["snponly.efi"])
                .discover(Stage::Firmware)
                .wait(4.0)
                .lease_with(Stage::Firmware, None)
                .wait(2.0),
        ),
        (
            "loader-refused",
            "and HTTP boot is given nothing",
            at_loader()
                .wait(0.3)
                .discover_with_nothing(Stage::HttpFirmware)
                .wait(8.0)
                .discover_with_nothing(Stage::HttpFirmware)
                .wait(60.0),
        ),
        (
            "loader-missing",
            "for HTTP boot",
            story()
                .served()
                .with_settings(|settings| settings.loader = Some(said(LoaderChoice::Grub)))
                .discover_with_nothing(Stage::HttpFirmware)
                .wait(40.0),
        ),
        (
            "kernel-refused",
            "",
            story()
                .served()
                .firmware_dhcp()
                .loader("shimx64.efi")
                .loader("grubx64.efi")
                .script("image")
                .kernel()
                .wait(5.0)
                .kernel()
                .wait(2.0),
        ),
        (
            "loader-refused",
            "next entry",
            at_loader().wait(2.0).http_firmware_dhcp(),
        ),
        (
            "loader-refused",
            "next entry, late",
            at_loader().wait(2.0).http_firmware_dhcp().wait(90.0),
        ),
        (
            "on-its-way",
            "restarted by hand in the loader",
            at_loader().wait(40.0).discover(Stage::Firmware),
        ),
        (
            "no-image",
            "",
            at_script()
                .no_image_in_script()
                .with_settings(|s| s.image = None)
                .wait(5.0),
        ),
        ("image-missing", "", at_script().without_image().wait(5.0)),
        (
            "image-architecture",
            "",
            at_script().with_image(|i| i.architecture = "arm64".into()).wait(5.0),
        ),
        (
            "file-missing",
            "kernel",
            at_script().missing_kernel().wait(5.0).missing_kernel().wait(1.0),
        ),
        (
            "file-missing",
            "loader",
            story()
                .served()
                .firmware_dhcp()
                .missing(Role::Loader, "snponly.efi")
                .wait(1.0),
        ),
        (
            "file-broken-off",
            "at the first block",
            story()
                .served()
                .firmware_dhcp()
                .loader_timed_out("snponly.efi", 0)
                .loader_timed_out("snponly.efi", 0),
        ),
        (
            "file-broken-off",
            "root",
            at_script()
                .kernel()
                .initrd()
                .os_dhcp()
                .transfer(
                    Role::Root,
                    "images/debian-12/root.squashfs",
                    90_000_000,
                    174_000_000,
                    2.0,
                    Outcome::Aborted("connection reset".into()),
                )
                .wait(300.0),
        ),
        (
            "kernel-rebooted",
            "",
            kernel_panics(kernel_panics(story().served())).uefi_to_loader(),
        ),
        (
            "boot-loop",
            "",
            [30.0, 30.0]
                .into_iter()
                .fold(story().served().uefi_boot(), |story, pause| {
                    story.wait(pause).uefi_boot()
                }),
        ),
        ("loader-not-asked", "TFTP", story().served().firmware_dhcp().wait(90.0)),
        (
            "loader-not-asked",
            "HTTP",
            story().served().http_firmware_dhcp().wait(90.0),
        ),
        ("no-second-dhcp", "", at_loader().wait(101.0)),
        ("script-not-asked", "", at_loader().ipxe_dhcp().wait(45.0)),
        ("file-not-asked", "kernel", at_script().wait(130.0)),
        ("file-not-asked", "initrd", at_script().kernel().wait(130.0)),
        (
            "file-not-asked",
            "root",
            at_script().kernel().initrd().os_dhcp().wait(400.0),
        ),
        ("kernel-silent", "", story().served().uefi_to_kernel().wait(150.0)),
        (
            "settings-not-asked",
            "",
            story().served().uefi_to_kernel().os_dhcp().root().wait(400.0),
        ),
        (
            "settings-not-done",
            "",
            story().served().uefi_boot().command_failed("commands[2]").wait(1300.0),
        ),
        (
            "overdue",
            "",
            story().served().nak("10.1.2.3 is not in 10.77.0.0/24").wait(700.0),
        ),
        ("on-its-way", "at the loader", at_loader().wait(3.0)),
        ("on-its-way", "at its settings", story().served().uefi_boot().wait(20.0)),
        ("on-its-way", "after power", story().served().power("on").wait(90.0)),
    ]
}

#[test]
fn every_rule_says_what_it_is_there_for() {
    let mut told = String::new();
    for (rule, variant, story) in stories() {
        let answer = ask(&story);
        assert_eq!(answer.rule, rule, "{variant}\n{}", transcript(&answer));
        assert!(answer.headline.starts_with("nid003 "), "{}", answer.headline);
        writeln!(told, "## {rule} {variant}\n{}", transcript(&answer)).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_rule_has_its_story_and_its_line_in_the_manual() {
    let told: Vec<_> = stories().into_iter().map(|(rule, ..)| rule).collect();
    let manual = include_str!("../../../docs/why.md");
    for name in RULES.iter().map(|(name, _)| *name).chain(["on-its-way"]) {
        assert!(told.contains(&name), "{name} has no story");
        assert!(
            manual.contains(&format!("`{name}`")),
            "docs/why.md does not know `{name}`"
        );
    }
}

#[test]
fn the_manual_shows_the_limits_that_are_kept() {
    let manual = include_str!("../../../docs/why.md");
    for step in [
        Step::Discover,
        Step::Dhcp,
        Step::Loader,
        Step::LoaderDhcp,
        Step::Script,
        Step::Kernel,
        Step::Initrd,
        Step::OsDhcp,
        Step::Root,
        Step::Answers,
        Step::Started,
        Step::Installed,
        Step::Ready,
    ] {
        let limit = super::limit(step, None).unwrap();
        let row = format!("| {} | {} s | {} s |", step.as_str(), limit.usual_s, limit.deadline_s);
        assert!(manual.contains(&row), "docs/why.md lacks {row:?}");
    }
}

/// Every sequence that works, looked at after each of its events.
#[test]
fn a_boot_that_works_is_never_called_stuck() {
    let shim = story()
        .served()
        .firmware_dhcp()
        .transfer(Role::Loader, "shimx64.efi", 0, 966_000, 0.01, Outcome::Probed)
        .fetched(Role::Loader, "shimx64.efi", 966_000, 0.6)
        .missing(Role::Loader, "revocations_sku.efi")
        .fetched(Role::Loader, "grubx64.efi", 2_600_000, 1.4)
        .wait(3.0)
        .script("image")
        .kernel()
        .initrd()
        .wait(4.0)
        .os_dhcp()
        .root()
        .wait(10.0)
        .answers()
        .ready();
    let undionly = story()
        .served()
        .discover(Stage::Ipxe)
        .wait(3.0)
        .lease(Stage::Ipxe)
        .script("image")
        .fetched(Role::Loader, "undionly.kpxe", 88_000, 0.1)
        .ipxe_dhcp()
        .script("image")
        .kernel()
        .initrd()
        .wait(3.0)
        .os_dhcp()
        .root()
        .answers()
        .ready();
    let slow_power_on = story().served().power("on").wait(280.0).uefi_boot().ready();
    let ipv6_wait = story()
        .served()
        .uefi_to_loader()
        .ipxe_dhcp()
        .wait(13.0)
        .script("image")
        .kernel()
        .initrd();
    let proxy = story()
        .served()
        .with_network(|n| n.dhcp = crate::cluster::DhcpMode::Proxy)
        .discover_proxy()
        .wait(4.0)
        .loader("snponly.efi")
        .wait(6.0)
        .script("image")
        .kernel()
        .initrd()
        .wait(10.0)
        .root()
        .answers()
        .ready();
    for told in [
        story().served().uefi_boot().ready(),
        shim,
        undionly,
        slow_power_on,
        ipv6_wait,
        proxy,
    ] {
        for n in 1..=told.events.len() {
            let mut part = told.clone();
            part.events.truncate(n);
            part.now = part.events[n - 1].at;
            // Just before the next thing happens, too.
            for now in [part.now, told.events.get(n).map_or(part.now, |next| next.at)] {
                part.now = now;
                let answer = ask(&part);
                let fine = matches!(answer.verdict, Verdict::OnItsWay | Verdict::Ready | Verdict::Never);
                assert!(fine, "after {n} events:\n{}\n{}", part.told(), transcript(&answer));
            }
        }
    }
}

#[test]
fn the_verdict_on_time_needs_no_events() {
    let told = story().served().uefi_to_loader().wait(101.0);
    let (world, node) = (told.world(), told.node());
    let with = why(&world, &node, told.now, &told.events);
    let without = why(&world, &node, told.now, &[]);
    assert_eq!(
        (without.verdict, without.overdue, &without.headline),
        (with.verdict, with.overdue, &with.headline)
    );
}

#[test]
fn a_renewed_lease_does_not_move_a_deadline() {
    let told = story()
        .served()
        .uefi_to_kernel()
        .os_dhcp()
        .wait(200.0)
        .lease(Stage::Os)
        .wait(100.0);
    let answer = ask(&told);
    assert_eq!(answer.verdict, Verdict::Stuck);
    assert!(answer.overdue);
}

#[test]
fn advice_names_the_console_and_the_loader_that_are_declared() {
    let told = story()
        .served()
        .with_settings(|s| {
            s.console = Some(said(Console {
                device: "ttyS1".into(),
                speed: 115_200,
            }));
            s.loader = Some(said(LoaderChoice::Ipxe));
        })
        .firmware_dhcp()
        .loader("ipxe.efi")
        .wait(100.0);
    let advice = ask(&told).advice.join("\n");
    assert!(advice.contains("ttyS1,115200"), "{advice}");
    assert!(advice.contains("loader: snponly"), "{advice}");
}

#[test]
fn harmless_habits_are_said_once() {
    let told = story().served().uefi_to_loader().missing(Role::File, "autoexec.ipxe");
    let told = told.missing(Role::File, "autoexec.ipxe").wait(1.0);
    let answer = ask(&told);
    assert_eq!(answer.benign.len(), 2, "{:?}", answer.benign);
    assert_eq!(answer.verdict, Verdict::OnItsWay);
}
