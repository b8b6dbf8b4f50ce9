//! Where the time of a boot went.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::rows::{Act, Told};
use super::{Kind, millis};
use crate::event::Role;

/// Where the time of a boot went. The parts add up to its total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// From the first sign of life until the loader was there, without transfers.
    #[serde(rename = "firmware_ms", with = "millis")]
    pub firmware: SignedDuration,
    /// In the loader, until it handed over to a kernel or to the disk, without transfers.
    #[serde(rename = "loader_ms", with = "millis")]
    pub loader: SignedDuration,
    /// While at least one file was going over.
    #[serde(rename = "transfers_ms", with = "millis")]
    pub transfers: SignedDuration,
    /// In the kernel and its initial RAM disk, until the root image was there, without transfers.
    #[serde(rename = "kernel_ms", with = "millis")]
    pub kernel: SignedDuration,
    /// In the system, without transfers.
    #[serde(rename = "system_ms", with = "millis")]
    pub system: SignedDuration,
}

pub(super) fn spent(told: &[Told], total: SignedDuration) -> Spent {
    let zero = SignedDuration::ZERO;
    let first = |is: &dyn Fn(&Told) -> bool| told.iter().find(|t| is(t)).map(|t| t.row.at);
    let ended = |role: Role| {
        told.iter()
            .filter(|t| whole(t) && t.act == Act::File(role))
            .map(Told::end)
            .max()
    };
    // Each part begins where the one before it ended; a part that was not reached begins where the next one does.
    let system = ended(Role::Root)
        .or_else(|| first(&|t| t.act == Act::Settings))
        .or_else(|| first(&|t| t.act == Act::Local))
        .unwrap_or(total)
        .min(total);
    let kernel = ended(Role::Initrd)
        .or_else(|| ended(Role::Kernel))
        .unwrap_or(system)
        .min(system);
    let loader = told
        .iter()
        .find(|t| whole(t) && t.act == Act::File(Role::Loader))
        .map(Told::end)
        .or_else(|| first(&|t| matches!(t.act, Act::Script | Act::Local)))
        .unwrap_or(kernel)
        .min(kernel);

    let mut busy: Vec<(SignedDuration, SignedDuration)> = told
        .iter()
        .filter(|t| matches!(t.act, Act::File(_)))
        .map(|t| (t.row.at.max(zero), t.end().min(total)))
        .filter(|(from, to)| from < to)
        .collect();
    busy.sort();
    let part = |from: SignedDuration, to: SignedDuration| {
        let (mut sum, mut done) = (zero, from);
        for (begin, end) in &busy {
            let (begin, end) = ((*begin).max(done), (*end).min(to));
            if begin < end {
                sum += end - begin;
                done = end;
            }
        }
        ((to - from) - sum, sum)
    };
    let parts = [
        part(zero, loader),
        part(loader, kernel),
        part(kernel, system),
        part(system, total),
    ];
    Spent {
        firmware: parts[0].0,
        loader: parts[1].0,
        kernel: parts[2].0,
        system: parts[3].0,
        transfers: parts.iter().map(|p| p.1).fold(zero, |sum, part| sum + part),
    }
}

fn whole(told: &Told) -> bool {
    told.row.kind == Kind::Transfer && !told.row.trouble
}
