//! BMCs: our client against those of others, our virtual BMC against others' clients, and many at once.

mod conductor;
mod consoles;
mod emulators;
mod many;
mod misery;
mod redfish;
mod redfish_clients;
mod shells;
mod stored;
mod telnet;
mod theirs;
mod virtuals;

pub use emulators::{IpmiSim, PASSWORD as SIMULATED, Running, python, until};
pub use virtuals::bmcs;
