//! What is known of a node: its boots, step by step, and what it gets next.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Mac;

use super::Tried;
use crate::event::{Seq, Stage};

/// What is known of a declared node beside its declaration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeState {
    /// The boot under way, or the last one.
    pub boot: Option<Boot>,
    /// The boots before it, the latest first, at most [`NodeState::BOOTS_KEPT`]. Shared, since with each event the rest is copied.
    pub earlier: Vec<Arc<Boot>>,
    /// How many boots were seen in all.
    pub boots: u64,
    /// What a person chose for the next boot instead of the declared target.
    pub choice: Option<TargetChoice>,
    /// When anything was last heard from it.
    pub last_seen: Option<Timestamp>,
    /// When it last said that it is ready.
    pub last_ready: Option<Timestamp>,
    /// The last time it took another DHCP server's offer.
    pub elsewhere: Option<(Ipv4Addr, Timestamp)>,
    /// The last DHCP question of it that was left unanswered, and why.
    pub ignored: Option<(String, Timestamp)>,
    /// SSH host keys that it reported.
    pub host_keys: Vec<String>,
    /// Architecture code that its firmware gave.
    pub arch: Option<u16>,
    /// What we last did to its power (`on`, `off`, `reset`), and when.
    #[serde(default)]
    pub power: Option<(String, Timestamp)>,
    /// What its firmware did with the loaders that it was given.
    #[serde(default)]
    pub tried: Tried,
    /// What is known of its BMC.
    #[serde(default)]
    pub bmc: BmcState,
    /// The last line on its console that matters.
    #[serde(default)]
    pub console: Option<ConsoleLine>,
    /// The host key that the SSH server of its console showed first.
    #[serde(default)]
    pub console_key: Option<HostKey>,
}

/// A host key of SSH that is trusted, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `host:port`.
    pub place: String,
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// As `ssh-keygen -l` shows it, `SHA256:…`.
    pub fingerprint: String,
}

/// A line on a console that matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleLine {
    /// The rule that knows it.
    pub rule: String,
    /// `bad`, `note` or `good`.
    pub weight: String,
    /// The line.
    pub line: String,
    /// When.
    pub at: Timestamp,
}

/// What is known of a node's BMC beside its declaration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BmcState {
    /// SHA-256 of the certificate that it showed first, in hexadecimal.
    pub certificate: Option<String>,
    /// What it was asked last and did not do.
    pub failed: Option<BmcFailure>,
}

/// A BMC did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcFailure {
    /// What it was asked: `power on`.
    pub order: String,
    /// What it said, or did not.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// How often in a row, this time included.
    #[serde(default)]
    pub times: u32,
    /// It was not reached, or did not let us in.
    #[serde(default)]
    pub outside: bool,
}

impl NodeState {
    /// How many earlier boots are remembered in the world; the journal has them all.
    pub const BOOTS_KEPT: usize = 4;

    /// All boots that are remembered, the latest first.
    pub fn all_boots(&self) -> impl DoubleEndedIterator<Item = &Boot> {
        self.boot.iter().chain(self.earlier.iter().map(|boot| &**boot))
    }
}

/// A target that a person chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetChoice {
    /// The target.
    pub target: String,
    /// For one boot only.
    pub once: bool,
    /// Who chose.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// One boot, from the first sign of life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// Position of its first event in the journal; names the boot.
    pub id: Seq,
    /// When it began.
    pub started: Timestamp,
    /// Steps in the order in which they were first reached.
    pub marks: Vec<Mark>,
    /// Boot target of the last script. It stays what it is until a person chooses anew: see [`crate::boot::resolve`].
    pub target: Option<String>,
    /// When anything of it was last heard.
    pub last: Timestamp,
    /// Software that asked DHCP last.
    pub stage: Option<Stage>,
    /// Architecture code of the firmware.
    pub arch: Option<u16>,
    /// How often the firmware asked for an address.
    pub discovers: u32,
    /// Bad news of the node itself (`failed` callback) or of a transfer, the latest.
    pub trouble: Option<String>,
    /// Boot client of the firmware that asked last. [`Stage::Ipxe`] where iPXE is the NIC's own ROM.
    #[serde(default)]
    pub firmware: Option<Stage>,
    /// NIC that asked DHCP last before the kernel ran.
    #[serde(default)]
    pub nic: Option<Mac>,
    /// Path of the loader that was fetched last, whole.
    #[serde(default)]
    pub loader: Option<String>,
    /// Image of the script.
    #[serde(default)]
    pub image: Option<String>,
    /// When it last started over within itself; see [`Boot::position`].
    #[serde(default)]
    pub over: Option<Timestamp>,
    /// What the node said in its last `failed` callback, and when.
    #[serde(default)]
    pub failed: Option<(String, Timestamp)>,
}

