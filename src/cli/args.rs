//! What can be typed.

mod deploying;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use deploying::{Deploy, DeploymentCommand, Deployments, Dismiss, ShowDeployment};

use super::image::ImageCommand;
use super::media::MediaCommand;

/// Turn a machine on: it finds its address, its loader, its operating system, its name and its settings, and says
/// when it is ready.
#[derive(Debug, Parser)]
#[command(name = "bellwether", version, propagate_version = true, subcommand_required = true)]
#[command(after_help = "First steps:\n  \
    bellwether check cluster.yaml            is the file right?\n  \
    bellwether image build debian-12         make something to boot\n  \
    bellwether serve --config cluster.yaml   answer the machines\n  \
    bellwether timeline NODE                 what happened\n  \
    bellwether why NODE                      what is it waiting for")]
pub struct Args {
    /// Folder with the journal, images and the control socket [default: /var/lib/bellwether for root, else
    /// ~/.local/state/bellwether]
    #[arg(
        long,
        global = true,
        env = "BELLWETHER_STATE",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub state: Option<PathBuf>,
    /// How to print
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Text)]
    pub output: Format,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables and sentences for people.
    Text,
    /// JSON for programs.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer the machines: DHCP, TFTP, HTTP boot, settings
    Serve(Serve),
    /// Check a cluster file and show every mistake with its line
    Check(File),
    /// Show a node's effective settings and the line each comes from
    Explain(Explain),
    /// Show what a node would get, byte for byte
    Show(Show),
    /// Show what applying a cluster file would change, node by node
    Plan(File),
    /// Make a cluster file take effect on the running server
    Apply(Apply),
    /// Choose what nodes get when they next ask
    Boot(Boot),
    /// Put the operating system on the nodes' own disks: shows what would be wiped, asks, watches
    Deploy(Deploy),
    /// List deployments and where they stand
    Deployments(Deployments),
    /// Look at one deployment
    #[command(subcommand)]
    Deployment(DeploymentCommand),
    /// End deployments, and let parked nodes boot again
    Dismiss(Dismiss),
    /// Build and look after images
    #[command(subcommand)]
    Image(ImageCommand),
    /// Look after the package cache
    #[command(subcommand)]
    Cache(super::cache::CacheCommand),
    /// Add and look after the media that operating systems are installed from
    #[command(subcommand)]
    Media(MediaCommand),
    /// Switch machines on and off by their BMCs, or look how they are
    Power(super::power::Power),
    /// Ask BMCs and tell them: what they are, sensors, event log, what is booted next
    #[command(subcommand)]
    Bmc(super::bmc::BmcCommand),
    /// Sit down at a machine's console, or read what it said
    Console(super::console::Console),
    /// Look after the server's store of passwords and tokens
    #[command(subcommand)]
    Secret(super::secret::SecretCommand),
    /// Show whether the server runs and what it serves
    Status,
    /// List nodes and where they stand
    Nodes(Nodes),
    /// List leases
    Leases,
    /// List machines that asked and are not declared
    Machines,
    /// Show what happened, line by line
    Events(Events),
    /// Show one boot of a node from power-on to ready
    Timeline(Timeline),
    /// Say where a node stands, what it waits for and what to do
    Why(Why),
    /// Write the packets of a machine into a file for Wireshark and for `replay`
    Capture(Capture),
    /// Derive every answer in a capture anew and compare it with that of then
    Replay(Replay),
    /// Wait until nodes are ready, and watch them on their way
    Wait(Wait),
    /// Make virtual machines with real firmware and boot them, on a network of their own
    Lab(super::lab::Lab),
    /// Write the cluster in another program's format: dnsmasq, kea, bind, conman, ansible and more
    Export(super::export::Export),
    /// Make a cluster file of another program's files, and list what was not understood
    Import(super::import::Import),
    /// Write a cluster file that works on this host
    Init(Init),
    /// Write everything that the server keeps into one file, while it serves
    Backup(Backup),
    /// Put back what `backup` wrote
    Restore(Restore),
    /// Examine this host: ports, firewall, networks, other DHCP servers, clock, disk, files; each finding with its fix
    Doctor(Doctor),
    /// Print the JSON Schema of the cluster file, for editors
    Schema,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder
        directory: PathBuf,
    },
}

