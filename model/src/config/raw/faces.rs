//! Faces as they are written.

use crate::config::read::Many;
use crate::config::scalar::{AbsolutePath, Listen, PasswordFrom, Patience, Peers};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// Foreign protocols, so that the clients of other programs work unmodified. Each is closed unless it is declared here.
    struct Faces as "the faces" {
        /// Pelagos' REST API, which teuthology speaks. Port 5000 unless `listen` says another.
        pelagos: Option<PelagosFace>,
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
    /// Pelagos' REST API.
    struct PelagosFace as "the face of Pelagos" {
        /// Address that it listens on, with a port where it is not the usual one. Example: `127.0.0.1` or
        /// `10.77.0.1:5000`.
        listen: Option<At<Listen>> = required,
        /// Who may connect: addresses and prefixes. Without it everybody who reaches the address. Example:
        /// `[10.77.0.0/24, 10.1.2.3]`.
        allow: Many<At<Peers>>,
        /// Where the token is that clients must show as `Authorization: Bearer`: `env:NAME`, `file:/path` or `store:NAME`. Without it none
        /// is asked for: Pelagos' own clients have none.
        token_from: Option<At<PasswordFrom>>,
        /// Folder of its images, a folder for each: what was the root of its TFTP server. Default `/srv/tftpboot`.
        tftp_root: Option<At<AbsolutePath>>,
        /// How long a node may take until it answers on its SSH port. Default `15m`.
        timeout: Option<At<Patience>>,
        /// After what time without a sign of life it is restarted, three times at most. Default `3m`.
        frozen: Option<At<Patience>>,
    }
}

declare_section! {
    /// A face whose protocol has a place for a password.
    struct TokenFace as "a face with a token" {
        /// Address that it listens on, with a port where it is not the usual one. Example: `127.0.0.1` or
        /// `10.77.0.1:5000`.
        listen: Option<At<Listen>> = required,
        /// Who may connect: addresses and prefixes. Without it everybody who reaches the address. Example:
        /// `[10.77.0.0/24, 10.1.2.3]`.
        allow: Many<At<Peers>>,
        /// Where the token is that clients must show: `env:NAME`, `file:/path` or `store:NAME`. Without it none is asked for.
        token_from: Option<At<PasswordFrom>>,
    }
}
