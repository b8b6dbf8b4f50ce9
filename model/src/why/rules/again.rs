//! Boots that repeat, and signs that something is twice there.

use jiff::SignedDuration;

use super::super::case::Case;
use super::super::{Fact, Finding, Verdict};
use crate::event::{Stage, What};
use crate::measure;
use crate::world::{Boot, Step};

/// A boot that begins within this time of the end of the last one was caused by it.
pub(super) const SOON: SignedDuration = SignedDuration::from_mins(10);

/// So many boots in a row without a ready are a loop.
const LOOP: usize = 3;

/// The latest boots, latest first, that followed one another without a pause, without success and without our doing.
fn row_of_boots<'a>(case: &Case<'a>) -> Vec<&'a Boot> {
    let mut row: Vec<&Boot> = Vec::new();
    for boot in case
        .boot
        .into_iter()
        .chain(case.state.earlier.iter().map(|boot| &**boot))
    {
        let follows = row.last().is_none_or(|next: &&Boot| {
            next.reached(Step::Power).is_none() && next.started.duration_since(boot.last) <= SOON
        });
        if !follows || boot.is_ready() {
            break;
        }
        row.push(boot);
    }
    row
}

fn stand(boot: &Boot) -> Option<Step> {
    boot.position().map(|mark| mark.step)
}

/// The last event is later than now: this host's clock was set back, and no span can be trusted.
pub(super) fn clock_set_back(case: &Case) -> Option<Finding> {
    let last = case.boot.map(|b| b.last).or(case.state.last_seen)?;
    let ahead = last.duration_since(case.now);
    if ahead < SignedDuration::from_secs(5) {
        return None;
    }
    Some(
        Finding::new(
            Verdict::OnItsWay,
            format!("was heard {} in the future", measure::span(ahead)),
            "The clock of this host was set back since. How long anything takes cannot be told until it has caught up.",
        )
        .fact(last, "it was last heard")
        .advise("let this host keep its clock by NTP: timedatectl"),
    )
}

/// A callback with a token that is not that of the boot under way.
pub(super) fn hook_refused(case: &Case) -> Option<Finding> {
    let boot = case.boot.filter(|boot| !boot.is_ready())?;
    let refused: Vec<_> = case
        .recent
        .iter()
        .filter_map(|e| match &e.what {
            What::HookRefused { hook, client, why } => Some((e.at, hook, client, why)),
            _ => None,
        })
        .collect();
    let (at, hook, client, why) = refused.last()?;
    let own = case
        .address()
        .is_some_and(|address| std::net::IpAddr::V4(address) == **client);
    // A boot that has gone on since needs nobody's help, and what calls from elsewhere does not keep it.
    if boot.last > *at || !own && !case.overdue {
        return None;
    }
    let cause = match own {
        true => {
            "It runs a system of an earlier boot while we count a later one: it was not restarted when it asked DHCP or for a script, or a second machine boots with its MAC or name."
        }
        false => "The callback came from another address: another machine runs under this name.",
    };
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("called back ({hook}) with a token that is not of boot {}", boot.id),
            cause,
        )
        .fact(*at, format!("{hook} from {client} was refused: {why}"))
        .advise(format!("see its boots: bellwether timeline {}", case.node.name))
        .advise("reboot it: each boot gets its own token"),
    )
}

