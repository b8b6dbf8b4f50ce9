//! Nodes as Pelagos shows them, and which node is meant.
//!
//! A node of its configuration file is shown as it stands there; one of the cluster file alone in the same words.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::cluster::{BootTarget, Node};
use model::import::declared_name;
use model::pelagos::config::{Config, word};
use model::pelagos::{LOCAL, MAINTENANCE};
use model::world::World;
use serde_json::{Map, Value, json};

/// Port of the systems that nodes run.
const SSH: u16 = 22;
/// What stands for the boot file of a node that has none.
const DEFAULT: &str = "Default config is used: pxelinux.cfg/default";

/// A node of this face.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As clients see it.
    pub shown: Map<String, Value>,
    /// As it is declared; `None`: it stands in Pelagos' file alone.
    pub node: Option<Arc<Node>>,
}

/// All nodes: those of the file in its order, then the others.
pub fn all(world: &World, config: &Config) -> Vec<Entry> {
    let mut entries: Vec<Entry> = (config.nodes.iter())
        .map(|shown| Entry {
            node: declared_name(name_of(shown))
                .and_then(|name| world.cluster.node(&name))
                .cloned(),
            shown: shown.clone(),
        })
        .collect();
    let named: std::collections::HashSet<Arc<str>> = entries
        .iter()
        .filter_map(|entry| entry.node.as_ref().map(|node| node.name.clone()))
        .collect();
    let others = world.cluster.nodes.iter().filter(|node| !named.contains(&node.name));
    entries.extend(others.map(|node| Entry {
        shown: described(world, node),
        node: Some(node.clone()),
    }));
    entries
}

/// The node that is meant by a name: as it is shown, else by its short name where one of both has no domain.
pub fn find(world: &World, config: &Config, name: &str) -> Option<Entry> {
    let entries = all(world, config);
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_meant = |entry: &&Entry| {
        let shown = entry.name();
        shown.eq_ignore_ascii_case(name)
            || short(shown) == short(name) && !(shown.contains('.') && name.contains('.'))
            || entry
                .node
                .as_ref()
                .is_some_and(|node| world.cluster.fqdn(node).eq_ignore_ascii_case(name))
    };
    let exact = entries.iter().find(|entry| entry.name() == name);
    exact.or_else(|| entries.iter().find(is_meant)).cloned()
}

impl Entry {
    /// The name that clients know.
    pub fn name(&self) -> &str {
        name_of(&self.shown)
    }

    /// The host that the node is when it boots: `boot_ip`, the howto's `boot_node`, else `ip`, else its declared address.
    pub fn host(&self) -> Option<String> {
        let said = ["boot_ip", "boot_node", "ip"]
            .iter()
            .find_map(|key| word(&self.shown, key));
        let declared = self.node.as_ref().and_then(|node| node.primary_address());
        said.map(str::to_string)
            .or_else(|| declared.map(|address| address.to_string()))
    }

    /// Where the system of the node answers.
    ///
    /// # Errors
    /// It has no address, or its name leads to none; says so.
    pub async fn answers_at(&self) -> Result<SocketAddr, String> {
        let host = self.host().ok_or_else(|| format!("{} has no address", self.name()))?;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(address, SSH));
        }
        let found = tokio::net::lookup_host((host.as_str(), SSH)).await;
        let first = found.map(|mut all| all.next());
        match first {
            Ok(Some(address)) => Ok(address),
            Ok(None) => Err(format!("{host}, where {} boots, has no address", self.name())),
            Err(error) => Err(format!("{host}, where {} boots, has no address: {error}", self.name())),
        }
    }

    /// Whether it is to be restarted once its system is on its disk.
    pub fn is_restarted(&self) -> bool {
        word(&self.shown, "provision_need_reboot") == Some("yes")
    }

    /// `{"os": .., "pxe_file": ..}`: what it boots when it next asks, and the file that would say so.
    pub fn boots(&self, world: &World) -> Value {
        let root = &world.cluster.faces.pelagos_ways.tftp_root;
        let mac = word(&self.shown, "mac").map(|mac| mac.replace(':', "-").to_lowercase());
        let file = mac.map(|mac| format!("{root}/pxelinux.cfg/01-{mac}"));
        let os = self.node.as_ref().and_then(|node| booted(world, node));
        json!({ "os": os.unwrap_or_else(|| DEFAULT.into()), "pxe_file": file.unwrap_or_default() })
    }
}

