//! Consoles that are got at by SSH, as they are written.

use crate::config::read::Many;
use crate::config::scalar::{BmcPort, Flag, KeyFrom, Keys, PasswordFrom, Text};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// How consoles are got at by SSH. Under `defaults`: those of all nodes; what a node's own `console_ssh` says comes
    /// first.
    struct ConsoleSsh as "the SSH of a console" {
        /// Port. Default 22, for `openbmc` 2200; a port in `console_via` comes first.
        port: Option<At<BmcPort>>,
        /// Login name. Default: the BMC's, for consoles that go through a BMC.
        user: Option<At<Text>>,
        /// Where the password is, where the server runs: `env:NAME`, `file:/path` or `store:NAME`. Default: the BMC's, for consoles that go
        /// through a BMC.
        password_from: Option<At<PasswordFrom>>,
        /// Where the private key is, where the server runs: `env:NAME` or `file:/path`. It comes before a password. Ed25519
        /// or ECDSA, without a passphrase.
        key_from: Option<At<KeyFrom>>,
        /// Command that is the console, as in `ssh -t HOST COMMAND`; `{node}` in it is the name of the node. Example:
        /// `console -f {node}`.
        command: Option<At<Text>>,
        /// What is typed at the prompts of a shell until the console is there, line by line, instead of what the make of BMC
        /// takes. `{node}` as above. Example: `connect com2`.
        dialog: Many<At<Text>>,
        /// What is typed before that when the console is to be taken from a session that has it, as after a restart of the
        /// server. Example: `console kill 1`.
        take: Many<At<Text>>,
        /// The keys that lead back from the console to that shell: what people type is kept from holding them. `ESC`, `CR`,
        /// `SPACE`, `^X` for control and X, other characters as they are. Examples: `ESC (`, `^]`.
        leave_keys: Option<At<Keys>>,
        /// The keys that have a break sent, written in the same way. Without them there is none.
        break_keys: Option<At<Keys>>,
        /// Whether SHA-1 and CBC are taken, for old BMCs that speak nothing else. Default `false`.
        legacy: Option<At<Flag>>,
    }
}
