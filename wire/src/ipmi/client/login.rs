//! What a client logs in with, and why a session ends.

use std::fmt;

use super::super::handshake::{KEY, Privilege, Status, key};
use super::super::suite::Suite;

/// Who logs in to a BMC, and how.
#[derive(Clone)]
pub struct Login {
    pub(super) user: Vec<u8>,
    pub(super) password: [u8; KEY],
    pub(super) kg: Option<[u8; KEY]>,
    /// Privilege that is asked for.
    pub privilege: Privilege,
    /// Cipher suites to try, in their order.
    pub suites: Vec<Suite>,
    /// The BMC computes its codes with the privilege of Open Session instead of RAKP message 1's (FreeIPMI calls this
    /// `opensesspriv`).
    pub open_session_privilege: bool,
}

/// Neither password nor key.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &String::from_utf8_lossy(&self.user))
            .field("privilege", &self.privilege)
            .field("suites", &self.suites)
            .finish_non_exhaustive()
    }
}

/// A user's name or password that no BMC can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLogin {
    /// A name has at most 16 octets.
    LongUser,
    /// A password has at most 20 octets in IPMI 2.0.
    LongPassword,
}

impl fmt::Display for BadLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LongUser => "a user's name has at most 16 octets in IPMI",
            Self::LongPassword => "a password has at most 20 octets in IPMI 2.0",
        })
    }
}

impl std::error::Error for BadLogin {}

impl Login {
    /// Logs in as administrator with the better suite that the BMC has.
    ///
    /// # Errors
    /// If the name or the password is longer than IPMI allows.
    pub fn new(user: &str, password: &[u8]) -> Result<Self, BadLogin> {
        if user.len() > super::super::handshake::NAME {
            return Err(BadLogin::LongUser);
        }
        if password.len() > KEY {
            return Err(BadLogin::LongPassword);
        }
        Ok(Self {
            user: user.as_bytes().to_vec(),
            password: key(password),
            kg: None,
            privilege: Privilege::Administrator,
            suites: Suite::ALL.to_vec(),
            open_session_privilege: false,
        })
    }

    /// The BMC's own key, K_g, at most 20 octets; an empty one is none.
    #[must_use]
    pub fn with_kg(mut self, kg: &[u8]) -> Self {
        self.kg = (!kg.is_empty()).then(|| key(kg));
        self
    }
}

/// Why a session is over, or never began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// We closed it.
    Asked,
    /// Nobody ever answered.
    NoAnswer,
    /// It answered before and does not any more.
    Silent,
    /// It speaks IPMI 1.5 only.
    OldVersion,
    /// It refused the handshake.
    Refused(Status),
    /// It has none of the suites that were tried.
    NoSuite,
    /// Its code is not the one that our password makes: the user's name, the password or K_g is wrong.
    WrongPassword,
    /// The user may not have the privilege.
    NoPrivilege,
    /// What it said in the handshake makes no sense.
    Nonsense,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("the session was closed"),
            Self::NoAnswer => f.write_str("it does not answer"),
            Self::Silent => f.write_str("it does not answer any more"),
            Self::OldVersion => f.write_str("it speaks IPMI 1.5 only"),
            Self::Refused(status) => write!(f, "it refuses the session: {status}"),
            Self::NoSuite => f.write_str("it has neither cipher suite 17 nor 3"),
            Self::WrongPassword => f.write_str("the password, the user or K_g is wrong"),
            Self::NoPrivilege => f.write_str("the user may not have the privilege that was asked for"),
            Self::Nonsense => f.write_str("it does not follow the handshake of IPMI 2.0"),
        }
    }
}

impl std::error::Error for Closed {}
