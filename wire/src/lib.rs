//! Codecs and protocol state machines: bytes and time in, answers and effects out.
//!
//! Invariant: this crate opens no socket, reads no file and no clock; time is an argument.
//! Invariant: no input makes it panic; what cannot be parsed is an error with a position, or is skipped and counted.
#![forbid(unsafe_code)]
// Tests may read their fixtures.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::disallowed_methods))]

pub mod checksum;
pub mod conman;
pub mod conserver;
pub mod dhcp4;
pub mod ipmi;
pub mod lines;
pub mod mac;
pub mod malformed;
pub mod pcapng;
pub mod powerman;
pub mod probe;
pub mod ra;
pub mod range;
pub mod syslog;
pub mod telnet;
pub mod tftp;

pub use mac::Mac;
pub use malformed::Malformed;
