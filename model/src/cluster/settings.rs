//! Settings: the effective values of a node, each with the place it came from.

use std::fmt;

use super::{AfterInstall, Console, DiskRule, Layout, NodeStep, ReadyWhen, Via};

/// A value and where it was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The layer and line it came from.
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The layer that said it.
    pub layer: Layer,
    /// Line in the cluster file, from 1; 0 for a value that is built in.
    pub line: u32,
}

/// Layers in rising precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// Built into Bellwether.
    BuiltIn,
    /// The top of the file or its `defaults`.
    Defaults,
    /// A profile.
    Profile(String),
    /// A group.
    Group(String),
    /// The node itself.
    Node(String),
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Defaults => f.write_str("defaults"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Node(name) => write!(f, "node {name}"),
        }
    }
}

/// Effective settings. Scalars: the highest layer that speaks wins. Lists: all layers in order, without repetition;
/// users of one name and files of one path are replaced by the higher layer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// What the node gets when it asks to boot.
    pub boot: Option<Sourced<BootTarget>>,
    /// Image that the target `image` boots, or that is written to the disk.
    pub image: Option<Sourced<String>>,
    /// How the operating system comes to run.
    pub via: Option<Sourced<Via>>,
    /// Medium that is installed from.
    pub medium: Option<Sourced<String>>,
    /// Disk that is installed to.
    pub disk: Option<Sourced<DiskRule>>,
    /// How that disk is divided.
    pub layout: Option<Sourced<Layout>>,
    /// Keyboard layout of XKB.
    pub keyboard: Option<Sourced<String>>,
    /// Hash of root's password as crypt(5) has it. `None`: root has none and logs in by key only.
    pub root_password_hash: Option<Sourced<String>>,
    /// Base URL of the package mirror. `None`: this server's cache.
    pub mirror: Option<Sourced<String>>,
    /// Whether firmware that is not free software may be installed.
    pub firmware: Option<Sourced<bool>>,
    /// What a node does when its disk has its system.
    pub after_install: Option<Sourced<AfterInstall>>,
    /// What tells that an installed node is ready.
    pub ready_when: Option<Sourced<ReadyWhen>>,
    /// What is done on an installed node by SSH once it is ready, in order.
    pub after_ready: Vec<Sourced<NodeStep>>,
    /// Where the private key is that logs in on the node as root, `file:/path`.
    pub ssh_key_from: Option<Sourced<String>>,
    /// How often an installation is tried, 1..=10.
    pub attempts: Option<Sourced<u32>>,
    /// Network boot loader for the firmware.
    pub loader: Option<Sourced<LoaderChoice>>,
    /// Serial console.
    pub console: Option<Sourced<Console>>,
    /// IANA time zone, `Europe/Berlin`.
    pub timezone: Option<Sourced<String>>,
    /// Locale, `C.UTF-8`.
    pub locale: Option<Sourced<String>>,
    /// Time servers for the running system, names or addresses.
    pub ntp: Vec<Sourced<String>>,
    /// Kernel arguments, appended in order.
    pub kernel_args: Vec<Sourced<String>>,
    /// Packages to install at first boot.
    pub packages: Vec<Sourced<String>>,
    /// Package sources.
    pub package_sources: Vec<Sourced<PackageSource>>,
    /// Public keys that may log in as root.
    pub ssh_keys: Vec<Sourced<String>>,
    /// User accounts.
    pub users: Vec<Sourced<UserAccount>>,
    /// Files to write.
    pub files: Vec<Sourced<FileEntry>>,
    /// Shell commands, run in order as root once the rest is set.
    pub commands: Vec<Sourced<String>>,
}

impl Settings {
    /// The declared boot target and where it comes from: what is said, else `local` where the system is on the disk,
    /// else `image` where an image is named, else `local`, which is built in.
    pub fn target(&self) -> (BootTarget, Option<&Origin>) {
        let on_disk = self.via.as_ref().filter(|via| via.value != Via::Network);
        match (&self.boot, on_disk, &self.image) {
            (Some(boot), _, _) => (boot.value, Some(&boot.origin)),
            (None, Some(via), _) => (BootTarget::Local, Some(&via.origin)),
            (None, None, Some(image)) => (BootTarget::Image, Some(&image.origin)),
            (None, None, None) => (BootTarget::default(), None),
        }
    }

