//! DHCPv4 (RFC 2131, 2132, 3396, 3046, 4578) for firmware that does not always follow them.
//!
//! [`Packet`] borrows a datagram and reads it; [`Message`] collects values and writes one.
//!
//! Invariant: one bad option never hides another. Options are found first and understood later, each on its own.
//! Invariant: reading allocates only when an option was split over several (RFC 3396); writing reuses the caller's buffer.
//! Invariant: what a client must get back byte for byte (options 61, 82, 97) is never interpreted on the way.
mod arch;
pub mod code;
mod destination;
mod fields;
mod kind;
mod message;
mod names;
mod options;
mod pack;
mod packet;
pub mod pxe;
mod relay;
mod routes;
mod uuid;
mod values;

#[cfg(test)]
mod tests;

pub use arch::{Arch, Cpu};
pub use destination::{Destination, reply_destination};
pub use fields::{Archs, ClientFqdn, Field, UserClass};
pub use kind::MessageType;
pub use message::{Header, Message};
pub use names::{NameError, SearchList};
pub use options::{Anomalies, Options};
pub use pack::{Dropped, budget};
pub use packet::Packet;
pub use relay::RelayAgent;
pub use routes::{Route, RouteList};
pub use uuid::{ClientUuid, UuidText};
pub use values::SubOptions;

/// UDP port of servers and relay agents.
pub const SERVER_PORT: u16 = 67;
/// UDP port of clients.
pub const CLIENT_PORT: u16 = 68;
/// UDP port of the second PXE conversation, between a client and a boot (ProxyDHCP) server.
pub const PXE_PORT: u16 = 4011;

/// Octets of the fixed header, up to and without the magic cookie (RFC 2131 section 2).
pub(crate) const HEADER: usize = 236;
/// What tells options from BOOTP's vendor area (RFC 2131 section 3).
pub(crate) const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// Where the field `sname` lies.
pub(crate) const SNAME: std::ops::Range<usize> = 44..108;
/// Where the field `file` lies.
pub(crate) const FILE: std::ops::Range<usize> = 108..236;
