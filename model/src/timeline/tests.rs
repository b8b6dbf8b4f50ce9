use std::fmt::Write as _;

use jiff::SignedDuration;

use super::{Ended, Kind, Timeline};
use crate::event::{Outcome, Role, Stage};
use crate::measure;
use crate::story::{NODE, Story, story};

fn of(story: &Story) -> Timeline {
    let state = story.world().state(NODE);
    Timeline::of(NODE, &state, None, &story.events, story.now).unwrap()
}

/// The rows as an operator would read them aloud.
fn transcript(timeline: &Timeline) -> String {
    let mut text = String::new();
    let seconds = |d: SignedDuration| d.as_millis() as f64 / 1000.0;
    for row in &timeline.rows {
        let took = row.duration.map(|d| format!("{:.2}", seconds(d))).unwrap_or_default();
        let step = row.step.map(|s| s.as_str()).unwrap_or_default();
        write!(
            text,
            "{:7.2} {took:>6} {step:<11} {:?}: {} {}",
            seconds(row.at),
            row.kind,
            row.who,
            row.what
        )
        .unwrap();
        if row.times > 1 {
            write!(text, " ×{}", row.times).unwrap();
        }
        if let Some(bytes) = row.detail.bytes {
            write!(text, " [{}]", measure::size(bytes)).unwrap();
        }
        if row.trouble {
            text += " !";
        }
        if let Some(why) = &row.benign {
            write!(text, " ({why})").unwrap();
        }
        text.push('\n');
    }
    let spent = &timeline.spent;
    writeln!(
        text,
        "{:7.2} {:?}: firmware {:.2}, loader {:.2}, transfers {:.2}, kernel {:.2}, system {:.2}",
        seconds(timeline.total),
        timeline.end,
        seconds(spent.firmware),
        seconds(spent.loader),
        seconds(spent.transfers),
        seconds(spent.kernel),
        seconds(spent.system)
    )
    .unwrap();
    text
}

fn check(story: &Story) -> String {
    let timeline = of(story);
    let spent = timeline.spent;
    let sum = spent.firmware + spent.loader + spent.transfers + spent.kernel + spent.system;
    assert_eq!(sum, timeline.total, "the parts add up");
    assert!(timeline.rows.is_sorted_by_key(|row| row.at), "rows are in order");
    let again: Timeline = serde_json::from_str(&serde_json::to_string(&timeline).unwrap()).unwrap();
    assert_eq!(again, timeline, "JSON holds all of it");
    transcript(&timeline)
}

#[test]
fn a_uefi_boot_to_ready() {
    insta::assert_snapshot!(check(
        &story().power("on").uefi_boot().ready().wait(500.0).lease(Stage::Os)
    ));
}

#[test]
fn http_boot_with_its_question_for_the_length() {
    let told = story()
        .http_firmware_dhcp()
        .transfer(Role::Loader, "loaders/ipxe.efi", 0, 851_000, 0.001, Outcome::Partial)
        .fetched(Role::Loader, "loaders/ipxe.efi", 851_000, 0.1)
        .missing(Role::File, "loaders/autoexec.ipxe")
        .ipxe_dhcp()
        .wait(12.8)
        .script("image")
        .kernel()
        .initrd();
    insta::assert_snapshot!(check(&told.wait(40.0)));
}

#[test]
fn secure_boot_with_shim_and_grub() {
    let told = story()
        .firmware_dhcp()
        .transfer(Role::Loader, "shimx64.efi", 0, 966_000, 0.01, Outcome::Probed)
        .fetched(Role::Loader, "shimx64.efi", 966_000, 0.6)
        .missing(Role::Loader, "revocations_sku.efi")
        .missing(Role::Loader, "revocations_sbat.efi")
        .wait(3.1)
        .fetched(Role::Loader, "grubx64.efi", 2_600_000, 1.4)
        .missing(Role::Loader, "shim_certificate_0.efi")
        .wait(0.4)
        .script("image")
        .fetched(Role::Kernel, "images/debian-12/vmlinuz", 14_200_000, 9.0)
        .fetched(Role::Initrd, "images/debian-12/initrd.img", 33_000_000, 21.0)
        .wait(4.0)
        .os_dhcp();
    insta::assert_snapshot!(check(&told));
}

#[test]
fn a_boot_that_was_handed_to_its_disk_ends_there() {
    let told = story().uefi_to_loader().ipxe_dhcp().script("local").wait(3600.0);
    insta::assert_snapshot!(check(&told));
}

#[test]
fn unanswered_questions_are_one_row() {
    let told = [0.0, 4.0, 8.0, 16.0]
        .into_iter()
        .fold(story(), |story, pause| story.wait(pause).ignored("the pool is empty"));
    insta::assert_snapshot!(check(&told.wait(60.0)));
}

#[test]
fn trouble_is_marked_and_many_files_are_one_row() {
    let told = story()
        .uefi_to_loader()
        .ipxe_dhcp()
        .script("image")
        .missing_kernel()
        .missing_kernel()
        .wait(1.0);
    let told = ["a.deb", "b.deb", "c.deb"].into_iter().fold(told, |story, file| {
        story.fetched(Role::File, file, 1_000_000, 0.1).wait(0.05)
    });
    insta::assert_snapshot!(check(
        &told.failed("sha256 of the root image does not match\nwanted 00, got 01")
    ));
}

#[test]
fn an_earlier_boot_ends_where_the_next_one_begins() {
    let first = story().uefi_to_kernel();
    let told = first.wait(70.0).uefi_to_loader();
    let state = told.world().state(NODE);
    let id = state.earlier[0].id;
    let timeline = Timeline::of(NODE, &state, Some(id), &told.events, told.now).unwrap();
    assert_eq!(timeline.end, Ended::Restarted);
    assert_eq!(
        timeline.total,
        state.boot.as_ref().unwrap().started.duration_since(timeline.started)
    );
    insta::assert_snapshot!(transcript(&timeline));
    assert!(Timeline::of(NODE, &state, Some(4711), &told.events, told.now).is_none());
}

#[test]
fn a_machine_that_was_switched_off_is_not_under_way() {
    let timeline = of(&story().uefi_to_loader().wait(5.0).power("off").wait(100.0));
    assert_eq!(timeline.end, Ended::Off);
    assert!(timeline.total < SignedDuration::from_secs(20));
}

#[test]
fn benign_rows_are_never_trouble() {
    let told = story()
        .firmware_dhcp()
        .transfer(
            Role::Loader,
            "snponly.efi",
            0,
            174_000,
            0.0,
            Outcome::Aborted("user aborted".into()),
        )
        .missing(Role::File, "autoexec.ipxe")
        .missing(Role::Loader, "revocations.efi");
    let timeline = of(&told);
    let benign: Vec<_> = timeline.rows.iter().filter(|row| row.benign.is_some()).collect();
    assert_eq!(benign.len(), 3);
    assert!(benign.iter().all(|row| !row.trouble && row.kind == Kind::Note));
}
