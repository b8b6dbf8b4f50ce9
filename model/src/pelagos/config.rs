//! Pelagos' configuration file, turned into a cluster file.
//!
//! Nodes are declared by their short names in lower case, with hyphens for underscores. The networks, which the file does not
//! have, are taken to be the /24 around each address. Passwords stay where they are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value};
use wire::Mac;

/// A configuration file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PelagosError {
    /// It is not JSON.
    #[error("it is no JSON: {0} (the comments in Pelagos' howto have to be taken out)")]
    Json(String),
    /// A part is not what it should be.
    #[error("{place} is no {wanted}")]
    Shape {
        /// Where: `nodes`, `nodes[3]`.
        place: String,
        /// What it should be.
        wanted: &'static str,
    },
}

/// A configuration file as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Everything but the nodes.
    pub options: Map<String, Value>,
    /// The nodes as they stand there.
    pub nodes: Vec<Map<String, Value>>,
}

/// What the cluster file is to say beside what Pelagos' has.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// Where the BMCs' password is, `env:NAME` or `file:/path`; `None`: none of them has one.
    pub password_from: Option<String>,
    /// Root of the TFTP server, the folder of images.
    pub tftp_root: Option<String>,
    /// Nothing but the face: no BMC is touched and no other door is open.
    pub simulation: bool,
}

/// A cluster file that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text.
    pub text: String,
    /// What was not taken over, and why.
    pub notes: Vec<String>,
}

/// Reads a configuration file.
///
/// # Errors
/// It is no JSON, or its nodes are none.
pub fn read(text: &str) -> Result<Config, PelagosError> {
    let value: Value = serde_json::from_str(text).map_err(|error| PelagosError::Json(error.to_string()))?;
    let shape = |place: String, wanted| PelagosError::Shape { place, wanted };
    let Value::Object(mut options) = value else {
        return Err(shape("the whole file".into(), "object"));
    };
    let nodes = match options.remove("nodes") {
        Some(Value::Array(nodes)) => nodes,
        Some(_) => return Err(shape("`nodes`".into(), "list")),
        None => Vec::new(),
    };
    let nodes = nodes.into_iter().enumerate().map(|(at, node)| match node {
        Value::Object(node) if node.get("node").is_some_and(Value::is_string) => Ok(node),
        Value::Object(_) => Err(shape(format!("`node` of nodes[{at}]"), "name")),
        _ => Err(shape(format!("nodes[{at}]"), "object")),
    });
    Ok(Config {
        nodes: nodes.collect::<Result<_, _>>()?,
        options,
    })
}

impl Config {
    /// An option that is a text and not empty.
    pub fn option(&self, key: &str) -> Option<&str> {
        word(&self.options, key)
    }
}

/// A value that is a text and not empty.
pub fn word<'a>(of: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    of.get(key)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// The name under which a node of Pelagos is declared: `client-1` for `Client_1.a.b.c`.
pub fn declared_name(node: &str) -> String {
    let short = node.split('.').next().unwrap_or(node);
    short.to_ascii_lowercase().replace('_', "-")
}

/// Turns a configuration into a cluster file.
pub fn cluster_file(config: &Config, ways: &Ways) -> Imported {
    let mut found = Found::default();
    for node in &config.nodes {
        found.node(node, ways);
    }
    let mut text = String::from("# Made from a configuration file of Pelagos.\ncluster: pelagos\n");
    let domain = config.option("domain").map(str::to_ascii_lowercase);
    match domain {
        Some(domain) if is_domain(&domain) => {
            let _ = writeln!(text, "domain: {domain}");
        }
        Some(domain) => found.notes.push(format!("domain {domain}: it is none")),
        None => {}
    }
    if !ways.simulation
        && let Some(user) = config.option("ipmi_user")
    {
        let from = ways.password_from.as_ref();
        let from = from.map(|from| format!(", password_from: {}", quoted(from)));
        let _ = write!(
            text,
            "\ndefaults:\n  bmc: {{ user: {}{} }}\n",
            quoted(user),
            from.unwrap_or_default()
        );
    }
    if !found.networks.is_empty() {
        text.push_str("\n# Pelagos does not say how large its networks are.\nnetworks:\n");
        for [a, b, c] in &found.networks {
            let _ = writeln!(text, "  net-{a}-{b}-{c}: {{ prefix: {a}.{b}.{c}.0/24 }}");
        }
    }
    text.push_str("\nfaces:\n  pelagos:\n    listen: 0.0.0.0\n");
    if let Some(root) = &ways.tftp_root {
        let _ = writeln!(text, "    tftp_root: {}", quoted(root));
    }
    if ways.simulation {
        text.push_str("\ndoors: { dhcp: off, tftp: off, http: off, cache: off, syslog: off }\n");
    }
    if !found.nodes.is_empty() {
        text.push_str("\nnodes:\n");
        for (name, lines) in &found.nodes {
            let _ = write!(text, "  {name}:\n{lines}");
        }
    }
    Imported {
        text,
        notes: found.notes,
    }
}

