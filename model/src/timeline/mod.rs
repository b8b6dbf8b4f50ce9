//! The timeline of one boot: who asked what and what they got, how long each part took, and where it was silent.
//!
//! Invariant: every event of the boot is in a row: alone, or counted in one that says the same.
//! Invariant: a harmless habit of known software is a benign row, never trouble.

mod gaps;
mod rows;
mod spent;
#[cfg(test)]
mod tests;

pub use spent::Spent;

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{Event, Seq, Subject};
use crate::world::{Boot, NodeState, Step};

/// One boot as a waterfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Name of the node.
    pub node: String,
    /// Number of the boot.
    pub boot: Seq,
    /// When it began. All offsets count from here.
    pub started: Timestamp,
    /// Boot target, once the loader asked for its script.
    pub target: Option<String>,
    /// Image that it boots.
    pub image: Option<String>,
    /// What happened, by the time at which it began.
    pub rows: Vec<Row>,
    /// From the beginning to the end, or to now.
    #[serde(rename = "total_ms", with = "millis")]
    pub total: SignedDuration,
    /// Where the time went.
    pub spent: Spent,
    /// How it ended.
    pub end: Ended,
}

/// How a boot ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The node said that it is ready.
    Ready,
    /// Its disk has its system; it starts from there.
    Installed,
    /// It goes on.
    Underway,
    /// It was handed over to its own disk, from where nothing more need be heard.
    Local,
    /// The node said that it failed, in these words.
    Failed(String),
    /// The machine started anew before it was ready.
    Restarted,
    /// We switched it off.
    Off,
}

/// One line of the waterfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When it began, from the beginning of the boot.
    #[serde(rename = "at_ms", with = "millis")]
    pub at: SignedDuration,
    /// How long it took; `None` for what happened in an instant.
    #[serde(
        rename = "duration_ms",
        with = "millis::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub duration: Option<SignedDuration>,
    /// The step that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// Who acted, or was silent.
    pub who: Who,
    /// What they did, a predicate to `who`: `asks for an address → 10.77.0.13`.
    pub what: String,
    /// Figures.
    #[serde(default)]
    pub detail: Detail,
    /// What kind of row it is.
    pub kind: Kind,
    /// How often the same happened in a row, from 1.
    pub times: u32,
    /// Why it is harmless, where it looks like trouble and is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benign: Option<Cow<'static, str>>,
    /// Whether it is bad news.
    #[serde(default)]
    pub trouble: bool,
}

/// The figures of a row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Detail {
    /// Bytes that went over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Bytes per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// Address given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// File or URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A question that nobody answered.
    Question,
    /// A question with its answer, which is given at once.
    Answer,
    /// A file.
    Transfer,
    /// Silence.
    Gap,
    /// Something that was said or done.
    Note,
}

/// Who acts in a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The machine's firmware.
    Firmware,
    /// iPXE.
    Ipxe,
    /// Another loader: shim, GRUB.
    Loader,
    /// The kernel with its initial RAM disk.
    Kernel,
    /// The system that came up.
    System,
    /// What puts a system on the disk: a distribution's installer, or our agent.
    Installer,
    /// We, or a person through us.
    Bellwether,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Firmware => "firmware",
            Self::Ipxe => "iPXE",
            Self::Loader => "loader",
            Self::Kernel => "kernel",
            Self::System => "system",
            Self::Installer => "installer",
            Self::Bellwether => "Bellwether",
        })
    }
}

/// Up to when a boot is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It is the latest boot; this is now.
    Now(Timestamp),
    /// It was followed by another one, which began then.
    Next(Timestamp),
}

/// The timeline of one boot of `node`.
///
/// `events` are events of the node in the order of the journal, from `boot.id` at the latest on. Others may be among
/// them, and later ones: what does not belong to the boot is left out.
pub fn timeline(node: &str, boot: &Boot, events: &[Event], until: Until) -> Timeline {
    let end_of_time = match until {
        Until::Now(now) => now.max(boot.last),
        Until::Next(next) => next,
    };
    let events: Vec<&Event> = events
        .iter()
        .filter(|e| e.seq >= boot.id && e.at <= end_of_time)
        // The event that began the next boot is the first that is not of this one.
        .filter(|e| e.at < end_of_time || matches!(until, Until::Now(_)))
        .filter(|e| matches!(&e.subject, Subject::Node(name) if name == node))
        .collect();
    let mut told = rows::tell(boot, &events);
    let ready = boot
        .reached(Step::Ready)
        .filter(|at| boot.failed.as_ref().is_none_or(|(_, failed)| failed < at));
    let off = rows::switched_off(boot, &events);
    let end = match (&boot.failed, until) {
        _ if ready.is_some() => Ended::Ready,
        _ if boot.reached(Step::Installed).is_some() => Ended::Installed,
        _ if off.is_some() => Ended::Off,
        // A command of cloud-init that failed does not end the boot.
        (Some((why, _)), _) if boot.reached(Step::Answers).is_none() || boot.is_ready() => Ended::Failed(why.clone()),
        _ if boot.position().is_some_and(|m| m.step == Step::LocalBoot) => Ended::Local,
        (_, Until::Next(_)) => Ended::Restarted,
        (_, Until::Now(_)) => Ended::Underway,
    };
    let heard = told.iter().map(rows::Told::end).max().unwrap_or_default();
    let total = match end {
        Ended::Ready => ready.map_or(heard, |at| at.duration_since(boot.started)),
        Ended::Installed => boot
            .reached(Step::Installed)
            .map_or(heard, |at| at.duration_since(boot.started)),
        Ended::Off => off.map_or(heard, |at| at.duration_since(boot.started)),
        Ended::Underway | Ended::Restarted => end_of_time.duration_since(boot.started),
        Ended::Failed(_) | Ended::Local => heard,
    };
    told.retain(|t| t.row.at <= total);
    let spent = spent::spent(&told, total);
    let open = matches!(end, Ended::Underway | Ended::Restarted).then_some(total);
    Timeline {
        node: node.to_string(),
        boot: boot.id,
        started: boot.started,
        target: boot.target.clone(),
        image: boot.image.clone(),
        rows: gaps::mark(told, open, end == Ended::Restarted),
        total,
        spent,
        end,
    }
}

impl Timeline {
    /// The timeline of the boot with that number, or of the latest one; `None` if the world does not know it.
    pub fn of(node: &str, state: &NodeState, boot: Option<Seq>, events: &[Event], now: Timestamp) -> Option<Self> {
        let mut next = None;
        for candidate in state.all_boots() {
            if boot.is_none_or(|id| id == candidate.id) {
                let until = next.map_or(Until::Now(now), Until::Next);
                return Some(timeline(node, candidate, events, until));
            }
            next = Some(candidate.started);
        }
        None
    }
}

/// Durations as whole milliseconds.
mod millis {
    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &SignedDuration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SignedDuration, D::Error> {
        i64::deserialize(from).map(SignedDuration::from_millis)
    }

    pub(super) mod option {
        use super::{Deserialize, Deserializer, Serializer, SignedDuration};

        pub(in super::super) fn serialize<S: Serializer>(
            duration: &Option<SignedDuration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => super::serialize(duration, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<SignedDuration>, D::Error> {
            Ok(Option::<i64>::deserialize(from)?.map(SignedDuration::from_millis))
        }
    }
}
