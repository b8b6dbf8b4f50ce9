//! Other programs' files read as a cluster: text in, nodes and networks out, and everything that was not understood.
//!
//! Invariant: reading never fails and never panics: what is not understood is a note with its file and line.
//! Invariant: a password is never taken over. Where one stands, the cluster file says `password_from`, and a note says so.
//! Invariant: contradictions are told with both places. A MAC that two machines claim is given to neither.
//! Promise: the text that is written has been read by the reader of `check`, without an error.

mod ansible;
mod bluebanquise;
mod conman;
mod dhcpd;
mod dnsmasq;
mod finish;
mod found;
mod gather;
mod ini;
mod inventory;
mod json;
mod kea;
mod openchami;
mod pelagos;
mod powerman;
#[cfg(test)]
mod tests;
mod words;
mod write;

use gather::Gather;

/// The name under which a machine is declared: `client-1` for `Client_1.a.b.c`; `None`: it cannot have one.
pub fn declared_name(text: &str) -> Option<String> {
    words::host(text).map(|(name, _)| name)
}

/// A format of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// An inventory of Ansible: INI, YAML, or what a dynamic one prints.
    Ansible,
    /// An inventory of BlueBanquise.
    Bluebanquise,
    /// `conman.conf`.
    Conman,
    /// `dhcpd.conf` of ISC.
    Dhcpd,
    /// Configuration or hosts file of dnsmasq.
    Dnsmasq,
    /// Configuration of Kea's DHCPv4 server.
    Kea,
    /// `nodes.yaml` of OpenCHAMI.
    OpenchamiNodes,
    /// The configuration of Pelagos.
    Pelagos,
    /// `powerman.conf`.
    Powerman,
}

impl Format {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 9] = [
        Self::Ansible,
        Self::Bluebanquise,
        Self::Conman,
        Self::Dhcpd,
        Self::Dnsmasq,
        Self::Kea,
        Self::OpenchamiNodes,
        Self::Pelagos,
        Self::Powerman,
    ];

    /// The word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ansible => "ansible",
            Self::Bluebanquise => "bluebanquise",
            Self::Conman => "conman",
            Self::Dhcpd => "dhcpd",
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "kea",
            Self::OpenchamiNodes => "openchami-nodes",
            Self::Pelagos => "pelagos",
            Self::Powerman => "powerman",
        }
    }

    /// The format of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// A file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name, as notes show it.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// Largest file that is read, in bytes.
pub const SIZE: usize = 8 << 20;

/// Most machines that are read: a range of names is short, and may stand for any number.
const MACHINES: usize = 100_000;

/// Something that was not taken over as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What stands there, without what may be a secret.
    pub text: String,
    /// Why it was not taken over, or what was made of it.
    pub why: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.text.is_empty() {
            write!(f, "`{}`: ", self.text)?;
        }
        f.write_str(&self.why)
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The cluster file.
    pub text: String,
    /// How many nodes are declared in it.
    pub nodes: usize,
    /// How many networks.
    pub networks: usize,
    /// Everything that was not taken over as it stands, in the order of the files.
    pub notes: Vec<Note>,
}

impl Imported {
    /// Whether nothing at all could be read.
    pub fn is_empty(&self) -> bool {
        self.nodes == 0 && self.networks == 0
    }
}

/// What the cluster file is to be beside what stands in the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes<'a> {
    /// Name of the cluster.
    pub name: &'a str,
    /// Where the passwords of the files are already, `file:/path`; `None`: whoever reads the notes puts them somewhere.
    pub passwords_at: Option<&'a str>,
    /// Leaves the BMCs out.
    pub without_bmcs: bool,
}

/// Reads files of one format as one cluster.
pub fn import(format: Format, wishes: &Wishes<'_>, sources: &[Source]) -> Imported {
    let mut gather = Gather::new(sources.iter().map(|source| source.name.clone()).collect());
    gather.passwords_at = wishes.passwords_at.map(str::to_string);
    for (at, source) in sources.iter().enumerate() {
        gather.open(at);
        if source.text.len() > SIZE {
            gather.note(1, "", format!("the file is longer than {} MiB", SIZE >> 20));
            continue;
        }
        // Editors of other systems put a mark there.
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
        match format {
            Format::Ansible => ansible::read(text, &mut gather),
            Format::Bluebanquise => bluebanquise::read(text, &mut gather),
            Format::Conman => conman::read(text, &mut gather),
            Format::Dhcpd => dhcpd::read(text, &mut gather),
            Format::Dnsmasq => dnsmasq::read(text, &mut gather),
            Format::Kea => kea::read(text, &mut gather),
            Format::OpenchamiNodes => openchami::read(text, &mut gather),
            Format::Pelagos => pelagos::read(text, &mut gather),
            Format::Powerman => powerman::read(text, &mut gather),
        }
    }
    finish::finish(&mut gather);
    if wishes.without_bmcs {
        gather.forget_bmcs();
    }
    write::write(format, wishes.name, gather)
}