/// It was handed over to its disk and came back, again and again.
pub(super) fn disk_empty(case: &Case) -> Option<Finding> {
    if case.target().is_some_and(|target| target != "local") {
        return None;
    }
    let handed = |boot: &Boot| stand(boot) == Some(Step::LocalBoot) && boot.stage != Some(Stage::Os);
    let row = row_of_boots(case);
    // The latest one may not have come as far yet.
    let begun = usize::from(!handed(row.first()?));
    let came_back: Vec<&Boot> = row
        .iter()
        .skip(begun)
        .copied()
        .take_while(|boot| handed(boot))
        .collect();
    let times = |boot: &Boot| boot.mark(Step::LocalBoot).map_or(0, |mark| mark.times as usize);
    // A firmware may walk through two of its boot entries in one boot; a loader that finds no system goes on asking.
    if came_back.len() < LOOP && times(row[0]) < LOOP {
        return None;
    }
    let handed_over: usize = came_back.iter().map(|boot| times(boot)).sum();
    let first = row[row.len() - 1];
    Some(
        Finding::new(
            Verdict::Stuck,
            format!(
                "finds nothing to boot on its disk: handed over to it {handed_over} times in {}",
                case.ago(first.started)
            ),
            "Its boot target is local, and no system is found on its disks, so it asks the network again.",
        )
        .fact(first.started, "the first of these boots began")
        .advise(format!(
            "let it boot an image: bellwether boot {} --target image",
            case.node.name
        ))
        .advise("if there is one on the disk, check the boot order and the controller's mode in its firmware setup"),
    )
}

/// Its last boot ended with its kernel, and it boots again.
pub(super) fn kernel_rebooted(case: &Case) -> Option<Finding> {
    let fell = |boot: &&&Boot| matches!(stand(boot), Some(Step::Kernel | Step::Initrd));
    let row = row_of_boots(case);
    let times = row.iter().skip(1).take_while(fell).count();
    if times == 0 || case.position >= Some(Step::OsDhcp) {
        return None;
    }
    let before = row[1];
    let lived = row[0].started.duration_since(before.last);
    let again = if times > 1 {
        format!(", {times} times")
    } else {
        String::new()
    };
    let mut finding = Finding::new(
        Verdict::Failed,
        format!("restarts after its kernel was handed over{again}"),
        "The kernel panicked before it had an address: its memory is too small, its initial RAM disk does not fit, or a kernel argument is wrong.",
    )
    .fact(before.last, "its kernel and initial RAM disk were fetched, in the boot before")
    .fact(row[0].started, format!("it began to boot again, {} later", measure::span(lived)))
    .advise(format!("read the last lines before it restarts: {}", case.look()));
    if let Some(need) = memory(case) {
        finding = finding.advise(format!("has it enough memory? this image needs {need} at least"));
    }
    let args: Vec<&str> = case
        .node
        .settings
        .kernel_args
        .iter()
        .map(|arg| arg.value.as_str())
        .collect();
    if !args.is_empty() {
        finding = finding.advise(format!("try it without its kernel arguments: {}", args.join(" ")));
    }
    Some(finding)
}

/// It boots again and again and is never ready.
pub(super) fn boot_loop(case: &Case) -> Option<Finding> {
    let row = row_of_boots(case);
    // Firmware that asks and asks without getting anything has its own rules.
    let begun = row.iter().filter(|boot| stand(boot) >= Some(Step::Loader)).count();
    if begun < LOOP || case.target() == Some("local") {
        return None;
    }
    let furthest = row
        .iter()
        .filter_map(|boot| boot.furthest())
        .map(|mark| mark.step)
        .max()?;
    let first = row[row.len() - 1];
    let facts = row.iter().rev().map(|boot| Fact {
        at: Some(boot.started),
        text: match stand(boot) {
            Some(step) => format!("boot {} began, it came to {}", boot.id, step.as_str()),
            None => format!("boot {} began", boot.id),
        },
    });
    Some(
        Finding::new(
            Verdict::Failed,
            format!(
                "boots again and again: {} boots in {}, none came further than {}",
                row.len(),
                case.ago(first.started),
                furthest.as_str()
            ),
            "It restarts before it is ready: it crashes, a watchdog or a person resets it, or its power fails.",
        )
        .facts(facts)
        .advise(format!("read the last lines before it restarts: {}", case.look()))
        .advise(format!("compare its boots: bellwether timeline {}", case.node.name)),
    )
}

/// The memory that an image needs to come up, in words: the root lives in memory, the initial RAM disk is there packed
/// and unpacked (some three times its size) at the same time, and kernel and services need 384 MB.
pub(super) fn memory(case: &Case) -> Option<String> {
    let (_, image) = case.image()?;
    let need = image.root.size + 4 * image.initrd.size + 384_000_000;
    Some(measure::size(need))
}
