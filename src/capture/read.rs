//! A file as a capture.

use jiff::Timestamp;
use model::event::Event;
use model::world::{SnapshotError, World};
use wire::Malformed;
use wire::pcapng::datagram::{self, Carried};
use wire::pcapng::{self, Block, Blocks, RAW_IP};

use super::{About, BLOCK, Capture, MAGIC, Note, Packet, Past, part};
use crate::recorder::{Role, Transport};

/// Why a file cannot be read as a capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It is no pcapng file, or a damaged one.
    #[error("the file cannot be read as a capture: {0}")]
    File(Malformed),
    /// It is one, but has none of our blocks.
    #[error(
        "the file has no notes of Bellwether: it was made by another program, or went through one that drops what it does \
         not know. Take it anew with `bellwether capture NODE`"
    )]
    Foreign,
    /// A block of ours cannot be read.
    #[error("block {number} of the capture cannot be read; was it written by a later version?")]
    Block {
        /// Which, from 1.
        number: usize,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// The world in it cannot be read.
    #[error("the world in the capture cannot be read")]
    World(#[source] SnapshotError),
}

/// Reads a capture.
///
/// # Errors
/// See [`CaptureError`]. Packets without a note, such as TCP's own, are passed over.
pub fn read(file: &[u8]) -> Result<Capture, CaptureError> {
    let mut about: Option<About> = None;
    let (mut world, mut events, mut packets) = (Vec::new(), Vec::<Event>::new(), Vec::new());
    let mut interface = None;
    let mut last: Option<(Timestamp, Carried<'_>)> = None;
    for (number, block) in Blocks::of(file).map_err(CaptureError::File)?.enumerate() {
        let broken = |source| CaptureError::Block {
            number: number + 1,
            source,
        };
        match block.map_err(CaptureError::File)? {
            Block::Section => (interface, last) = (None, None),
            Block::Interface(found) => interface = interface.or(Some(found)),
            Block::Packet(packet) => {
                last = interface
                    .filter(|interface| interface.link_type == RAW_IP && packet.interface == 0)
                    .and_then(|interface| carried(&packet, &interface));
            }
            Block::Other { kind: BLOCK, body } => {
                let Some([part, b' ', content @ ..]) = body.strip_prefix(MAGIC) else {
                    continue;
                };
                // Blocks are filled up with zeros, which JSON has none of.
                let end = content.iter().rposition(|octet| *octet != 0).map_or(0, |at| at + 1);
                let content = &content[..end];
                match *part {
                    part::ABOUT => about = Some(serde_json::from_slice(content).map_err(broken)?),
                    part::WORLD => world.extend_from_slice(content),
                    part::EVENT => events.push(serde_json::from_slice(content).map_err(broken)?),
                    part::NOTE => {
                        let note: Note<'static> = serde_json::from_slice(content).map_err(broken)?;
                        packets.extend(last.take().map(|(at, carried)| packet(at, &carried, note)));
                    }
                    // Of a later version.
                    _ => {}
                }
            }
            Block::Other { .. } => {}
        }
    }
    let past = match world.is_empty() {
        true => None,
        false => {
            let text = String::from_utf8_lossy(&world);
            let world = World::from_snapshot(&text).map_err(CaptureError::World)?;
            Some(Past { world, events })
        }
    };
    Ok(Capture {
        about: about.ok_or(CaptureError::Foreign)?,
        packets,
        past,
    })
}

fn carried<'a>(packet: &pcapng::Packet<'a>, interface: &pcapng::Interface<'_>) -> Option<(Timestamp, Carried<'a>)> {
    let nanoseconds = packet.nanoseconds(interface)?;
    let at = Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()?;
    Some((at, datagram::read(packet.bytes)?))
}

fn packet(at: Timestamp, carried: &Carried<'_>, note: Note<'static>) -> Packet {
    Packet {
        at,
        question: note.question,
        role: if note.answer { Role::Answer } else { Role::Question },
        transport: if carried.is_tcp {
            Transport::Http
        } else {
            Transport::Udp
        },
        from: carried.from,
        to: carried.to,
        bytes: carried.payload.to_vec(),
        whole: note.whole,
        said: note.said,
    }
}
