//! Machines and networks as they come out of the files, put together by name and by MAC.

use std::collections::{BTreeMap, HashMap};

use ipnet::Ipv4Net;
use wire::Mac;

use super::found::{Bmc, Machine, Network, Nic, Node, Place};
use super::words::{clean, host, shown};
use super::{MACHINES, Note};

/// Most notes that are kept; of the rest the number.
const NOTES: usize = 2_000;

/// Most places that are remembered of one machine.
const PLACES: usize = 16;

/// Most networks that are read.
const NETWORKS: usize = 2_000;

/// Everything so far.
#[derive(Debug)]
pub(super) struct Gather {
    files: Vec<String>,
    file: usize,
    pub nodes: Vec<Node>,
    pub networks: Vec<Network>,
    /// Members by group.
    pub groups: BTreeMap<String, Vec<String>>,
    pub domain: Option<String>,
    pub timezone: Option<String>,
    /// How BMCs are got at where nothing else is said of one.
    pub access: Bmc,
    pub notes: Vec<(Place, String, String)>,
    /// Notes that are not kept.
    pub more: usize,
    by_name: HashMap<String, usize>,
    by_mac: HashMap<Mac, (usize, Place)>,
    /// MACs that several machines claim, with every claim.
    pub claims: BTreeMap<Mac, Vec<(usize, Place)>>,
    /// Where passwords are already.
    pub passwords_at: Option<String>,
    /// Passwords that were seen, so that equal ones get one variable. They go no further.
    secrets: Vec<String>,
    /// How many names ranges may still stand for.
    room: usize,
}

impl Gather {
    pub fn new(files: Vec<String>) -> Self {
        Self {
            files,
            file: 0,
            nodes: Vec::new(),
            networks: Vec::new(),
            groups: BTreeMap::new(),
            domain: None,
            timezone: None,
            access: Bmc::default(),
            notes: Vec::new(),
            more: 0,
            by_name: HashMap::new(),
            by_mac: HashMap::new(),
            claims: BTreeMap::new(),
            passwords_at: None,
            secrets: Vec::new(),
            room: 10 * MACHINES,
        }
    }

    /// What follows is of that file.
    pub fn open(&mut self, file: usize) {
        self.file = file;
    }

    pub fn place(&self, line: u32) -> Place {
        Place { file: self.file, line }
    }

    /// `file:line`.
    pub fn shown(&self, place: Place) -> String {
        format!(
            "{}:{}",
            self.files.get(place.file).map_or("", String::as_str),
            place.line
        )
    }

    /// Something that was not taken over as it stands.
    pub fn note(&mut self, line: u32, text: &str, why: impl Into<String>) {
        self.note_at(self.place(line), text, why);
    }

