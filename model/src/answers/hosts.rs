//! `/etc/hosts` of the cluster.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};

use crate::cluster::{Cluster, Node};

/// `/etc/hosts` for a node: itself, and every node with a reserved address, in the order of the file. The same text
/// serves every node of a cluster but for the line of its own name.
pub fn hosts(cluster: &Cluster, node: &Node) -> String {
    let mut text = head(cluster, node);
    text.push_str(cluster.hosts());
    text
}

/// What stands before the lines of all nodes.
pub(super) fn head(cluster: &Cluster, node: &Node) -> String {
    let mut text = String::from("127.0.0.1 localhost\n");
    // Debian's custom: the own name resolves even before the network is up, and `hostname --fqdn` works.
    if node.primary_address().is_none() {
        let _ = writeln!(text, "127.0.1.1 {}", names(cluster, node, ""));
    }
    text.push_str("::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n");
    text
}

/// The lines of all nodes.
pub(crate) fn lines(cluster: &Cluster) -> String {
    let mut text = String::new();
    for node in &cluster.nodes {
        let mut primary = true;
        for nic in &node.nics {
            let Some(address) = nic.address else { continue };
            // A name has one meaning: further NICs get the name of their interface or network behind a hyphen.
            let suffix = match (primary, &nic.name, &nic.network) {
                (true, ..) => String::new(),
                (false, Some(name), _) | (false, None, Some(name)) => format!("-{name}"),
                (false, None, None) => continue,
            };
            let _ = writeln!(text, "{address} {}", names(cluster, node, &suffix));
            primary = false;
        }
    }
    text
}

/// Up to this length a person can read the lines in a cloud-config; that is some 1,500 nodes.
const READABLE: usize = 64 * 1024;

/// The lines of all nodes as they stand in a cloud-config.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    /// Within the quotes of a string of JSON or YAML.
    Quoted(String),
    /// gzip in base64: a fourth of it, and every node of a room asks for it in the same minute.
    Packed(String),
}

impl Written {
    pub fn new(lines: &str) -> Self {
        if lines.len() <= READABLE {
            let quoted = serde_json::to_string(lines).expect("a string always serialises");
            return Self::Quoted(quoted[1..quoted.len() - 1].to_string());
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(lines.as_bytes()).expect("memory takes every write");
        Self::Packed(BASE64_STANDARD.encode(packed.finish().expect("memory takes every write")))
    }
}

fn names(cluster: &Cluster, node: &Node, suffix: &str) -> String {
    if cluster.domain.is_empty() {
        format!("{}{suffix}", node.name)
    } else {
        format!("{name}{suffix}.{} {name}{suffix}", cluster.domain, name = node.name)
    }
}
