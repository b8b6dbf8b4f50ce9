//! IPMI 2.0 over LAN: RMCP+, its handshake and its ciphers, commands, and the serial console (SOL). No I/O, no clock.
//!
//! Two ends are here: [`Client`], which operates a machine's BMC, and [`Controller`], which is one: that of a machine in the
//! lab. Each was checked against foreign counterparts, and both are checked against each other.
//!
//! Sources: Intelligent Platform Management Interface Specification v2.0 rev. 1.1 (section numbers below are its), and for
//! what BMCs really do the notes in `docs/bmc.md`.
//!
//! Invariant: nothing that a BMC or a stranger sends makes this panic, grow without bound, or end a session that is not its.
//! Invariant: a password is never in an error, in `Debug`, or in anything that is sent.

mod boot;
mod chassis;
mod client;
mod code;
mod console;
mod controller;
mod device;
mod frame;
mod fru;
mod handshake;
mod message;
mod sdr;
mod sel;
mod suite;
#[cfg(test)]
mod tests;
mod window;

pub use boot::{BootDevice, BootFlags};
pub use chassis::{ChassisStatus, Control, RestartCause, identify};
pub use client::{BadLogin, Chance, Client, Closed, Event, Login, Reply, Time};
pub use code::Completion;
pub use console::Console;
pub use controller::{Asked, Controller, Deed, Faults, Setup, User, View};
pub use device::DeviceId;
pub use frame::{PONG_SUPPORTS_IPMI, ping, pong, pong_tag};
pub use fru::{FRU_LONGEST, FRU_PIECE, Fru};
pub use handshake::{Privilege, Status};
pub use message::{Request, net};
pub use sdr::{SDR_PIECE, Sensor, SensorRecord, Unit};
pub use sel::{SelEntry, SelInfo};
pub use suite::Suite;