/// `serve`.
#[derive(Debug, ClapArgs)]
pub struct Serve {
    /// Cluster file; read again on SIGHUP. Without it the file that was applied last stays in force
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Further folder with boot loaders (ipxe.efi, snponly.efi, undionly.kpxe), searched first
    #[arg(long, value_name = "DIR")]
    pub loaders: Vec<PathBuf>,
    /// Serve as this user, when started by root [default: who owns the state folder]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Configuration file of Pelagos, as it is: its nodes as that program showed them. Without a cluster file it is the
    /// cluster. Read again when it changes
    #[arg(long, value_name = "FILE")]
    pub pelagos_config: Option<PathBuf>,
    /// Folder of Pelagos' images, for a server without a cluster file; else `tftp_root` of its face
    #[arg(long, value_name = "DIR", requires = "pelagos_config", conflicts_with = "config")]
    pub pelagos_tftpdir: Option<PathBuf>,
    /// Only play the tasks of Pelagos, for 9 or 19 seconds each: no machine is touched
    #[arg(long, value_enum, value_name = "HOW")]
    pub pelagos_simulation: Option<crate::faces::Simulation>,
    /// How to write logs
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// A cluster file.
#[derive(Debug, ClapArgs)]
pub struct File {
    /// Cluster file
    #[arg(value_name = "FILE", default_value = "cluster.yaml")]
    pub file: PathBuf,
}

/// `apply`.
#[derive(Debug, ClapArgs)]
pub struct Apply {
    /// Cluster file
    #[arg(value_name = "FILE", default_value = "cluster.yaml")]
    pub file: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// `explain`.
#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// Node
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub node: String,
    /// Only this setting
    pub key: Option<String>,
    /// Cluster file; without it what the server has in force
    #[arg(long, short = 'f', value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `show`.
#[derive(Debug, ClapArgs)]
pub struct Show {
    /// Node
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub node: String,
    /// The answer to render
    #[arg(long, value_enum)]
    pub render: Option<Document>,
}

/// An answer that a node gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// iPXE script.
    Script,
    /// DHCP answers.
    Dhcp,
    /// cloud-init user-data.
    UserData,
    /// cloud-init meta-data.
    MetaData,
    /// /etc/hosts.
    Hosts,
    /// Answers for Debian's installer.
    Preseed,
    /// Script that the installer runs at its start.
    InstallerStart,
    /// Script with which the installer chooses the disk.
    InstallerDisk,
    /// Script that the installer runs at its end.
    InstallerEnd,
}

impl Document {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Dhcp => "dhcp",
            Self::UserData => "user-data",
            Self::MetaData => "meta-data",
            Self::Hosts => "hosts",
            Self::Preseed => "preseed",
            Self::InstallerStart => "installer-start",
            Self::InstallerDisk => "installer-disk",
            Self::InstallerEnd => "installer-end",
        }
    }
}

/// `boot`.
#[derive(Debug, ClapArgs)]
pub struct Boot {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// What they get: local, image, shell, maintenance; `declared` takes a choice back
    #[arg(long, short, value_parser = ["local", "image", "shell", "maintenance", "declared"])]
    pub target: String,
    /// For one boot only
    #[arg(long)]
    pub once: bool,
}

