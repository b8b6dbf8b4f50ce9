//! What the installer's kernel is started with.

use std::net::Ipv4Addr;

use wire::Mac;

use super::answers::{keymap, locale};
use super::{Blocked, SOMEWHERE, medium_of};
use crate::boot::Site;
use crate::cluster::Node;
use crate::world::World;

/// Kernel, initial RAM disks and command line of a node's installer, but for what is known only when it boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallerBoot {
    /// Name of the medium.
    pub medium: String,
    /// File of the kernel, below `/media/{medium}/`.
    pub kernel: String,
    /// Files of the initial RAM disks, below `/media/{medium}/`, in the order in which they are laid over each other.
    pub initrds: Vec<String>,
    node: String,
    /// Arguments for the installer alone.
    own: Vec<String>,
    /// Arguments that the installed system keeps.
    kept: Vec<String>,
    /// The NICs, and what the installer has to be told of their networks.
    nics: Vec<(Mac, Network)>,
    syslog: Option<u16>,
}

/// What the installer asks about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    /// It has a router: nothing.
    Routed,
    /// It has none: the installer wants to know whether that is meant. Its name server, if it has one besides us.
    Unrouted(Option<Ipv4Addr>),
}

/// The kernel hands what it does not know to its first process, up to 32 arguments and 32 variables (`init/main.c`);
/// with more it panics. `HOME` and `TERM` are among the variables.
const MOST_VARIABLES: usize = 30;
/// x86 cuts a command line off after this many bytes (`COMMAND_LINE_SIZE`), and a loader adds `initrd=` to ours.
const LONGEST: usize = 1960;

/// What a node's installer is started with.
///
/// Everything that the installer needs before it has fetched its preseed stands here: the language, the NIC, the names.
///
/// # Errors
/// If there is no medium, or the command line would be more than the kernel takes.
pub fn installer_boot(world: &World, node: &Node) -> Result<InstallerBoot, Blocked> {
    let (name, medium) = medium_of(world, node)?;
    let settings = &*node.settings;
    let locale = locale(settings);
    let mut own = vec![
        // One alone is not enough: from a locale without a country the installer goes on to ask for one.
        format!("debian-installer/language={}", locale.language),
        format!("debian-installer/country={}", locale.country),
        format!("debian-installer/locale={}", locale.name),
        format!("keymap={}", keymap(settings)),
        format!("hostname={}", node.name),
    ];
    if !world.cluster.domain.is_empty() {
        own.push(format!("domain={}", world.cluster.domain));
    }
    // A switch may need half a minute before it forwards anything.
    own.push("netcfg/link_wait_timeout=30".to_string());
    own.push("netcfg/dhcp_timeout=60".to_string());
    let mut kept = Vec::new();
    if let Some(console) = &settings.console {
        // Lines instead of a drawn screen, which nobody can read in a log.
        own.push("DEBIAN_FRONTEND=text".to_string());
        own.push("TERM=dumb".to_string());
        kept.push("console=tty0".to_string());
        kept.push(format!("console={}", console.value));
    }
    kept.extend(settings.kernel_args.iter().map(|arg| arg.value.clone()));
    let network = |name: Option<&String>| match name.and_then(|name| world.cluster.network(name)) {
        Some(network) if network.router.is_none() => Network::Unrouted(network.dns.first().copied()),
        _ => Network::Routed,
    };
    let nics = node
        .nics
        .iter()
        .filter_map(|nic| Some((nic.mac?, network(nic.network.as_ref()))));
    let mut initrds = vec![medium.initrd.name.clone()];
    initrds.extend(medium.extra.iter().map(|file| file.name.clone()));
    let boot = InstallerBoot {
        medium: name.to_string(),
        kernel: medium.kernel.name.clone(),
        initrds,
        node: node.name.to_string(),
        own,
        kept,
        nics: nics.collect(),
        syslog: world.cluster.doors.syslog,
    };
    within_limits(&boot.line(SOMEWHERE, &"0".repeat(32), Some(Mac([0xff; 6]))))?;
    Ok(boot)
}

impl InstallerBoot {
    /// Arguments of the kernel, separated by blanks. What `initrd=` a loader needs it adds itself.
    ///
    /// `token` is that of the attempt, `mac` the NIC that booted, as the loader said.
    pub fn args(&self, site: Site, token: &str, mac: Option<Mac>) -> String {
        self.line(site, token, mac).join(" ")
    }

    fn line(&self, site: Site, token: &str, mac: Option<Mac>) -> Vec<String> {
        let mut line = vec![
            "auto=true".to_string(),
            "priority=critical".to_string(),
            format!("url={}/install/{}/{token}/preseed.cfg", site.base(), self.node),
        ];
        line.extend(self.own.iter().cloned());
        // Without it the installer takes the first NIC with a link, and waits for ever if that is the wrong one.
        let nic = mac.and_then(|mac| self.nics.iter().find(|(own, _)| *own == mac));
        let nic = nic.or_else(|| self.nics.first());
        if let Some(mac) = mac.or(nic.map(|(mac, _)| *mac)) {
            line.push(format!("interface={mac}"));
        }
        if let Some((_, Network::Unrouted(dns))) = nic {
            line.push("netcfg/no_default_route=true".to_string());
            line.push(format!("netcfg/get_nameservers={}", dns.unwrap_or(site.address)));
        }
        if let Some(port) = self.syslog {
            line.push(format!("log_host={}", site.address));
            if port != 514 {
                line.push(format!("log_port={port}"));
            }
        }
        // What stands behind the dashes goes into the installed system's boot loader too.
        line.push("---".to_string());
        line.extend(self.kept.iter().cloned());
        line
    }
}

fn within_limits(line: &[String]) -> Result<(), Blocked> {
    // A name with a dot is taken for a parameter of a module.
    let variables = line
        .iter()
        .filter_map(|arg| arg.split_once('='))
        .filter(|(name, _)| !name.contains('.') && !matches!(*name, "console" | "root" | "quiet"));
    let variables = variables.count();
    if variables > MOST_VARIABLES {
        return Err(Blocked::CommandLine(format!(
            "there are {variables} of them that only programs know, the kernel takes {MOST_VARIABLES}: leave some out of kernel_args"
        )));
    }
    let length = line.iter().map(|arg| arg.len() + 1).sum::<usize>();
    if length > LONGEST {
        return Err(Blocked::CommandLine(format!(
            "they are {length} bytes long, the kernel takes {LONGEST}: leave some out of kernel_args"
        )));
    }
    if let Some(wrong) = line
        .iter()
        .find(|arg| arg.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        return Err(Blocked::CommandLine(format!("{wrong:?} has a blank in it")));
    }
    Ok(())
}