    /// How the operating system comes to run.
    pub fn via(&self) -> Via {
        self.via.as_ref().map(|via| via.value).unwrap_or_default()
    }

    /// What tells that an installed node is ready.
    pub fn ready_when(&self) -> ReadyWhen {
        self.ready_when.as_ref().map(|when| when.value).unwrap_or_default()
    }

    /// How often an installation is tried before the node is parked.
    pub fn attempts(&self) -> u32 {
        self.attempts.as_ref().map_or(3, |attempts| attempts.value)
    }
}

/// What a node gets when it next asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BootTarget {
    /// Boot from its own disk.
    #[default]
    Local,
    /// Boot an image over the network, keep nothing.
    Image,
    /// Stop in the loader's shell, for a person at the console.
    Shell,
    /// Boot the maintenance image and wait with remote login, do nothing by itself.
    Maintenance,
    /// Run the distribution's installer. Only an armed deployment leads here.
    Install,
    /// Have an image written to the disk. Only an armed deployment leads here.
    Deploy,
}

impl BootTarget {
    /// All targets.
    pub const ALL: [Self; 6] = [
        Self::Local,
        Self::Image,
        Self::Shell,
        Self::Maintenance,
        Self::Install,
        Self::Deploy,
    ];

    /// Those that a person may choose; the others take an armed deployment.
    pub const CHOOSABLE: [Self; 4] = [Self::Local, Self::Image, Self::Shell, Self::Maintenance];

    /// The word of the cluster file, the API and the CLI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Image => "image",
            Self::Shell => "shell",
            Self::Maintenance => "maintenance",
            Self::Install => "install",
            Self::Deploy => "deploy",
        }
    }

    /// The target of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == word)
    }

    /// Whether it leads to the disk being written.
    pub fn installs(self) -> bool {
        matches!(self, Self::Install | Self::Deploy)
    }
}

impl fmt::Display for BootTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which loader a UEFI firmware gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoaderChoice {
    /// `snponly.efi` for PXE (the firmware's own network driver), `ipxe.efi` for HTTP boot, `undionly.kpxe` on BIOS; the
    /// signed chain for a firmware that does not run those.
    #[default]
    Auto,
    /// `ipxe.efi` always: iPXE's own network drivers.
    Ipxe,
    /// `snponly.efi` always.
    Snponly,
    /// The distribution's signed chain: shim, which starts GRUB.
    Grub,
    /// iPXE's own signed chain: its shim, which starts iPXE.
    IpxeShim,
}

impl LoaderChoice {
    /// All of them, for help texts and suggestions.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Ipxe, Self::Snponly, Self::Grub, Self::IpxeShim];

    /// The word of the cluster file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Ipxe => "ipxe",
            Self::Snponly => "snponly",
            Self::Grub => "grub",
            Self::IpxeShim => "ipxe-shim",
        }
    }
}

/// A user account on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAccount {
    /// Login name.
    pub name: String,
    /// Full name.
    pub gecos: Option<String>,
    /// Public keys.
    pub ssh_keys: Vec<String>,
    /// Hash of the password as crypt(5) has it. `None`: no login by password.
    pub password_hash: Option<String>,
    /// May become root without a password.
    pub sudo: bool,
    /// Supplementary groups.
    pub groups: Vec<String>,
    /// Login shell.
    pub shell: String,
    /// Numeric user id.
    pub uid: Option<u32>,
}

/// A file on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Absolute path.
    pub path: String,
    /// Content, written as it is.
    pub content: String,
    /// `owner:group`.
    pub owner: String,
    /// Mode bits, 0o000..=0o7777.
    pub mode: u32,
}

/// An apt repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSource {
    /// File name below `/etc/apt/sources.list.d`, without its ending.
    pub name: String,
    /// Base URL.
    pub uri: String,
    /// Suites, `bookworm bookworm-updates`.
    pub suites: Vec<String>,
    /// Components, `main contrib`.
    pub components: Vec<String>,
    /// Path of the keyring on the node, or an ASCII-armoured key block.
    pub signed_by: Option<String>,
}
