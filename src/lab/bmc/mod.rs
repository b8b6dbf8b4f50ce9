//! Virtual BMCs: what operates a lab machine as real ones operate real machines, with what goes wrong there on request.
//!
//! A BMC has a door (IPMI over UDP) and something behind it: a machine of the lab, or, where only the BMCs matter, none
//! ([`alone`]). Both ends of that are channels: what it asks of the machine, and what it hears from it.

pub mod alone;
pub(super) mod attached;
mod door;
mod faults;

pub use door::{Bmc, FromMachine, serve};
pub use faults::LineFaults;

use wire::ipmi::{Chance, Controller, DeviceId, Fru, Privilege, Setup, Suite, User};

/// Who operates lab machines. Nothing of it is secret.
pub const USER: &str = "admin";
/// The password of that user.
pub const PASSWORD: &str = "lab";

/// The BMC of a lab machine: IPMI 2.0 with both suites, and room for four sessions as most have.
pub fn controller(name: &str, guid: [u8; 16], user: &str, password: &[u8]) -> Controller {
    let setup = Setup {
        users: vec![
            User::new(user, password, Privilege::Administrator),
            User::new("operator", password, Privilege::Operator),
        ],
        kg: None,
        suites: Suite::ALL.to_vec(),
        guid,
        device: DeviceId {
            device: 0x20,
            firmware: (1, 0),
            version: (2, 0),
            maker: 0,
            product: 1,
        },
        fru: Fru::pack("Bellwether", "lab machine", name),
        sessions: 4,
    };
    Controller::new(setup, chance())
}

fn chance() -> Chance {
    Box::new(|out| getrandom::fill(out).expect("the kernel has random numbers from its start on"))
}
