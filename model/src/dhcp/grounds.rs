//! What a decision knew beside the world and the question: what the promises said when they were asked.
//!
//! The world can be folded again from the journal; promises are kept nowhere. With these few answers the same decision can be
//! made again, years later and elsewhere.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use wire::Mac;

/// Most that is kept of one decision. A decision asks for an address some thirty times at most.
pub(super) const MOST: usize = 64;

/// How far a promise has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The wire is being asked about the address.
    Probing,
    /// The client was told.
    Offered,
    /// The client took it, and the lease is being written.
    Committing,
    /// Nobody may have it.
    Blocked,
}

/// One answer of the promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ground {
    /// The machine that asks is promised an address.
    Own {
        /// The machine.
        mac: Mac,
        /// First address of the network.
        network: Ipv4Addr,
        /// Length of the network's prefix.
        prefix: u8,
        /// The address.
        address: Ipv4Addr,
        /// How far that is.
        stage: Stage,
    },
    /// An address is promised to somebody else.
    Taken(Ipv4Addr),
    /// An address was probed a moment ago and nobody has it.
    Probed(Ipv4Addr),
    /// The search through a pool came up with this address, or with none.
    Spare {
        /// First address of the network.
        network: Ipv4Addr,
        /// Length of the network's prefix.
        prefix: u8,
        /// The address.
        address: Option<Ipv4Addr>,
    },
    /// There was no room for another promise.
    Full,
}
