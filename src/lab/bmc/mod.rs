//! Virtual BMCs: what operates a lab machine as real ones operate real machines, with what goes wrong there on request.
//!
//! A BMC has two doors (IPMI over UDP, Redfish over HTTPS) to one state, and something behind it: a machine of the lab, or,
//! where only the BMCs matter, none ([`alone`]). Both ends of that are channels: what it asks of the machine, and what it
//! hears from it. The state belongs to the loop in [`door`]; Redfish asks that loop.

pub mod alone;
pub(super) mod attached;
mod door;
mod faults;
mod redfish;

pub use door::{Bmc, FromMachine, Panel, serve};
pub use faults::LineFaults;

use uuid::Uuid;
use wire::Mac;
use wire::ipmi::{Chance, Controller, DeviceId, Fru, Privilege, Setup, Suite, User};

/// Who operates lab machines. Nothing of it is secret.
pub const USER: &str = "admin";
/// The password of that user.
pub const PASSWORD: &str = "lab";
/// A second user, with the same password, who may switch and not administer.
const OPERATOR: &str = "operator";
const MAKER: &str = "Bellwether";
const MODEL: &str = "lab machine";
const FIRMWARE: (u8, u8) = (1, 0);

/// What a BMC knows of itself and its machine.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Name of the machine, for people.
    pub name: String,
    /// Serial number of the machine.
    pub serial: String,
    /// UUID of the machine, as SMBIOS has it.
    pub uuid: Uuid,
    /// Hardware addresses of its network cards.
    pub macs: Vec<Mac>,
    /// Who administers it.
    pub user: String,
    /// The password of all its users.
    pub password: Vec<u8>,
}

impl Identity {
    /// IPMI 2.0 with both suites, and room for four sessions as most have.
    fn controller(&self) -> Controller {
        let mut guid = self.uuid.into_bytes();
        // SMBIOS writes a UUID the other way round than IPMI (section 20.8).
        guid.reverse();
        let users = self
            .users()
            .map(|(name, privilege)| User::new(name, &self.password, privilege));
        let setup = Setup {
            users: users.into(),
            kg: None,
            suites: Suite::ALL.to_vec(),
            guid,
            device: DeviceId {
                device: 0x20,
                firmware: FIRMWARE,
                version: (2, 0),
                maker: 0,
                product: 1,
            },
            fru: Fru::pack(MAKER, MODEL, &self.serial),
            sessions: 4,
        };
        Controller::new(setup, chance())
    }

    /// Who may log in, and what each may do.
    fn users(&self) -> [(&str, Privilege); 2] {
        [(&self.user, Privilege::Administrator), (OPERATOR, Privilege::Operator)]
    }
}

fn chance() -> Chance {
    Box::new(|out| getrandom::fill(out).expect("the kernel has random numbers from its start on"))
}
