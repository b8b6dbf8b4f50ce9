//! Capture files (pcapng, draft-ietf-opsawg-pcapng): what Wireshark, tshark and tcpdump read.
//!
//! A file is a list of blocks. [`section`], [`interface`], [`packet`] and [`local`] append one to a buffer; [`Blocks`] reads
//! them back, whichever program wrote them. [`datagram`] makes the packets of which only the payload is known.
//!
//! Invariant: reading allocates nothing and ends: each block is longer than nothing and lies within the file.
//! Invariant: a block that is not understood is handed out as it is, never an error.

pub mod datagram;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Block, Blocks, Interface, Packet};
pub use write::{interface, local, packet, section};

/// Packets begin with their IP header, version 4 or 6 (`LINKTYPE_RAW`).
pub const RAW_IP: u16 = 101;
/// Most octets that one block has: libpcap and Wireshark refuse larger ones (16 MiB); this is well below.
pub const LARGEST_BLOCK: usize = 1 << 20;

/// Block types (section 11.1 of the draft).
mod kind {
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const PACKET: u32 = 6;
    /// Types with the first bit set are for local use; other programs skip them.
    pub(super) const LOCAL: u32 = 1 << 31;
}

/// What tells the byte order of a section.
const ORDER: u32 = 0x1a2b_3c4d;
const OPTION_COMMENT: u16 = 1;
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
