//! The nodes: declarations expanded, each node with its interfaces, identities and settings.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::console;
use super::layers::{Laid, Layers};
use super::members;
use super::names::{Declared, declared};
use super::network::Placed;
use super::nics::{self, unknown};
use super::unique::Unique;
use crate::cluster::{Architecture, Layer, Node, Settings};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw::{self, ClusterFile};
use crate::config::series::Series;
use wire::Mac;

/// What only one node can have.
struct Taken {
    macs: Unique<Mac>,
    addresses: Unique<IpAddr>,
    uuids: Unique<String>,
    serials: Unique<String>,
    client_ids: Unique<Hexadecimal>,
}

/// Octets shown as `01:52:54…`.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Hexadecimal(Vec<u8>);

impl std::fmt::Display for Hexadecimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl Taken {
    fn new() -> Self {
        Self {
            macs: Unique::new(
                "MAC",
                "duplicate-mac",
                "two machines with one MAC would get each other's answers: read the right one from the label of the card",
            ),
            addresses: Unique::new("address", "duplicate-address", "give one of them another address"),
            uuids: Unique::new(
                "UUID",
                "duplicate-uuid",
                "take it away from both if the firmware repeats itself",
            ),
            serials: Unique::new(
                "serial number",
                "duplicate-serial",
                "take it away from both if the vendor left a text such as `To be filled by O.E.M.`",
            ),
            client_ids: Unique::new(
                "client identifier",
                "duplicate-client-id",
                "take it away from one of them",
            ),
        }
    }
}

/// All nodes, and beside each the settings of its own layer where it has any.
pub(super) fn nodes(
    raw: &ClusterFile,
    networks: &[Placed],
    layers: &mut Layers<'_>,
    problems: &mut Problems,
) -> (Vec<Arc<Node>>, Vec<Option<Arc<Settings>>>) {
    let declared = declared(&raw.nodes, problems);
    let groups = groups(raw, &declared, problems);
    let mut taken = Taken::new();
    let mut nodes = Vec::with_capacity(declared.names.len());
    let mut own_settings = Vec::with_capacity(declared.names.len());
    for entry in &declared.entries {
        let (key, raw_node, count) = (entry.key, entry.raw, entry.names.len());
        let layer = Layer::Node(key.value.clone());
        let choice = layers.choice(&raw_node.profile, &layer, problems);
        let own = super::settings::settings(&raw_node.settings, &layer, problems);
        let own = (own != Settings::default()).then(|| Arc::new(own));
        let mut nics = nics::nics(raw_node, key, count, networks, problems);
        let mut bmc = nics::bmc(raw_node, raw.defaults.bmc.as_ref(), key, count, problems);
        let uuids = Series::listed(&raw_node.uuid, "uuid", key, count, problems);
        let serials = Series::listed(&raw_node.serial, "serial", key, count, problems);
        let client_ids = Series::listed(&raw_node.client_id, "client_id", key, count, problems);
        let line = problems.lines.line(key.span);
        let console = console::console(raw_node, &raw.defaults, key, problems);
        let mut laid: HashMap<&[usize], (Laid, Vec<String>)> = HashMap::new();
        for (n, name) in entry.names.iter().enumerate() {
            let Some(name) = name else { continue };
            let at = nodes.len();
            let mut placed = Vec::with_capacity(nics.len());
            for plan in &mut nics {
                let nic = plan.nic(n, name, networks, problems);
                if let (Some(mac), Some(span)) = (nic.nic.mac, nic.mac) {
                    taken.macs.claim(mac, at, span);
                }
                if let (Some(address), Some(span)) = (nic.nic.address, nic.address) {
                    taken.addresses.claim(address.into(), at, span);
                }
                placed.push(nic.nic);
            }
            let bmc = bmc
                .as_mut()
                .and_then(|plan| plan.bmc(n, name, problems))
                .map(|(bmc, address, mac)| {
                    taken.addresses.claim(bmc.address, at, address);
                    if let (Some(value), Some(span)) = (bmc.mac, mac) {
                        taken.macs.claim(value, at, span);
                    }
                    bmc
                });
            let uuid = uuids.item(n).map(|v| (v.value.0, v.span));
            let serial = serials.item(n).map(|v| (v.value.0, v.span));
            let client_id = client_ids.item(n).map(|v| (v.value.0, v.span));
            if let Some((uuid, span)) = &uuid {
                taken.uuids.claim(uuid.clone(), at, *span);
            }
            if let Some((serial, span)) = &serial {
                taken.serials.claim(serial.clone(), at, *span);
            }
            if let Some((id, span)) = &client_id {
                taken.client_ids.claim(Hexadecimal(id.clone()), at, *span);
            }
            let (laid, group_names) = laid.entry(&groups[at]).or_insert_with(|| {
                let laid = layers.lay(choice.as_ref(), &groups[at], own.as_deref());
                layers.check(key, raw_node, &laid.settings, problems);
                let names = groups[at]
                    .iter()
                    .map(|group| raw.groups.entries[*group].0.value.clone());
                (laid, names.collect())
            });
            nodes.push(Arc::new(Node {
                name: Arc::clone(name),
                nics: placed,
                console_via: console.clone().unwrap_or_else(|| console::by_bmc(bmc.as_ref())),
                bmc,
                groups: group_names.clone(),
                profile: laid.profile.clone(),
                architecture: raw_node
                    .architecture
                    .as_ref()
                    .map_or(Architecture::default(), |v| v.value),
                uuid: uuid.map(|(uuid, _)| uuid),
                serial: serial.map(|(serial, _)| serial),
                client_id: client_id.map(|(id, _)| id),
                settings: Arc::clone(&laid.settings),
                line,
            }));
            own_settings.push(own.clone());
        }
        unrecognisable(key, raw_node, problems);
    }
    taken.macs.tell(&declared.names, problems);
    taken.addresses.tell(&declared.names, problems);
    taken.uuids.tell(&declared.names, problems);
    taken.serials.tell(&declared.names, problems);
    taken.client_ids.tell(&declared.names, problems);
    (nodes, own_settings)
}