    pub fn note_at(&mut self, place: Place, text: &str, why: impl Into<String>) {
        if self.notes.len() >= NOTES {
            self.more += 1;
            return;
        }
        let note = (place, clean(&shown(text)), clean(&why.into()));
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The notes with the names of their files.
    pub fn told(&self) -> Vec<Note> {
        let file = |place: &Place| self.files.get(place.file).cloned().unwrap_or_default();
        let mut notes: Vec<_> = self.notes.iter().collect();
        notes.sort_by_key(|(place, ..)| *place);
        let mut told: Vec<Note> = notes
            .into_iter()
            .map(|(place, text, why)| Note {
                file: file(place),
                line: place.line,
                text: text.clone(),
                why: why.clone(),
            })
            .collect();
        if self.more > 0 {
            told.push(Note {
                file: self.files.last().cloned().unwrap_or_default(),
                line: 1,
                text: String::new(),
                why: format!("{} more like these", self.more),
            });
        }
        told
    }

    /// Where the password that stands in a line belongs now. It is forgotten itself.
    pub fn password(&mut self, line: u32, key: &str, secret: &str) -> String {
        if let Some(place) = &self.passwords_at {
            return place.clone();
        }
        let at = self
            .secrets
            .iter()
            .position(|known| known == secret)
            .unwrap_or(self.secrets.len());
        if at == self.secrets.len() {
            self.secrets.push(secret.to_string());
        }
        let variable = match at {
            0 => "BMC_PASSWORD".to_string(),
            more => format!("BMC_PASSWORD_{}", more + 1),
        };
        self.note(
            line,
            &format!("{key} ***"),
            format!("a password stands here and was not copied: put it into the server's environment as {variable}"),
        );
        format!("env:{variable}")
    }

    /// Forgets how machines are switched.
    pub fn forget_bmcs(&mut self) {
        self.access = Bmc::default();
        self.nodes.iter_mut().for_each(|node| node.bmc = None);
    }

    /// The domain of the cluster; the first one stays.
    pub fn domain(&mut self, line: u32, domain: &str) {
        match &self.domain {
            None => self.domain = Some(domain.to_string()),
            Some(known) if known != domain => {
                let why = format!("a second domain: the cluster's is {known}");
                self.note(line, domain, why);
            }
            Some(_) => {}
        }
    }

    /// The network of that prefix, made if it is not known yet; `None` if there are too many.
    pub fn network(&mut self, name: &str, prefix: Ipv4Net, line: u32) -> Option<&mut Network> {
        let at = self.networks.iter().position(|network| network.prefix == prefix);
        if at.is_none() && self.networks.len() >= NETWORKS {
            self.note(line, name, format!("more than {NETWORKS} networks"));
            return None;
        }
        let at = at.unwrap_or_else(|| {
            let mut free = super::words::name(name).unwrap_or_else(|| "net".to_string());
            if self.networks.iter().any(|network| network.name == free) {
                free = format!("net-{}", prefix.to_string().replace(['.', '/'], "-"));
            }
            let place = self.place(line);
            self.networks.push(Network::new(free, prefix, place));
            self.networks.len() - 1
        });
        self.networks.get_mut(at)
    }

    /// Adds to a group; names that the cluster file does not take are changed, with a note.
    pub fn group(&mut self, group: &str, line: u32, members: impl IntoIterator<Item = String>) {
        let Some(name) = super::words::name(group) else {
            self.note(line, group, "no name for a group");
            return;
        };
        if name != group {
            self.note(line, group, format!("the group is called {name} now"));
        }
        self.groups.entry(name).or_default().extend(members);
    }

    /// The names of a range or a list. `None` for what is none, and when the ranges of all files stand for too many.
    pub fn hosts(&mut self, text: &str) -> Option<Vec<String>> {
        let names = super::words::hosts(text, self.room.min(MACHINES))?;
        self.room -= names.len();
        Some(names)
    }

    /// Whether a machine of that name was read.
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// What one place says of a machine. Returns the node's name.
    pub fn machine(&mut self, machine: Machine) -> Option<String> {
        let line = machine.line;
        let place = self.place(line);
        let Some((name, domain)) = host(&machine.name) else {
            self.note(line, &machine.name, "no name of a machine");
            return None;
        };
        let written = machine.name.trim().trim_end_matches('.').to_ascii_lowercase();
        if written.split('.').next() != Some(name.as_str()) {
            self.note(line, &machine.name, format!("the machine is called {name} now"));
        }
        if let Some(domain) = domain {
            self.domain(line, &domain);
        }
        let at = match self
            .by_name
            .get(&name)
            .copied()
            .or_else(|| self.elsewhere(&name, &machine))
        {
            Some(at) => at,
            None if self.nodes.len() >= MACHINES => {
                self.note(line, &machine.name, format!("more than {MACHINES} machines"));
                return None;
            }
            None => {
                self.nodes.push(Node {
                    name: name.clone(),
                    ..Node::default()
                });
                self.nodes.len() - 1
            }
        };
        self.by_name.insert(name, at);
        for nic in machine.nics {
            self.nic(at, nic, place);
        }
        if let Some(bmc) = machine.bmc {
            self.bmc(at, bmc, place);
        }
        let node = &mut self.nodes[at];
        if node.places.len() < PLACES && !node.places.contains(&place) {
            node.places.push(place);
        }
        node.console = node.console.take().or(machine.console);
        node.arm64 |= machine.arm64;
        node.client_id = node.client_id.take().or(machine.client_id);
        for comment in machine.comments {
            if !node.comments.contains(&comment) {
                node.comments.push(comment);
            }
        }
        let name = node.name.clone();
        for group in machine.groups {
            self.group(&group, line, [name.clone()]);
        }
        Some(name)
    }

    /// The node that another file knows by another name, but with one of these MACs.
    fn elsewhere(&mut self, name: &str, machine: &Machine) -> Option<usize> {
        let macs = machine.nics.iter().filter_map(|nic| nic.mac);
        let known = macs.filter_map(|mac| self.by_mac.get(&mac).copied());
        let (at, first) = known.into_iter().find(|(_, place)| place.file != self.file)?;
        let why = format!("{} by its MAC ({})", self.nodes[at].name, self.shown(first));
        self.note(machine.line, name, why);
        Some(at)
    }

    fn nic(&mut self, at: usize, nic: Nic, place: Place) {
        if let Some(mac) = nic.mac {
            let (owner, first) = *self.by_mac.entry(mac).or_insert((at, place));
            if owner != at {
                let claims = self.claims.entry(mac).or_insert_with(|| vec![(owner, first)]);
                if !claims.iter().any(|(claimed, _)| *claimed == at) {
                    claims.push((at, place));
                }
            }
        }
        let nics = &self.nodes[at].nics;
        let same_mac = nics.iter().position(|known| nic.mac.is_some() && known.mac == nic.mac);
        let same_address = || {
            nics.iter()
                .position(|known| nic.address.is_some() && known.address == nic.address)
        };
        // Of a machine with one interface two files may each know a half.
        let halves = || {
            let [known] = nics.as_slice() else { return None };
            let macs = known.mac.is_none() || nic.mac.is_none();
            let addresses = known.address.is_none() || nic.address.is_none();
            (macs && addresses).then_some(0)
        };
        let Some(same) = same_mac.or_else(same_address).or_else(halves) else {
            self.nodes[at].nics.push(nic);
            return;
        };
        let known = &mut self.nodes[at].nics[same];
        let mut against = Vec::new();
        let mut differ = |what: &str, old: Option<String>, new: Option<String>| {
            if let (Some(old), Some(new)) = (old, new)
                && old != new
            {
                against.push((new.clone(), format!("its {what} is {old}, not {new}")));
            }
        };
        differ("MAC", known.mac.map(|v| v.to_string()), nic.mac.map(|v| v.to_string()));
        differ(
            "address",
            known.address.map(|v| v.to_string()),
            nic.address.map(|v| v.to_string()),
        );
        known.mac = known.mac.or(nic.mac);
        known.address = known.address.or(nic.address);
        known.name = known.name.take().or(nic.name);
        known.network = known.network.take().or(nic.network);
        self.contradict(at, place, against);
    }

    fn bmc(&mut self, at: usize, bmc: Bmc, place: Place) {
        let known = self.nodes[at].bmc.get_or_insert_default();
        let mut against = Vec::new();
        if let (Some(old), Some(new)) = (known.address, bmc.address)
            && old != new
        {
            against.push((new.to_string(), format!("the address of its BMC is {old}, not {new}")));
        }
        if let (Some(old), Some(new)) = (known.mac, bmc.mac)
            && old != new
        {
            against.push((new.to_string(), format!("the MAC of its BMC is {old}, not {new}")));
        }
        known.address = known.address.or(bmc.address);
        known.mac = known.mac.or(bmc.mac);
        known.port = known.port.or(bmc.port);
        known.redfish |= bmc.redfish;
        known.suite = known.suite.or(bmc.suite);
        known.privilege = known.privilege.or(bmc.privilege);
        known.opensesspriv |= bmc.opensesspriv;
        known.user = known.user.take().or(bmc.user);
        known.password_from = known.password_from.take().or(bmc.password_from);
        self.contradict(at, place, against);
    }

    fn contradict(&mut self, at: usize, place: Place, against: Vec<(String, String)>) {
        for (text, what) in against {
            let node = &self.nodes[at];
            let places: Vec<String> = node.places.iter().map(|place| self.shown(*place)).collect();
            let why = format!(
                "a contradiction to {}, which stays: of {} {what}",
                places.join(", "),
                node.name
            );
            self.note_at(place, &text, why);
        }
    }
}