/// `nodes`.
#[derive(Debug, ClapArgs)]
pub struct Nodes {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(default_value = "*", value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
}

/// `events`.
#[derive(Debug, ClapArgs)]
pub struct Events {
    /// Only of this node, machine (MAC), network:NAME or image:NAME
    pub subject: Option<String>,
    /// Go on with what happens from now
    #[arg(long, short)]
    pub follow: bool,
    /// Only kinds that begin with this (`dhcp`, `dhcp.leased`, `transfer`); can be repeated
    #[arg(long, short)]
    pub kind: Vec<String>,
    /// At most so many of the latest
    #[arg(long, short = 'n', default_value_t = 50)]
    pub last: u32,
}

/// `timeline`.
#[derive(Debug, ClapArgs)]
pub struct Timeline {
    /// Node
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub node: String,
    /// The number of a boot; without it the latest
    #[arg(long)]
    pub boot: Option<u64>,
    /// Show known harmless detours too
    #[arg(long, short)]
    pub all: bool,
}

/// `capture`.
#[derive(Debug, ClapArgs)]
pub struct Capture {
    /// Node, or the MAC of a machine that is none
    #[arg(value_name = "NODE", value_parser = NonEmptyStringValueParser::new())]
    pub machine: String,
    /// Only the latest boot
    #[arg(long)]
    pub last_boot: bool,
    /// Leave the cluster file, leases and events out: then the file cannot be replayed
    #[arg(long)]
    pub packets_only: bool,
    /// File to write, `-` for standard output [default: standard output, unless that is a terminal]
    #[arg(long, short, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

/// `replay`.
#[derive(Debug, ClapArgs)]
pub struct Replay {
    /// Capture, `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Another cluster file than the one of then: what would it have changed?
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `wait`.
#[derive(Debug, ClapArgs)]
pub struct Wait {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// Give up after so many seconds
    #[arg(long, default_value_t = 600)]
    pub timeout: u64,
}

/// `init`.
#[derive(Debug, ClapArgs)]
pub struct Init {
    /// File to write [default: /etc/bellwether/cluster.yaml where that folder is and may be written to, else
    /// cluster.yaml]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Do not ask, take what was found
    #[arg(long, short)]
    pub yes: bool,
    /// Take the place of a file that is there
    #[arg(long)]
    pub force: bool,
    /// Name of the cluster
    #[arg(long)]
    pub name: Option<String>,
    /// DNS domain of the nodes
    #[arg(long)]
    pub domain: Option<String>,
    /// This host's interface on the machines' network
    #[arg(long, short)]
    pub interface: Option<String>,
    /// Addresses of the network (10.77.0.0/24), where the interface has none yet
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<ipnet::Ipv4Net>,
    /// Addresses for machines that are not declared (10.77.0.100-10.77.0.199)
    #[arg(long, value_name = "RANGE")]
    pub pool: Option<String>,
    /// What DHCP does: serve, proxy (beside another DHCP server), observe
    #[arg(long, value_parser = ["serve", "proxy", "observe"])]
    pub dhcp: Option<String>,
}

/// `backup`.
#[derive(Debug, ClapArgs)]
pub struct Backup {
    /// File to write, for example bellwether.tar.zst; readable by its owner alone, since it holds keys
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// With images and media, which can be built and fetched again
    #[arg(long)]
    pub images: bool,
    /// Take the place of a file that is there
    #[arg(long)]
    pub force: bool,
}

/// `restore`.
#[derive(Debug, ClapArgs)]
pub struct Restore {
    /// File that `backup` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Move a state that is there aside
    #[arg(long)]
    pub force: bool,
}

/// `doctor`.
#[derive(Debug, ClapArgs)]
pub struct Doctor {
    /// Cluster file to examine the host for; without it what is in force, or /etc/bellwether/cluster.yaml
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Show what is fine, too
    #[arg(long, short)]
    pub all: bool,
    /// Further folder with boot loaders, as `serve` takes it
    #[arg(long, value_name = "DIR")]
    pub loaders: Vec<PathBuf>,
}

/// `why`.
#[derive(Debug, ClapArgs)]
pub struct Why {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
}
