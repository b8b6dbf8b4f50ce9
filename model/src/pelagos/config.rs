//! Pelagos' configuration file, turned into a cluster file.
//!
//! What its nodes are is for the importer to say; here is what the face itself needs of the file, and what it adds.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::import::{Format, Imported, Source, Wishes, import};

/// Keys of the file that the face heeds, though they are no part of a cluster.
const HEEDED: [&str; 11] = [
    "boot_ip",
    "boot_node",
    "default_pxe_server",
    "maintenance_image_initrd",
    "maintenance_image_kernel",
    "provision_need_reboot",
    "roster_file",
    "salt_cfg_dir",
    "sls_list",
    "t_exclude",
    "target_node_password",
];

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
    /// The file.
    pub text: String,
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
        text: text.to_string(),
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

/// Turns a configuration, which stands in a file of that name, into a cluster file.
pub fn cluster_file(config: &Config, file: &str, ways: &Ways) -> Imported {
    let wishes = Wishes {
        name: "pelagos",
        passwords_at: ways.password_from.as_deref(),
        without_bmcs: ways.simulation,
    };
    let source = Source {
        name: file.to_string(),
        text: config.text.clone(),
    };
    let mut imported = import(Format::Pelagos, &wishes, &[source]);
    // The importer tells of everything that is no part of a cluster; the face heeds some of it.
    imported.notes.retain(|note| {
        let key = note.text.split(' ').next().unwrap_or_default();
        !HEEDED.contains(&key)
    });
    let text = &mut imported.text;
    text.push_str("\nfaces:\n  pelagos:\n    listen: 0.0.0.0\n");
    if let Some(root) = &ways.tftp_root {
        let _ = writeln!(text, "    tftp_root: '{}'", root.replace('\'', "''"));
    }
    if ways.simulation {
        text.push_str("\ndoors: { dhcp: off, tftp: off, http: off, cache: off, syslog: off }\n");
    }
    imported
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
        let imported = cluster_file(&read(FILE).unwrap(), "pelagos.json", ways);
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
        assert_eq!(names, ["client-1", "client-2", "provisioner"]);
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
        let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
        // Not what the face heeds by itself (`boot_node`, `t_exclude`).
        assert_eq!(
            notes,
            [
                "pelagos.json:3: `Client_1.a.b.c`: the machine is called client-1 now",
                "pelagos.json:5: `mac aa.bb.cc.dd:68:73`: no MAC",
                "pelagos.json:6: `mac aa.bb.cc.dd:68:73`: no MAC",
                "pelagos.json:6: `bmc_ip here`: no address",
                "pelagos.json:6: `client-2 10.11.12.11`: client-1 has this address already (pelagos.json:3): it stays there",
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