/// What was found in the nodes.
#[derive(Default)]
struct Found {
    networks: BTreeSet<[u8; 3]>,
    /// Declarations by name, in the order of the file.
    nodes: Vec<(String, String)>,
    names: HashSet<String>,
    taken: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl Found {
    fn node(&mut self, node: &Map<String, Value>, ways: &Ways) {
        let said = word(node, "node").unwrap_or_default();
        let name = declared_name(said);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 63 || !name.chars().all(fits) || name.starts_with('-') || name.ends_with('-')
        {
            return self.notes.push(format!("node {said}: {name:?} cannot be a host name"));
        }
        if !self.names.insert(name.clone()) {
            return self.notes.push(format!("node {said}: another node is called {name}"));
        }
        let mac = self.mac(said, node.get("mac"), "mac");
        let address = self.address(said, node, "ip");
        let fast = self.fast(said, node);
        let mut lines = String::new();
        match fast.is_empty() {
            true => {
                if let Some(mac) = &mac {
                    let _ = writeln!(lines, "    mac: '{mac}'");
                }
                if let Some(address) = address {
                    let _ = writeln!(lines, "    address: {address}");
                }
            }
            false => {
                lines.push_str("    nics:\n");
                for (mac, address) in std::iter::once((mac, address)).chain(fast) {
                    let mac = mac.map(|mac| format!("mac: '{mac}'"));
                    let address = address.map(|address| format!("address: {address}"));
                    let both: Vec<String> = mac.into_iter().chain(address).collect();
                    if !both.is_empty() {
                        let _ = writeln!(lines, "      - {{ {} }}", both.join(", "));
                    }
                }
            }
        }
        if !ways.simulation {
            lines += &self.bmc(said, node);
        }
        if lines.is_empty() {
            lines.push_str("    groups: []\n");
        }
        self.nodes.push((name, lines));
    }

    /// The interfaces of the second network.
    fn fast(&mut self, said: &str, node: &Map<String, Value>) -> Vec<(Option<Mac>, Option<Ipv4Addr>)> {
        let macs: Vec<Value> = match node.get("hsm_mac") {
            Some(Value::Array(macs)) => macs.clone(),
            Some(Value::String(mac)) if !mac.trim().is_empty() => vec![Value::String(mac.clone())],
            _ => return Vec::new(),
        };
        let mut address = self.address(said, node, "hsm_ip");
        let macs: Vec<Mac> = macs
            .iter()
            .filter_map(|mac| self.mac(said, Some(mac), "hsm_mac"))
            .collect();
        macs.into_iter().map(|mac| (Some(mac), address.take())).collect()
    }

    fn bmc(&mut self, said: &str, node: &Map<String, Value>) -> String {
        let Some(address) = word(node, "bmc_ip") else {
            return String::new();
        };
        if address.parse::<IpAddr>().is_err() {
            self.notes.push(format!("node {said}: bmc_ip {address} is no address"));
            return String::new();
        }
        if let Some(other) = self.taken.insert(address.to_string(), said.to_string()) {
            self.notes
                .push(format!("node {said}: bmc_ip {address} is that of {other}"));
            return String::new();
        }
        let mac = self.mac(said, node.get("bmc_mac"), "bmc_mac");
        let mac = mac.map(|mac| format!(", mac: '{mac}'")).unwrap_or_default();
        format!("    bmc: {{ address: {address}{mac} }}\n")
    }

    fn mac(&mut self, said: &str, value: Option<&Value>, key: &str) -> Option<Mac> {
        let text = value
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())?;
        let Ok(mac) = text.parse::<Mac>() else {
            self.notes.push(format!("node {said}: {key} {text} is no MAC"));
            return None;
        };
        if let Some(other) = self.taken.insert(mac.to_string(), said.to_string()) {
            self.notes.push(format!("node {said}: {key} {mac} is one of {other}"));
            return None;
        }
        Some(mac)
    }

