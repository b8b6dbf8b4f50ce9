//! The cluster in the formats of other programs: their configuration files, inventories and lists of hosts.
//!
//! Invariant: nothing secret is in an export. Where a format wants a password it is written the way that has the program
//! read it from elsewhere, and the text says from where.
//! Invariant: what a format cannot express is a note, never dropped in silence. Notes stand as comments in the text; those
//! of a format without comments are left to the caller.
//! Promise: the server itself reads none of these; whoever runs it alone never needs them.

mod ansible;
mod bind;
mod clustershell;
mod conman;
mod dhcp;
mod dhcpd;
mod dnsmasq;
mod genders;
mod hosts;
mod kea;
mod notes;
mod powerman;
mod prometheus;
mod records;
mod salt;
mod ssh;
#[cfg(test)]
mod tests;
mod teuthology;

use std::sync::Arc;

use jiff::Timestamp;

pub use ansible::dynamic as ansible_dynamic;
use notes::Notes;
use records::{Record, records};

use crate::cluster::{Cluster, Node};

/// A format of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// An inventory of Ansible, as YAML.
    Ansible,
    /// Zones of BIND, forward and reverse, and what names them in `named.conf`.
    Bind,
    /// Groups of ClusterShell as YAML, for `groups.d`.
    ClusterShell,
    /// Groups of ClusterShell, a line each, for an upcall of `groups.conf`.
    ClusterShellClassic,
    /// `conman.conf`.
    Conman,
    /// `dhcpd.conf` of ISC.
    Dhcpd,
    /// Configuration of dnsmasq.
    Dnsmasq,
    /// The genders file.
    Genders,
    /// Lines for `/etc/hosts`.
    Hosts,
    /// Configuration of Kea's DHCPv4 server.
    Kea,
    /// `powerman.conf`.
    Powerman,
    /// Targets of Prometheus, for `file_sd_configs` and `http_sd_configs`.
    Prometheus,
    /// A roster of salt-ssh.
    SaltRoster,
    /// Hosts for `~/.ssh/config`.
    SshConfig,
    /// Rows of teuthology's table of nodes, as SQL.
    Teuthology,
}

impl Format {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 15] = [
        Self::Ansible,
        Self::Bind,
        Self::ClusterShell,
        Self::ClusterShellClassic,
        Self::Conman,
        Self::Dhcpd,
        Self::Dnsmasq,
        Self::Genders,
        Self::Hosts,
        Self::Kea,
        Self::Powerman,
        Self::Prometheus,
        Self::SaltRoster,
        Self::SshConfig,
        Self::Teuthology,
    ];

    /// The word of the command line and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ansible => "ansible",
            Self::Bind => "bind",
            Self::ClusterShell => "clustershell",
            Self::ClusterShellClassic => "clustershell-classic",
            Self::Conman => "conman",
            Self::Dhcpd => "dhcpd",
            Self::Dnsmasq => "dnsmasq",
            Self::Genders => "genders",
            Self::Hosts => "hosts",
            Self::Kea => "kea",
            Self::Powerman => "powerman",
            Self::Prometheus => "prometheus",
            Self::SaltRoster => "salt-roster",
            Self::SshConfig => "ssh-config",
            Self::Teuthology => "teuthology",
        }
    }

    /// The format of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// What begins a comment; `None`: the format has none.
    fn comment(self) -> Option<&'static str> {
        match self {
            Self::Prometheus => None,
            Self::Bind => Some(";"),
            Self::Kea => Some("//"),
            Self::Teuthology => Some("--"),
            _ => Some("#"),
        }
    }

    /// Whether the notes stand in the text itself.
    pub fn has_comments(self) -> bool {
        self.comment().is_some()
    }
}

/// What is to be exported.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Which of its nodes, in the order that they are written in.
    pub nodes: Vec<Arc<Node>>,
    /// When: zones carry it as their serial number.
    pub now: Timestamp,
    /// Port of Prometheus' targets: 9100 is that of its node exporter.
    pub port: u16,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// One file, of [`Format::Bind`] several.
    pub files: Vec<File>,
    /// What the format cannot express, a sentence each.
    pub notes: Vec<String>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its usual name.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// Why there is nothing to export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Zones belong to a domain.
    #[error("a zone has a domain: say `domain:` in the cluster file")]
    NoDomain,
}