/// A step that was reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The step.
    pub step: Step,
    /// When it was first reached.
    pub at: Timestamp,
    /// When it was last reached again.
    pub last: Timestamp,
    /// How often.
    pub times: u32,
}

impl Boot {
    /// A boot that begins with the event `id`.
    pub fn begin(id: Seq, at: Timestamp) -> Self {
        Self {
            id,
            started: at,
            marks: Vec::new(),
            target: None,
            last: at,
            stage: None,
            arch: None,
            discovers: 0,
            trouble: None,
            firmware: None,
            nic: None,
            loader: None,
            image: None,
            over: None,
            failed: None,
        }
    }

    /// When a step was first reached.
    pub fn reached(&self, step: Step) -> Option<Timestamp> {
        self.mark(step).map(|m| m.at)
    }

    /// The mark of a step.
    pub fn mark(&self, step: Step) -> Option<&Mark> {
        self.marks.iter().find(|m| m.step == step)
    }

    /// The furthest step, in the order of [`Step`].
    pub fn furthest(&self) -> Option<&Mark> {
        self.marks.iter().max_by_key(|m| m.step)
    }

    /// Where the boot stands: the furthest step since it last started over.
    ///
    /// A boot starts over within itself when the firmware goes on to its next boot entry, and when a script hands over
    /// another loader: what was reached before that says nothing about what is awaited now.
    pub fn position(&self) -> Option<&Mark> {
        self.marks
            .iter()
            .filter(|m| self.over.is_none_or(|over| m.last >= over))
            .max_by_key(|m| m.step)
    }

    /// Whether the node said that it is ready.
    pub fn is_ready(&self) -> bool {
        self.reached(Step::Ready).is_some()
    }

    /// Notes that a step was reached.
    pub(crate) fn note(&mut self, step: Step, at: Timestamp) {
        match self.marks.iter_mut().find(|m| m.step == step) {
            Some(mark) => {
                mark.last = at;
                mark.times += 1;
            }
            None => self.marks.push(Mark {
                step,
                at,
                last: at,
                times: 1,
            }),
        }
    }
}

/// Awaited signs of life, in the order in which a boot shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Switched on by us.
    Power,
    /// The firmware asked for an address.
    Discover,
    /// The firmware has an address.
    Dhcp,
    /// The loader was fetched whole.
    Loader,
    /// The loader has an address.
    LoaderDhcp,
    /// The loader has its script.
    Script,
    /// The kernel was fetched whole.
    Kernel,
    /// The initial RAM disk was fetched whole.
    Initrd,
    /// The kernel has an address.
    OsDhcp,
    /// The root image was fetched whole.
    Root,
    /// The node asked for its settings, or its installer for its answers.
    Answers,
    /// The installer said that it started.
    Started,
    /// The node said that its disk has its system.
    Installed,
    /// Handed over to its own disk.
    LocalBoot,
    /// The node said that it is ready.
    Ready,
}

impl Step {
    /// The word shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Discover => "discover",
            Self::Dhcp => "dhcp",
            Self::Loader => "loader",
            Self::LoaderDhcp => "loader dhcp",
            Self::Script => "script",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::OsDhcp => "os dhcp",
            Self::Root => "root image",
            Self::Answers => "answers",
            Self::Started => "started",
            Self::Installed => "installed",
            Self::LocalBoot => "local boot",
            Self::Ready => "ready",
        }
    }
}
