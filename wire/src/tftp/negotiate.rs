//! What a client gets of what it would like.

use std::time::Duration;

use super::options::{BLOCK_SIZES, Wanted};

/// Block size without negotiation (RFC 1350).
const PLAIN_BLOCK: u16 = 512;

/// What a server is ready to grant and to bear, for one transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest block in bytes, 8 to 65464; see [`block_size_for_mtu`]. Larger datagrams would travel in fragments, which
    /// firmware reassembles badly or not at all.
    pub block_size: u16,
    /// Largest window in blocks, at least 1.
    pub window: u16,
    /// Most repetitions in a row without an answer; after that the client counts as gone.
    pub tries: u32,
    /// Time without progress after which the client counts as gone, if at least one repetition went unanswered. With the
    /// back-off this is what ends most: clients may pause for many seconds while they write to flash.
    pub patience: Duration,
}

impl Default for Limits {
    /// For Ethernet: blocks of 1468 bytes, windows of 64, 12 tries, 30 seconds of patience.
    fn default() -> Self {
        Self {
            block_size: 1468,
            window: 64,
            tries: 12,
            patience: Duration::from_secs(30),
        }
    }
}

/// The largest block that fits one unfragmented datagram on a path whose largest packet has `mtu` bytes.
///
/// An IPv4 header takes 20 bytes, an IPv6 header 40, UDP 8 and TFTP 4.
pub fn block_size_for_mtu(mtu: u32, ipv6: bool) -> u16 {
    let room = mtu.saturating_sub(if ipv6 { 52 } else { 32 });
    u16::try_from(room)
        .unwrap_or(u16::MAX)
        .clamp(*BLOCK_SIZES.start(), *BLOCK_SIZES.end())
}

/// The terms of one transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) block_size: u16,
    pub(super) window: u16,
    /// Longest time until a repetition, when the client asked for one.
    pub(super) timeout: Option<Duration>,
    /// What the OACK says; empty when there is none to send.
    pub(super) granted: Wanted,
}

pub(super) fn negotiate(wanted: &Wanted, length: u64, limits: &Limits) -> Terms {
    let largest = limits.block_size.clamp(*BLOCK_SIZES.start(), *BLOCK_SIZES.end());
    let granted = Wanted {
        block_size: wanted.block_size.map(|asked| asked.min(largest)),
        size: wanted.size.map(|_| length),
        timeout: wanted.timeout,
        window: wanted.window.map(|asked| asked.clamp(1, limits.window.max(1))),
    };
    Terms {
        block_size: granted.block_size.unwrap_or(PLAIN_BLOCK),
        window: granted.window.unwrap_or(1),
        timeout: granted.timeout.map(|seconds| Duration::from_secs(seconds.into())),
        granted,
    }
}
