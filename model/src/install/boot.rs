//! What the installer's kernel is started with.

use wire::Mac;

use super::answers::{keymap, locale};
use super::{Blocked, medium_of};
use crate::boot::Site;
use crate::cluster::Node;
use crate::world::World;

/// Kernel, initial RAM disks and command line of an installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallerBoot {
    /// Name of the medium.
    pub medium: String,
    /// File of the kernel, below `/media/{medium}/`.
    pub kernel: String,
    /// Files of the initial RAM disks, below `/media/{medium}/`, in the order in which they are laid over each other.
    pub initrds: Vec<String>,
    /// Arguments of the kernel, separated by blanks. What `initrd=` a loader needs it adds itself.
    pub args: String,
}

/// The kernel hands what it does not know to its first process, up to 32 arguments and 32 variables (`init/main.c`);
/// with more it panics. `HOME` and `TERM` are among the variables.
const MOST_VARIABLES: usize = 30;
/// x86 cuts a command line off after this many bytes (`COMMAND_LINE_SIZE`).
const LONGEST: usize = 2047;

/// What a node's installer is started with. `mac` is the NIC that booted, as the loader said.
///
/// Everything that the installer needs before it has fetched its preseed stands here: the language, the NIC, the names.
///
/// # Errors
/// If there is no medium, or the command line would be more than the kernel takes.
pub fn installer_boot(
    world: &World,
    node: &Node,
    site: Site,
    token: &str,
    mac: Option<Mac>,
) -> Result<InstallerBoot, Blocked> {
    let (name, medium) = medium_of(world, node)?;
    let mut initrds = vec![medium.initrd.name.clone()];
    initrds.extend(medium.extra.iter().map(|file| file.name.clone()));
    Ok(InstallerBoot {
        medium: name.to_string(),
        kernel: medium.kernel.name.clone(),
        initrds,
        args: args(world, node, site, token, mac)?,
    })
}

fn args(world: &World, node: &Node, site: Site, token: &str, mac: Option<Mac>) -> Result<String, Blocked> {
    let settings = &*node.settings;
    let locale = locale(settings);
    let mut line = vec![
        "auto=true".to_string(),
        "priority=critical".to_string(),
        format!("url={}/install/{}/{token}/preseed.cfg", site.base(), node.name),
        // One alone is not enough: from a locale without a country the installer goes on to ask for one.
        format!("debian-installer/language={}", locale.language),
        format!("debian-installer/country={}", locale.country),
        format!("debian-installer/locale={}", locale.name),
        format!("keymap={}", keymap(settings)),
        format!("hostname={}", node.name),
    ];
    if !world.cluster.domain.is_empty() {
        line.push(format!("domain={}", world.cluster.domain));
    }
    // Without it the installer takes the first NIC with a link, and waits on it for ever if that is the wrong one.
    let nic = mac.and_then(|mac| node.nic(mac)).or_else(|| node.nics.iter().find(|nic| nic.mac.is_some()));
    if let Some(mac) = mac.or_else(|| nic.and_then(|nic| nic.mac)) {
        line.push(format!("interface={mac}"));
    }
    // A switch may need half a minute before it forwards anything.
    line.push("netcfg/link_wait_timeout=30".to_string());
    line.push("netcfg/dhcp_timeout=60".to_string());
    let network = nic.and_then(|nic| nic.network.as_deref()).and_then(|name| world.cluster.network(name));
    if let Some(network) = network.filter(|network| network.router.is_none()) {
        let dns = network.dns.first().copied().unwrap_or(site.address);
        line.push("netcfg/no_default_route=true".to_string());
        line.push(format!("netcfg/get_nameservers={dns}"));
    }
    if let Some(port) = world.cluster.doors.syslog {
        line.push(format!("log_host={}", site.address));
        if port != 514 {
            line.push(format!("log_port={port}"));
        }
    }
    let mut kept: Vec<String> = Vec::new();
    if let Some(console) = &settings.console {
        // Lines instead of a drawn screen, which nobody can read in a log.
        line.push("DEBIAN_FRONTEND=text".to_string());
        line.push("TERM=dumb".to_string());
        kept.push("console=tty0".to_string());
        kept.push(format!("console={}", console.value));
    }
    kept.extend(settings.kernel_args.iter().map(|arg| arg.value.clone()));
    // What stands behind the dashes goes into the installed system's boot loader too.
    line.push("---".to_string());
    line.extend(kept);
    within_limits(&line)?;
    Ok(line.join(" "))
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
    if let Some(wrong) = line.iter().find(|arg| arg.contains(|c: char| c.is_whitespace() || c.is_control())) {
        return Err(Blocked::CommandLine(format!("{wrong:?} has a blank in it")));
    }
    Ok(())
}