/// The groups of every node, as positions in the file's list.
fn groups(raw: &ClusterFile, declared: &Declared<'_>, problems: &mut Problems) -> Vec<Vec<usize>> {
    let position: HashMap<&str, usize> = raw
        .groups
        .entries
        .iter()
        .enumerate()
        .map(|(i, (name, _))| (name.value.as_str(), i))
        .collect();
    let mut own = Vec::with_capacity(declared.names.len());
    for entry in &declared.entries {
        let mut listed: Vec<usize> = Vec::new();
        for group in &entry.raw.groups.items {
            match position.get(group.value.0.as_str()) {
                Some(at) if listed.contains(at) => problems.push(
                    Diagnostic::error(
                        "duplicate-entry",
                        format!("the group `{}` stands twice in one list", group.value.0),
                    )
                    .at(group.span, "again here")
                    .help("the order of groups decides which one wins: keep one of them"),
                ),
                Some(at) => listed.push(*at),
                None => {
                    let names = raw.groups.entries.iter().map(|(name, _)| name.value.as_str());
                    problems.push(unknown("group", group, names));
                }
            }
        }
        let count = entry.names.iter().flatten().count();
        own.extend(std::iter::repeat_n(listed, count));
    }
    members::groups(&raw.groups, &own, declared, problems)
}

/// A machine must say something that leads to its node.
fn unrecognisable(key: &crate::config::span::At<String>, raw: &raw::Node, problems: &mut Problems) {
    let has_mac = !raw.mac.items.is_empty()
        || raw.mac.faulty
        || raw.nics.iter().any(|nic| !nic.mac.items.is_empty() || nic.mac.faulty);
    let has_id = [raw.uuid.list, raw.serial.list, raw.client_id.list].contains(&true)
        || raw.uuid.faulty
        || raw.client_id.faulty
        || !raw.uuid.items.is_empty()
        || !raw.serial.items.is_empty()
        || !raw.client_id.items.is_empty();
    if !has_mac && !has_id {
        problems.push(
            Diagnostic::warning(
                "unrecognisable-node",
                format!("no machine can be recognised as `{}`", key.value),
            )
            .at(key.span, "it has no MAC, UUID, serial number or client identifier")
            .help("add the `mac` of the interface that it boots from"),
        );
    }
}
