//! Silence: who was silent, and what they usually do meanwhile.

use jiff::SignedDuration;

use super::rows::{Act, Told};
use super::{Detail, Kind, Row, Who};
use crate::event::Role;

/// Silences shorter than this are part of every boot and are not marked.
const MARKED_FROM: SignedDuration = SignedDuration::from_millis(2_500);

/// iPXE gives up waiting for an IPv6 router after some 13 s; no other wait between its address and its script is as
/// long.
const IPV6_WAIT_FROM: SignedDuration = SignedDuration::from_secs(8);

/// Every client has made its choice by then.
const NOT_TAKEN_FROM: SignedDuration = SignedDuration::from_secs(10);

/// The rows with a row for each silence between them, and for the one at the end if the boot is open up to `open`.
pub(super) fn mark(told: Vec<Told>, open: Option<SignedDuration>, restarted: bool) -> Vec<Row> {
    let mut rows = Vec::with_capacity(told.len() * 2);
    let mut before: Option<Told> = None;
    let mut quiet_since = SignedDuration::ZERO;
    for next in told {
        // A client that collects offers waits from its first question on, however often it repeats it.
        let silence = next.row.at - quiet_since;
        if silence >= MARKED_FROM {
            let (who, what) = reason(before.as_ref(), Some(&next), silence);
            rows.push(gap(quiet_since, silence, who, what));
        }
        quiet_since = quiet_since.max(next.end());
        if next.row.benign.is_none() || before.is_none() {
            before = Some(next.clone());
        }
        rows.push(next.row);
    }
    if let Some(end) = open
        && end - quiet_since >= MARKED_FROM
    {
        let (who, what) = reason(before.as_ref(), None, end - quiet_since);
        let what = if restarted {
            "is silent until the machine started anew".to_string()
        } else {
            what
        };
        rows.push(gap(quiet_since, end - quiet_since, who, what));
    }
    rows
}

fn gap(at: SignedDuration, duration: SignedDuration, who: Who, what: String) -> Row {
    Row {
        at,
        duration: Some(duration),
        step: None,
        who,
        what,
        detail: Detail::default(),
        kind: Kind::Gap,
        times: 1,
        benign: None,
        trouble: false,
    }
}

fn reason(before: Option<&Told>, next: Option<&Told>, silence: SignedDuration) -> (Who, String) {
    let Some(before) = before else {
        return (Who::Firmware, "tests itself, brings up its NICs".into());
    };
    let running = before.row.who;
    let after = next.map(|t| (t.act, t.row.who));
    let (who, what) = match (before.act, after) {
        (Act::Power, _) => (Who::Firmware, "tests itself, brings up its NICs"),
        _ if before.row.trouble && before.row.kind == Kind::Transfer => (running, "is silent: tries again, or gave up"),
        (_, Some((Act::Power, _))) => (running, "is silent until it was switched"),
        (Act::Discover, _) if before.row.kind == Kind::Question => (running, "asks again and again, then gives up"),
        (Act::Discover, None) if silence >= NOT_TAKEN_FROM => (running, "does not take the offer"),
        (Act::Discover, Some((Act::Lease, _)) | None) => match running {
            Who::Firmware => (running, "collects offers, about 4 s"),
            Who::Ipxe => (running, "waits for other offers, about 3 s"),
            _ => (running, "collects offers"),
        },
        (Act::File(Role::Loader), Some((Act::Discover, Who::Firmware))) => {
            (Who::Firmware, "is silent: left its loader, or was restarted")
        }
        (Act::File(Role::Loader), Some((Act::File(Role::Loader), _))) => {
            (Who::Loader, "starts and looks for the next loader")
        }
        (Act::File(Role::Loader), _) => match running_after_loader(before, next) {
            Who::Ipxe => (Who::Ipxe, "starts, waits for its link, prompts 2 s"),
            who => (who, "starts"),
        },
        (Act::Lease, Some((Act::Script | Act::Local, _))) if silence >= IPV6_WAIT_FROM => {
            (running, "waits for an IPv6 router, in vain")
        }
        (Act::Lease, None) if running == Who::Ipxe => (running, "sets up its link, up to 13 s without IPv6 routers"),
        (Act::File(Role::Kernel | Role::Initrd), Some((Act::File(Role::Kernel | Role::Initrd), _))) => {
            (running, "is silent between two files")
        }
        (Act::File(Role::Kernel | Role::Initrd), _) => (Who::Kernel, "unpacks its initrd, finds drivers"),
        (Act::Lease, Some((Act::File(Role::Root), _))) => (Who::Kernel, "works in its initial RAM disk"),
        (Act::File(Role::Root), _) => (Who::System, "mounts its root image and starts"),
        (Act::Lease, Some((Act::Settings, _))) => (Who::System, "starts services up to cloud-init"),
        (Act::Settings, _) => (Who::System, "applies settings (cloud-init)"),
        (Act::Local, _) => (Who::System, "starts from its own disk"),
        (Act::Hook, _) => (running, "goes on with its settings"),
        _ => (running, "is silent"),
    };
    (who, what.to_string())
}

fn running_after_loader(before: &Told, next: Option<&Told>) -> Who {
    match next {
        Some(next) => next.row.who,
        None if ["ipxe", "snponly", "undionly"]
            .iter()
            .any(|name| before.row.what.contains(name)) =>
        {
            Who::Ipxe
        }
        None => Who::Loader,
    }
}
