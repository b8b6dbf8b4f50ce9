//! Faces as they are written.

use crate::config::read::Many;
use crate::config::scalar::{Listen, PasswordFrom, Peers};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// Foreign protocols, so that the clients of other programs work unmodified. Each is closed unless it is declared here.
    struct Faces as "the faces" {
        /// Pelagos' REST API, which teuthology speaks. Port 5000 unless `listen` says another.
        pelagos: Option<TokenFace>,
        /// powermand's protocol: `pm`, `powerman`. Port 10101.
        powerman: Option<Face>,
        /// conmand's protocol: `conman`. Port 7890.
        conman: Option<Face>,
        /// conserver's protocol: `console`. Port 3109.
        conserver: Option<TokenFace>,
    }
}

declare_section! {
    /// A face whose protocol knows no password: whoever may connect may do everything.
    struct Face as "a face" {
        /// Address that it listens on, with a port where it is not the usual one. Example: `127.0.0.1` or
        /// `10.77.0.1:10101`.
        listen: Option<At<Listen>> = required,
        /// Who may connect: addresses and prefixes. Without it everybody who reaches the address. Example:
        /// `[10.77.0.0/24, 10.1.2.3]`.
        allow: Many<At<Peers>>,
    }
}

declare_section! {
    /// A face whose protocol has a place for a password.
    struct TokenFace as "a face" {
        /// Address that it listens on, with a port where it is not the usual one. Example: `127.0.0.1` or
        /// `10.77.0.1:5000`.
        listen: Option<At<Listen>> = required,
        /// Who may connect: addresses and prefixes. Without it everybody who reaches the address. Example:
        /// `[10.77.0.0/24, 10.1.2.3]`.
        allow: Many<At<Peers>>,
        /// Where the token is that clients must show: `env:NAME` or `file:/path`. Without it none is asked for.
        token_from: Option<At<PasswordFrom>>,
    }
}
