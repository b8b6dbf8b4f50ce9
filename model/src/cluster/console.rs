//! How a machine's serial console is got at.

use std::fmt;

/// How a machine's serial console is got at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleVia {
    /// Through its BMC: Serial over LAN of IPMI.
    Sol,
    /// A Unix socket, by its path.
    Unix(String),
    /// A TCP port, `host:port`: a terminal server's.
    Tcp(String),
    /// A telnet port, `host:port`: a terminal server's.
    Telnet(String),
    /// By SSH: through its BMC, or a terminal server.
    Ssh(Box<SshConsole>),
}

/// A console that is got at by SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshConsole {
    /// As it is written: `idrac`, `ssh`, `ssh:ts1:3001`.
    pub word: String,
    /// Where; `None`: the address of the BMC.
    pub host: Option<String>,
    /// Port, 1..=65535.
    pub port: u16,
    /// Login name; `None`: the BMC's.
    pub user: Option<String>,
    /// Where the password is: `env:NAME`, `file:/path` or `store:NAME`.
    pub password_from: Option<String>,
    /// Where the private key is that logs in; it comes before a password.
    pub key_from: Option<String>,
    /// A command that is the console; without one there is a shell. `{node}` in it is the name of the node.
    pub command: Option<String>,
    /// What is typed at the prompts of that shell until the console is there, line by line. `{node}` as above.
    pub dialog: Vec<String>,
    /// What is typed before that when the console is taken from whoever has it.
    pub take: Vec<String>,
    /// The keys that lead back out of the console. People's typing is kept from holding them: behind the console is the
    /// shell of the BMC, with our rights.
    pub leave_keys: Vec<u8>,
    /// The keys that have a break sent; empty: there is none.
    pub break_keys: Vec<u8>,
    /// Whether algorithms are taken that are no longer safe, for what speaks no others.
    pub legacy: bool,
}

/// A make of BMCs whose consoles are got at by SSH.
struct Family {
    word: &'static str,
    port: u16,
    take: &'static [&'static str],
    dialog: &'static [&'static str],
    leave_keys: &'static [u8],
}

const ESC_PARENTHESIS: &[u8] = b"\x1b(";

/// The makes, `ssh` first: any that has a console behind a plain login.
const FAMILIES: [Family; 5] = [
    Family {
        word: "ssh",
        port: 22,
        take: &[],
        dialog: &[],
        leave_keys: &[],
    },
    Family {
        word: "idrac",
        port: 22,
        take: &[],
        dialog: &["connect com2"],
        leave_keys: b"\x1c",
    },
    Family {
        word: "xcc",
        port: 22,
        take: &["console kill 1"],
        dialog: &["console 1"],
        leave_keys: ESC_PARENTHESIS,
    },
    Family {
        word: "ilo",
        port: 22,
        take: &[],
        dialog: &["vsp"],
        leave_keys: ESC_PARENTHESIS,
    },
    // Its console client looks for them at the beginning of a line.
    Family {
        word: "openbmc",
        port: 2200,
        take: &[],
        dialog: &[],
        leave_keys: b"\r~.",
    },
];

impl SshConsole {
    /// The words of those that go through a BMC.
    pub fn words() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().map(|family| family.word)
    }

    /// The console of a make of BMCs; `None`: the word is none of theirs.
    pub fn of_family(word: &str) -> Option<Self> {
        let family = FAMILIES.iter().find(|family| family.word == word)?;
        let lines = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect();
        Some(Self {
            take: lines(family.take),
            dialog: lines(family.dialog),
            leave_keys: family.leave_keys.to_vec(),
            ..Self::plain(word, None, family.port)
        })
    }

    /// A terminal server: its console comes right after the login.
    pub fn at(host: &str, port: u16, word: &str) -> Self {
        Self::plain(word, Some(host.to_string()), port)
    }

    fn plain(word: &str, host: Option<String>, port: u16) -> Self {
        Self {
            word: word.to_string(),
            host,
            port,
            user: None,
            password_from: None,
            key_from: None,
            command: None,
            dialog: Vec::new(),
            take: Vec::new(),
            leave_keys: Vec::new(),
            break_keys: Vec::new(),
            legacy: false,
        }
    }
}

impl ConsoleVia {
    /// Whether it goes through the node's BMC.
    pub fn needs_bmc(&self) -> bool {
        match self {
            Self::Sol => true,
            Self::Ssh(ssh) => ssh.host.is_none(),
            Self::Unix(_) | Self::Tcp(_) | Self::Telnet(_) => false,
        }
    }
}

impl fmt::Display for ConsoleVia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sol => f.write_str("sol"),
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp(place) => write!(f, "tcp:{place}"),
            Self::Telnet(place) => write!(f, "telnet:{place}"),
            Self::Ssh(ssh) => f.write_str(&ssh.word),
        }
    }
}
