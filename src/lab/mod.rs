//! The lab: virtual machines with real firmware on a network of their own, served by this same program.
//!
//! One process, the keeper, makes a network namespace, puts a bridge into it for each network of the cluster file,
//! starts `bellwether serve` there as its child, and the machines as further children. Everything else talks to the
//! keeper over a Unix socket in the lab's folder.
//!
//! Invariant: nothing outside the lab's namespaces and its folder is touched: no interface, address, route, firewall
//! rule, or running server of the host.
//! Invariant: the served program is not told that it is in a lab; it gets a cluster file and a state folder.
//! Invariant: no machine and no server outlives the keeper, however it ends.

mod accel;
pub mod bmc;
mod console;
mod control;
mod down;
mod error;
mod folder;
mod keeper;
mod machine;
mod namespace;
mod needs;
mod network;
mod plan;
mod process;
mod qemu;
mod qmp;
mod server;
mod status;
mod up;

pub use accel::Accel;
pub use console::{attach, tail};
pub use control::{Power, Request, ask};
pub use down::down;
pub use error::LabError;
pub use folder::Folder;
pub use keeper::run as keep;
pub use namespace::exec;
pub use needs::{check, find_program};
pub use plan::{Controlled, Firmware, Hardware, Machine, Plan, Wishes, plan};
pub use status::{MachinePower, MachineStatus, ServerStatus, Status};
pub use up::{prepare, up};
