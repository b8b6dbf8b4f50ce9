//! A node with everything that its rules look at, worked out once.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};
use wire::Mac;

use super::{Fact, Limit, limit};
use crate::cluster::{BootTarget, DhcpMode, Network, Nic, Node};
use crate::event::{Event, Outcome, Role, Stage, Subject, Transfer, What};
use crate::measure;
use crate::world::{Boot, Image, Mark, NodeState, Serving, Step, World};

/// How many steps of the boot are shown as evidence.
const TRAIL: usize = 4;

pub(super) struct Case<'a> {
    pub(super) world: &'a World,
    pub(super) node: &'a Node,
    pub(super) state: &'a NodeState,
    pub(super) boot: Option<&'a Boot>,
    pub(super) now: Timestamp,
    /// Events of the node since its boot began.
    pub(super) recent: Vec<&'a Event>,
    /// Where the boot stands.
    pub(super) position: Option<Step>,
    pub(super) awaited: Option<Step>,
    /// Since when it stands there.
    pub(super) since: Timestamp,
    pub(super) limit: Option<Limit>,
    pub(super) overdue: bool,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        world: &'a World,
        node: &'a Node,
        state: &'a NodeState,
        now: Timestamp,
        recent: &'a [Event],
    ) -> Self {
        let boot = state.boot.as_ref();
        let mark = boot.and_then(Boot::position);
        let since = match (mark, boot) {
            // A chain of loaders, and an entry that is tried again, count from the last one.
            (Some(mark), _) if mark.step == Step::Loader => mark.last,
            (Some(mark), Some(boot)) => boot.over.map_or(mark.at, |over| mark.at.max(over)),
            (None, Some(boot)) => boot.over.unwrap_or(boot.started),
            _ => state.last_seen.or(world.applied.as_ref().map(|a| a.at)).unwrap_or(now),
        };
        let recent = recent
            .iter()
            .filter(|e| matches!(&e.subject, Subject::Node(name) if **name == *node.name))
            .filter(|e| boot.is_none_or(|boot| e.seq >= boot.id))
            .collect();
        let mut case = Self {
            world,
            node,
            state,
            boot,
            now,
            recent,
            position: mark.map(|m| m.step),
            awaited: None,
            since,
            limit: None,
            overdue: false,
        };
        case.awaited = case.next_step();
        case.limit = case.awaited.and_then(|step| limit(step, case.size(step)));
        case.overdue = case.limit.is_some_and(|limit| case.waited() > limit.deadline());
        case
    }

    /// The step that comes after the position.
    fn next_step(&self) -> Option<Step> {
        let boot = self.boot?;
        // Beside another DHCP server addresses are given where we cannot see it.
        let sees_leases = self.network().is_none_or(|n| n.dhcp == DhcpMode::Serve);
        Some(match self.position {
            None | Some(Step::Power) => Step::Discover,
            Some(Step::Discover) if boot.firmware == Some(Stage::Ipxe) => match sees_leases {
                true => Step::LoaderDhcp,
                false => Step::Script,
            },
            Some(Step::Discover) if sees_leases => Step::Dhcp,
            Some(Step::Discover | Step::Dhcp) => Step::Loader,
            Some(Step::Loader) if sees_leases && self.loader_is_ipxe() => Step::LoaderDhcp,
            Some(Step::Loader | Step::LoaderDhcp) => Step::Script,
            Some(Step::Script) if boot.target.as_deref() == Some("shell") => return None,
            Some(Step::Script) => Step::Kernel,
            Some(Step::Kernel) => Step::Initrd,
            Some(Step::Initrd) if sees_leases => Step::OsDhcp,
            Some(Step::Initrd) => Step::Root,
            // A system that came up without a script runs from its own disk.
            Some(Step::OsDhcp) if boot.reached(Step::Script).is_none() => return None,
            Some(Step::OsDhcp) if self.installs() => Step::Answers,
            Some(Step::OsDhcp) => Step::Root,
            Some(Step::Root) => Step::Answers,
            Some(Step::Answers) if self.installs() => Step::Started,
            Some(Step::Answers) => Step::Ready,
            Some(Step::Started) => Step::Installed,
            Some(Step::Installed | Step::LocalBoot | Step::Ready) => return None,
        })
    }

    /// Whether the boot runs an installer.
    pub(super) fn installs(&self) -> bool {
        let target = self.boot.and_then(|boot| boot.target.as_deref());
        target.and_then(BootTarget::parse).is_some_and(BootTarget::installs)
    }

    fn size(&self, step: Step) -> Option<u64> {
        let (_, image) = self.image()?;
        match step {
            Step::Kernel => Some(image.kernel.size),
            Step::Initrd => Some(image.initrd.size),
            Step::Root => Some(image.root.size),
            _ => None,
        }
    }

    /// How long it has stood there; nothing where the clock was set back.
    pub(super) fn waited(&self) -> SignedDuration {
        self.now.duration_since(self.since).max(SignedDuration::ZERO)
    }

    pub(super) fn ago(&self, at: Timestamp) -> String {
        measure::span(self.now.duration_since(at))
    }

    pub(super) fn mark(&self, step: Step) -> Option<&'a Mark> {
        self.boot?.mark(step)
    }

    pub(super) fn target(&self) -> Option<&'a str> {
        self.boot?.target.as_deref()
    }

    /// Whether nothing of the present boot was heard but our own switch.
    pub(super) fn is_unheard(&self) -> bool {
        match self.boot {
            Some(_) => self.position <= Some(Step::Power),
            None => self.state.last_seen.is_none(),
        }
    }

    /// The NIC that booted, else the first one that could.
    pub(super) fn nic(&self) -> Option<&'a Nic> {
        let nics = &self.node.nics;
        self.boot
            .and_then(|boot| boot.nic)
            .and_then(|mac| self.node.nic(mac))
            .or_else(|| nics.iter().find(|n| n.mac.is_some() && n.network.is_some()))
            .or_else(|| nics.first())
    }

    pub(super) fn mac(&self) -> Option<Mac> {
        self.boot
            .and_then(|boot| boot.nic)
            .or_else(|| self.nic().and_then(|nic| nic.mac))
    }

    pub(super) fn network(&self) -> Option<&'a Network> {
        let cluster = &self.world.cluster;
        let nic = self.nic()?;
        let named = nic.network.as_deref().and_then(|name| cluster.network(name));
        named
            .or_else(|| nic.address.and_then(|address| cluster.network_of(address)))
            .map(|network| &**network)
    }

    pub(super) fn serving(&self) -> Option<&'a Serving> {
        self.world
            .networks
            .get(&self.network()?.name)
            .map(|state| &state.serving)
    }

    /// The address that it has, or is to get.
    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        let leased = self
            .mac()
            .and_then(|mac| self.world.leases.of(mac).next().map(|lease| lease.address));
        leased
            .or_else(|| self.nic().and_then(|nic| nic.address))
            .or_else(|| self.node.primary_address())
    }

    /// Interface of this host towards the node.
    pub(super) fn interface(&self) -> &'a str {
        match self.serving() {
            Some(Serving::Yes { interface, .. }) => interface,
            _ => self.network().and_then(|n| n.interface.as_deref()).unwrap_or("any"),
        }
    }

    /// Our address there.
    pub(super) fn server(&self) -> Option<Ipv4Addr> {
        self.world.server_on(&self.network()?.name)
    }

    /// The image of the boot, else the declared one.
    pub(super) fn image(&self) -> Option<(&'a str, &'a Image)> {
        let name = self.image_name()?;
        self.world.images.get(name).map(|image| (name, &**image))
    }

    pub(super) fn image_name(&self) -> Option<&'a str> {
        let declared = self.node.settings.image.as_ref().map(|i| i.value.as_str());
        self.boot.and_then(|boot| boot.image.as_deref()).or(declared)
    }

    /// The command that builds an image, again or for the first time.
    pub(super) fn build(&self, name: &str) -> String {
        match self.world.images.get(name) {
            Some(image) if image.os != name => format!("bellwether image build {} --name {name}", image.os),
            _ => format!("bellwether image build {name}"),
        }
    }

    pub(super) fn loader(&self) -> &'a str {
        let path = self.boot.and_then(|b| b.loader.as_deref()).unwrap_or("the loader");
        path.rsplit('/').next().unwrap_or(path)
    }

    pub(super) fn loader_is_ipxe(&self) -> bool {
        ["ipxe", "snponly", "undionly"]
            .iter()
            .any(|name| self.loader().contains(name))
    }

    /// Transfers of a file of that role that went wrong since the boot stands where it stands, the latest last.
    pub(super) fn bad_transfers(&self, role: Role) -> Vec<(Timestamp, &'a Transfer)> {
        let bad = |outcome: &Outcome| !matches!(outcome, Outcome::Complete | Outcome::Probed | Outcome::Partial);
        self.recent
            .iter()
            .filter(|e| e.at >= self.since)
            .filter_map(|e| match &e.what {
                What::Transfer(t) if t.role == role && bad(&t.outcome) && t.benign().is_none() => Some((e.at, t)),
                _ => None,
            })
            .collect()
    }

    /// What of this boot looks like trouble and is none.
    pub(super) fn benign(&self) -> Vec<String> {
        let mut said: Vec<String> = Vec::new();
        for event in &self.recent {
            if let What::Transfer(transfer) = &event.what
                && let Some(why) = transfer.benign()
            {
                let text = format!("{}, {}: {why}", transfer.file(), transfer.outcome);
                if !said.contains(&text) {
                    said.push(text);
                }
            }
        }
        said
    }

    /// The steps that the boot reached last, as facts.
    pub(super) fn trail(&self) -> Vec<Fact> {
        let Some(boot) = self.boot else { return Vec::new() };
        let mut marks: Vec<&Mark> = boot.marks.iter().collect();
        marks.sort_by_key(|m| (m.at, m.step));
        let skip = marks.len().saturating_sub(TRAIL);
        marks
            .into_iter()
            .skip(skip)
            .map(|mark| self.marked(boot, mark))
            .collect()
    }

    fn marked(&self, boot: &Boot, mark: &Mark) -> Fact {
        let image = boot.image.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let text = match mark.step {
            Step::Power => "it was switched on by us".into(),
            Step::Discover if mark.times > 1 => {
                format!(
                    "its firmware asked for an address, {} in all",
                    measure::count(mark.times as usize, "time")
                )
            }
            Step::Discover => "its firmware asked for an address".into(),
            Step::Dhcp => "its firmware got an address".into(),
            Step::Loader => format!("{} was fetched", self.loader()),
            Step::LoaderDhcp => "its loader got an address".into(),
            Step::Script => format!(
                "its script was fetched: {}{image}",
                boot.target.as_deref().unwrap_or("?")
            ),
            Step::Kernel => "its kernel was fetched".into(),
            Step::Initrd => "its initial RAM disk was fetched".into(),
            Step::OsDhcp if boot.reached(Step::Kernel).is_none() => "its system got an address".into(),
            Step::OsDhcp => "its kernel got an address".into(),
            Step::Root => "its root image was fetched".into(),
            Step::Answers if self.installs() => "its installer asked for its answers".into(),
            Step::Answers => "it asked for its settings".into(),
            Step::Started => "its installation started".into(),
            Step::Installed => "its disk has its system".into(),
            Step::LocalBoot => "it was handed over to its own disk".into(),
            Step::Ready => "it said that it is ready".into(),
        };
        // Its name is that of the last one.
        let at = if mark.step == Step::Loader { mark.last } else { mark.at };
        Fact { at: Some(at), text }
    }

    /// What a node said, in one line.
    pub(super) fn one_line(what: &str) -> String {
        let lines: Vec<_> = what.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join("; ")
    }

    /// How to listen to what it asks.
    pub(super) fn listen(&self) -> String {
        let host = self
            .mac()
            .map(|mac| format!("ether host {mac} and "))
            .unwrap_or_default();
        format!(
            "listen to what it says: tcpdump -eni {} '{host}(port 67 or port 68)'",
            self.interface()
        )
    }

    /// Where to see its screen.
    pub(super) fn look(&self) -> String {
        let serial = self
            .node
            .settings
            .console
            .as_ref()
            .map(|c| format!(" ({})", c.value))
            .unwrap_or_default();
        match &self.node.bmc {
            Some(bmc) => format!("look at its console{serial}, over its BMC at {}", bmc.address),
            None => format!("look at its screen or its serial console{serial}"),
        }
    }
}