/// What somebody chose for a node: a face's client, or a person here.
fn booted(world: &World, node: &Node) -> Option<String> {
    // Arming takes a choice back, so one that is there is the later one.
    if let Some(choice) = &world.state(&node.name).choice {
        return Some(match BootTarget::parse(&choice.target) {
            Some(BootTarget::Local) => LOCAL.into(),
            Some(BootTarget::Maintenance) => MAINTENANCE.into(),
            _ => choice.target.clone(),
        });
    }
    let latest = world.deployments.latest(&node.name)?;
    if latest.installed.is_some() {
        return Some(LOCAL.into());
    }
    latest.is_active().then(|| latest.source.clone())
}

fn name_of(shown: &Map<String, Value>) -> &str {
    shown.get("node").and_then(Value::as_str).unwrap_or_default()
}

/// A declared node in Pelagos' words.
fn described(world: &World, node: &Node) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut say = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            shown.insert(key.into(), value.into());
        }
    };
    let address = node.primary_address();
    say("node", Some(world.cluster.fqdn(node)));
    say(
        "mac",
        node.nics.iter().find_map(|nic| nic.mac).map(|mac| mac.to_string()),
    );
    say("ip", address.map(|address| address.to_string()));
    say("ip_type", address.map(|_| "dynamic".into()));
    if let Some(bmc) = &node.bmc {
        say("bmc_mac", bmc.mac.map(|mac| mac.to_string()));
        say("bmc_ip", Some(bmc.address.to_string()));
        say("bmc_ip_type", Some("static".into()));
    }
    say("role", node.profile.as_ref().map(|profile| profile.value.clone()));
    say("comment", Some(String::new()));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let text = "cluster: t\ndomain: lab.example\nnetworks: { lan: { prefix: 10.0.0.0/24 } }\nnodes:\n  \
            client-1: { mac: '52:54:00:00:00:01', address: 10.0.0.11 }\n  \
            other: { address: 10.0.0.12, bmc: { address: 10.1.0.12 } }\n";
        World {
            cluster: Arc::new(model::config::read(text).cluster.unwrap()),
            ..World::default()
        }
    }

    fn config() -> Config {
        let text = r#"{ "nodes": [
            { "node": "client_1.a.b", "mac": "AA:bb:cc:dd:00:73", "ip": "10.0.0.11", "boot_ip": "10.9.9.9", "own": 3 },
            { "node": "alone", "boot_node": "alone-boot" } ] }"#;
        model::pelagos::config::read(text).unwrap()
    }

    #[test]
    fn nodes_of_the_file_are_shown_as_they_stand_there_and_the_others_in_the_same_words() {
        let (world, config) = (world(), config());
        let all = all(&world, &config);
        let names: Vec<&str> = all.iter().map(Entry::name).collect();
        assert_eq!(names, ["client_1.a.b", "alone", "other.lab.example"]);
        assert_eq!(all[0].shown, config.nodes[0]);
        assert_eq!(all[0].node.as_ref().map(|node| &*node.name), Some("client-1"));
        assert_eq!(all[0].host().as_deref(), Some("10.9.9.9"));
        assert_eq!(all[1].host().as_deref(), Some("alone-boot"));
        assert_eq!(all[2].shown["bmc_ip"], "10.1.0.12");
        let boots = all[0].boots(&world);
        assert_eq!(boots["pxe_file"], "/srv/tftpboot/pxelinux.cfg/01-aa-bb-cc-dd-00-73");
        assert_eq!(
            (boots["os"].as_str(), all[1].boots(&world)["pxe_file"].as_str()),
            (Some(DEFAULT), Some(""))
        );
    }

    #[test]
    fn a_node_is_found_by_each_of_its_names_and_by_no_other() {
        let (world, config) = (world(), config());
        let find = |name| find(&world, &config, name).map(|entry| entry.name().to_string());
        for name in ["client_1.a.b", "client_1", "CLIENT_1.a.b", "client-1.lab.example"] {
            assert_eq!(find(name).as_deref(), Some("client_1.a.b"), "{name}");
        }
        assert_eq!(find("alone.lab").as_deref(), Some("alone"));
        assert_eq!(find("other").as_deref(), Some("other.lab.example"));
        for name in ["client_1.x.y", "provision", "", "other.lab"] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