/// Renders the cluster in another program's format.
///
/// # Errors
/// If the cluster has not what the format needs.
pub fn export(format: Format, request: &Request<'_>) -> Result<Exported, ExportError> {
    let mut sheet = Sheet::new(request);
    let files = match format {
        Format::Bind => bind::render(&mut sheet)?,
        Format::Ansible => one("bellwether.yaml", ansible::render(&mut sheet)),
        Format::ClusterShell => one("bellwether.yaml", clustershell::yaml(&mut sheet)),
        Format::ClusterShellClassic => one("bellwether.cfg", clustershell::classic(&mut sheet)),
        Format::Conman => one("conman.conf", conman::render(&mut sheet)),
        Format::Dhcpd => one("dhcpd.conf", dhcpd::render(&mut sheet)),
        Format::Dnsmasq => one("bellwether.conf", dnsmasq::render(&mut sheet)),
        Format::Genders => one("genders", genders::render(&mut sheet)),
        Format::Hosts => one("hosts", hosts::render(&mut sheet)),
        Format::Kea => one("kea-dhcp4.conf", kea::render(&mut sheet)),
        Format::Powerman => one("powerman.conf", powerman::render(&mut sheet)),
        Format::Prometheus => one("bellwether.json", prometheus::render(&sheet)),
        Format::SaltRoster => one("roster", salt::render(&sheet)),
        Format::SshConfig => one("config", ssh::render(&mut sheet)),
        Format::Teuthology => one("nodes.sql", teuthology::render(&mut sheet)),
    };
    let notes = sheet.notes.lines();
    let Some(comment) = format.comment() else {
        return Ok(Exported { files, notes });
    };
    let head = |comment: &str| {
        let made = format!(
            "{comment} Made by `bellwether export {}` from the cluster {}: changes belong into its cluster file.\n",
            format.as_str(),
            request.cluster.name
        );
        let notes = notes.iter().map(|note| format!("{comment} Not here: {note}\n"));
        made + &notes.collect::<String>()
    };
    let files = files.into_iter().map(|file| {
        // The language of named.conf has comments of its own.
        let comment = if file.name == bind::NAMED_CONF { "//" } else { comment };
        File {
            text: head(comment) + &file.text,
            ..file
        }
    });
    Ok(Exported {
        files: files.collect(),
        notes,
    })
}

fn one(name: &str, text: String) -> Vec<File> {
    vec![File {
        name: name.to_string(),
        text,
    }]
}

/// What the renderers share: the request, every interface with its name, and the notes so far.
struct Sheet<'a> {
    cluster: &'a Cluster,
    nodes: &'a [Arc<Node>],
    now: Timestamp,
    port: u16,
    records: Vec<Record<'a>>,
    notes: Notes,
}

impl<'a> Sheet<'a> {
    fn new(request: &'a Request<'a>) -> Self {
        let mut notes = Notes::default();
        Self {
            cluster: request.cluster,
            nodes: &request.nodes,
            now: request.now,
            port: request.port,
            records: records(request.cluster, &request.nodes, &mut notes),
            notes,
        }
    }

    /// The groups that have any of these nodes, in the order of the file, with their members among these nodes.
    fn groups(&self) -> Vec<(&'a str, Vec<&'a str>)> {
        let groups = self.cluster.groups.iter().map(String::as_str);
        self.named(groups, |node, group| node.groups.iter().any(|own| own == group))
    }

    /// The profiles that any of these nodes has, with those nodes.
    fn profiles(&self) -> Vec<(&'a str, Vec<&'a str>)> {
        let profiles = self.cluster.profiles.iter().map(String::as_str);
        self.named(profiles, |node, profile| {
            node.profile.as_ref().is_some_and(|own| own.value == profile)
        })
    }

    fn named(
        &self,
        names: impl Iterator<Item = &'a str>,
        belongs: impl Fn(&Node, &str) -> bool,
    ) -> Vec<(&'a str, Vec<&'a str>)> {
        let nodes = self.nodes;
        names
            .map(|name| {
                let members = nodes.iter().filter(|node| belongs(node, name)).map(|node| &*node.name);
                (name, members.collect::<Vec<_>>())
            })
            .filter(|(_, members)| !members.is_empty())
            .collect()
    }
}

/// A text as a JSON string, which is a YAML scalar as well (YAML 1.2 section 1.3).
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always serialises")
}
