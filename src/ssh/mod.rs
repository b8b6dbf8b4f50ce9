//! SSH as a client: host keys that are remembered, logins that are tried once, commands and consoles.
//!
//! Invariant: a password or a signature is sent only to a server whose host key was noted before.
//! Invariant: one login is tried once for each connection; whoever is refused decides when he asks again.
//! Invariant: the other end can open nothing here: no channel, no forwarding, no agent.
//! Invariant: no secret is printed, journalled, or an argument of a program.

mod algorithms;
mod error;
mod gate;
mod login;
mod output;
mod place;
mod session;

pub use error::SshError;
pub use login::{Credential, Key, Login};
pub use output::Output;
pub use place::{Target, address, trusted};
pub use session::{Channel, Ended, Heard, Listener, Session, Typist, host_key};

/// Where SSH listens (RFC 4253 §4.1).
pub const PORT: u16 = 22;
