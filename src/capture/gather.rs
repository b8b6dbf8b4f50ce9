//! A capture of a machine from what this server has of it.

use jiff::{SignedDuration, Timestamp};
use model::event::Seq;
use model::world::{World, concerns};
use wire::Mac;

use super::{About, Capture, Packet, Past};
use crate::journal::{Journal, JournalError};
use crate::recorder::{Kept, Recorder, Said};

/// The first packet of a boot may be older than the event that begins it: its address was probed first.
const BEFORE: SignedDuration = SignedDuration::from_secs(3);

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    node: Option<String>,
    macs: Vec<Mac>,
}

impl Machine {
    /// A node by its name or by the MAC of one of its NICs; any other MAC is a machine that is no node. `None`: it is
    /// neither.
    pub fn named(world: &World, name: &str) -> Option<Self> {
        let mac = name.parse::<Mac>().ok();
        let node = world.cluster.node(name).or_else(|| world.cluster.by_mac(mac?));
        match (node, mac) {
            (Some(node), _) => Some(Self {
                node: Some(node.name.to_string()),
                macs: node.nics.iter().filter_map(|nic| nic.mac).collect(),
            }),
            (None, Some(mac)) => Some(Self {
                node: None,
                macs: vec![mac],
            }),
            (None, None) => None,
        }
    }
}

/// How much of it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Only what came since its latest boot began.
    pub last_boot: bool,
    /// Without the world, which names other machines: then nothing can be derived anew.
    pub packets_only: bool,
}

/// Why there is no capture.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The recorder is off.
    #[error("the recorder is off: the cluster file says `recorder: {{ size: off }}`")]
    Off,
    /// It has nothing.
    #[error(
        "no packet of {0} is kept: it asked nothing since this server started, or later packets needed the room (`size` of \
         the recorder in the cluster file)"
    )]
    Nothing(String),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Gathers a capture.
///
/// # Errors
/// See [`GatherError`].
pub async fn gather(
    journal: &Journal,
    recorder: &Recorder,
    machine: &Machine,
    wanted: Wanted,
) -> Result<Capture, GatherError> {
    let Machine { node, macs } = machine;
    let name = match node {
        Some(name) => name.clone(),
        None => macs.first().map(Mac::to_string).unwrap_or_default(),
    };
    if !recorder.is_on() {
        return Err(GatherError::Off);
    }
    let mut kept = recorder.of(node.as_deref(), macs);
    if wanted.last_boot
        && let Some(node) = node
        && let Some(boot) = &journal.world().state(node).boot
    {
        kept.retain(|kept| kept.at >= boot.started - BEFORE);
    }
    if kept.is_empty() {
        return Err(GatherError::Nothing(name));
    }
    let packets: Vec<Packet> = kept.into_iter().map(packet).collect();
    let past = match wanted.packets_only {
        true => None,
        false => past(journal, machine, &packets).await?,
    };
    Ok(Capture {
        about: About {
            version: env!("CARGO_PKG_VERSION").to_string(),
            machine: name,
            at: Timestamp::now(),
        },
        packets,
        past,
    })
}

fn packet(kept: Kept) -> Packet {
    let said = match kept.said.is_empty() {
        true => None,
        false => serde_json::from_slice(&kept.said).ok(),
    };
    Packet {
        at: kept.at,
        question: kept.question,
        role: kept.role,
        transport: kept.transport,
        from: kept.from,
        to: kept.to,
        bytes: kept.bytes,
        whole: kept.whole,
        said,
    }
}

/// The world of the first question and the events up to the last.
async fn past(journal: &Journal, machine: &Machine, packets: &[Packet]) -> Result<Option<Past>, JournalError> {
    let positions = packets.iter().filter_map(|packet| packet.said.as_ref()).map(span);
    let Some((first, last)) = positions.reduce(|(a, b), (c, d)| (a.min(c), b.max(d))) else {
        return Ok(None);
    };
    let nodes: Vec<&str> = machine.node.as_deref().into_iter().collect();
    let world = journal.world_at(first).await?.excerpt(&nodes, &machine.macs);
    let mut events = Vec::new();
    let mut after = first;
    loop {
        let page = journal.between(after, last).await?;
        let Some(end) = page.last() else { break };
        after = end.seq;
        events.extend(page.into_iter().filter(|event| concerns(event, &nodes, &machine.macs)));
    }
    Ok(Some(Past { world, events }))
}

/// The first and the last position of the journal that an answer was derived from.
fn span(said: &Said<'_>) -> (Seq, Seq) {
    match said {
        Said::Dhcp(said) => (said.world, said.world),
        Said::Tftp(said) => match &said.found {
            crate::recorder::Found::Text { rendered, .. } => (said.world, rendered.unwrap_or(said.world)),
            _ => (said.world, said.world),
        },
        Said::Http(said) => (said.world, said.rendered.unwrap_or(said.world)),
    }
}