    fn address(&mut self, said: &str, node: &Map<String, Value>, key: &str) -> Option<Ipv4Addr> {
        let text = word(node, key)?;
        let Ok(address) = text.parse::<Ipv4Addr>() else {
            self.notes.push(format!("node {said}: {key} {text} is no IPv4 address"));
            return None;
        };
        let [a, b, c, last] = address.octets();
        if matches!(last, 0 | 255) {
            self.notes.push(format!(
                "node {said}: {key} {address} is no address of a machine in a /24"
            ));
            return None;
        }
        if let Some(other) = self.taken.insert(address.to_string(), said.to_string()) {
            self.notes
                .push(format!("node {said}: {key} {address} is that of {other}"));
            return None;
        }
        self.networks.insert([a, b, c]);
        Some(address)
    }
}

fn is_domain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= 253
        && text.split('.').all(|label| {
            let ends = label.starts_with('-') || label.ends_with('-');
            !label.is_empty() && label.len() <= 63 && !ends && label.chars().all(fits)
        })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{ "ipmi_user": "root", "ipmi_pass": "secret", "domain": "a.b.c", "nodes": [
        { "node": "provisioner.a.b.c", "boot_node": "x", "t_exclude": "yes" },
        { "node": "Client_1.a.b.c", "mac": "AA:bb:cc:dd:ee:11", "ip": "10.11.12.11", "bmc_mac": "aa:bb:cc:dd:ff:11",
          "bmc_ip": "10.11.13.111", "hsm_mac": ["aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02"], "hsm_ip": "192.168.0.12" },
        { "node": "client-1", "mac": "aa.bb.cc.dd:68:73" },
        { "node": "client-2", "mac": "aa.bb.cc.dd:68:73", "ip": "10.11.12.11", "bmc_ip": "here" } ] }"#;

    fn imported(ways: &Ways) -> (Imported, crate::cluster::Cluster) {
        let imported = cluster_file(&read(FILE).unwrap(), ways);
        let reading = crate::config::read(&imported.text);
        let cluster = reading
            .cluster
            .unwrap_or_else(|| panic!("{:?}\n{}", reading.diagnostics, imported.text));
        (imported, cluster)
    }

    #[test]
    fn a_configuration_becomes_a_cluster_file_without_mistakes() {
        let ways = Ways {
            password_from: Some("file:/var/lib/bellwether/it's".into()),
            tftp_root: Some("/srv/tftpboot".into()),
            simulation: false,
        };
        let (imported, cluster) = imported(&ways);
        let names: Vec<&str> = cluster.nodes.iter().map(|node| &*node.name).collect();
        assert_eq!(names, ["provisioner", "client-1", "client-2"]);
        let node = cluster.node("client-1").unwrap();
        assert_eq!(node.nics.len(), 3);
        assert_eq!(node.nics[1].address, Some("192.168.0.12".parse().unwrap()));
        let bmc = node.bmc.as_ref().unwrap();
        assert_eq!(bmc.password_from.as_deref(), Some("file:/var/lib/bellwether/it's"));
        assert_eq!(
            (bmc.user.as_deref(), bmc.address),
            (Some("root"), "10.11.13.111".parse().unwrap())
        );
        assert!(cluster.faces.pelagos.is_some());
        assert_eq!(
            imported.notes,
            [
                "node client-1: another node is called client-1",
                "node client-2: mac aa.bb.cc.dd:68:73 is no MAC",
                "node client-2: ip 10.11.12.11 is that of Client_1.a.b.c",
                "node client-2: bmc_ip here is no address",
            ]
        );
        assert!(!imported.text.contains("secret"), "{}", imported.text);
    }

    #[test]
    fn a_simulation_opens_nothing_but_its_face_and_knows_no_bmc() {
        let (_, cluster) = imported(&Ways {
            simulation: true,
            ..Ways::default()
        });
        assert!(cluster.nodes.iter().all(|node| node.bmc.is_none()));
        assert_eq!((cluster.doors.http, cluster.doors.dhcp), (None, None));
    }

    #[test]
    fn what_is_no_configuration_says_where() {
        let wrong = |text| read(text).unwrap_err().to_string();
        assert!(wrong("{ # a comment\n}").contains("line 1"));
        assert_eq!(wrong("[]"), "the whole file is no object");
        assert_eq!(wrong(r#"{ "nodes": [{}] }"#), "`node` of nodes[0] is no name");
        assert_eq!(wrong(r#"{ "nodes": [3] }"#), "nodes[0] is no object");
        assert_eq!(read("{}").unwrap().nodes.len(), 0);
    }
}
