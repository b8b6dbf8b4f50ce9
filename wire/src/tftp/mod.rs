//! TFTP (RFC 1350, 2347, 2348, 2349, 7440): the read-only server side as a codec and a state machine.
//!
//! [`hear`] judges what arrives at the well-known port. A [`Transfer`] then carries one file to one client: packets and time go
//! in, datagrams and a deadline come out, and it ends with exactly one [`Outcome`].
//!
//! Invariant: a transfer knows nothing of sockets, files and clocks; the caller fills in payloads by offset and length.
//! Invariant: nothing is ever written on behalf of a client; write requests are refused.
//! Invariant: a transfer ends: the number of time-outs without progress and the number of bytes sent are both bounded.

mod echo;
mod hear;
mod negotiate;
pub mod netascii;
mod options;
mod outcome;
mod pace;
mod packet;
mod parts;
mod path;
mod transfer;

#[cfg(test)]
mod link;
#[cfg(test)]
mod tests;

pub use hear::{Heard, Refused, Request, hear};
pub use negotiate::{Limits, block_size_for_mtu};
pub use options::Wanted;
pub use outcome::Outcome;
pub use packet::{ErrorCode, Mode, Packet, RawRequest, data_header, encode_ack, encode_error};
pub use path::{LONGEST_PATH, clean_path};
pub use transfer::{Next, Reception, Transfer, Transmit};
