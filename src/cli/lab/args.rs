//! What can be typed after `bellwether lab`.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::lab::bmc::LineFaults;
use crate::lab::{self, Accel, Firmware};

/// `lab`.
#[derive(Debug, Args)]
pub struct Lab {
    /// Folder of the lab [default: /run/bellwether-lab for root, else $XDG_RUNTIME_DIR/bellwether-lab]
    #[arg(
        long,
        global = true,
        env = "BELLWETHER_LAB",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: LabCommand,
}

/// What to do with the lab.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Make a network, start the server in it and switch machines on
    Up(Up),
    /// Show server and machines
    Status,
    /// Show a machine's console and type into it; Ctrl-] leaves
    Console(Console),
    /// Switch machines
    Power(Power),
    /// Make a machine stand still as one that hangs; a reset or switching it off ends that
    Hang(Hang),
    /// Stop the server and start it again, as this program is now
    Restart,
    /// Run a command inside the lab's network
    Exec(Exec),
    /// Log in to a machine
    Ssh(Ssh),
    /// Print what makes other commands talk to the lab's server: eval "$(bellwether lab env)"
    Env,
    /// Run BMCs without machines behind them, to try what speaks to BMCs; until Ctrl-C
    Bmcs(Bmcs),
    /// End the lab and remove what it made
    Down(Down),
    /// The process that a lab consists of
    #[command(hide = true)]
    Keeper,
}

/// `lab bmcs`.
#[derive(Debug, Args)]
pub struct Bmcs {
    /// Address of the first one; the others follow it (127.0.1.1)
    pub first: IpAddr,
    /// How many
    #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16384))]
    pub count: u32,
    /// UDP port of IPMI
    #[arg(long, default_value_t = 623)]
    pub port: u16,
    /// TCP port of Redfish; 0: no Redfish [default: 443, and no Redfish where --port is another one than 623]
    #[arg(long, value_name = "PORT")]
    pub redfish_port: Option<u16>,
    /// Where the password of their user `admin` is: env:NAME or file:/path [default: the password is `lab`]
    #[arg(long, value_name = "PLACE")]
    pub password_from: Option<String>,
    /// What is wrong with them, with commas: slow, lossy, dead, no-cycle, forgets-boot, full, leaks, hides-suites,
    /// opensesspriv, busy, sloppy, hangs, hangs-on-console, wrong-password, ignores-power, late-power
    #[arg(long, value_name = "FAULTS", default_value = "")]
    pub fault: LineFaults,
    /// Of so many one is silent
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub dead_each: u32,
    /// Machines that are on write a line to their serial port every so many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub chatter: u64,
}

/// `lab up`.
#[derive(Debug, Args)]
pub struct Up {
    /// The first so many nodes [default: all]
    #[arg(value_name = "N")]
    pub nodes: Option<NonZeroUsize>,
    /// Cluster file [default: a demonstration with four nodes, or N]
    #[arg(long, short, value_name = "FILE")]
    pub cluster: Option<PathBuf>,
    /// UEFI (OVMF), with its own network boot; the default
    #[arg(long, conflicts_with_all = ["bios", "secure_boot"])]
    pub uefi: bool,
    /// BIOS (SeaBIOS), with iPXE in the network card
    #[arg(long, conflicts_with = "secure_boot")]
    pub bios: bool,
    /// UEFI with Secure Boot enforced: only signed loaders and kernels start
    #[arg(long)]
    pub secure_boot: bool,
    /// Firmware of one node; can be repeated. http: UEFI with HTTP boot alone
    #[arg(long = "firmware", value_name = "NODE=uefi|secure|http|bios", value_parser = firmware_of)]
    pub firmware_of: Vec<(String, Firmware)>,
    /// What is wrong with the BMC of a node, with commas; can be repeated. The words are those of `lab bmcs --fault`
    #[arg(long = "bmc-fault", value_name = "NODE=FAULTS", value_parser = bmc_fault)]
    pub bmc_faults: Vec<(String, String)>,
    /// Memory of a machine in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(128..))]
    pub memory: u32,
    /// Processors of a machine
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub cpus: u32,
    /// QEMU's name of the processor [default: host with KVM, else max]
    #[arg(long, value_name = "MODEL")]
    pub cpu_model: Option<String>,
    /// Give each machine an empty disk: 10G, 512M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub disk: Option<u64>,
    /// Firmware tries the disk before the network
    #[arg(long, requires = "disk")]
    pub disk_first: bool,
    /// Leave machines off
    #[arg(long)]
    pub powered_off: bool,
    /// Start no server, to run another one with `lab exec`
    #[arg(long)]
    pub without_server: bool,
    /// Folder of images to boot [default: that of --state]
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// How machines run [default: KVM if a trial shows that it works]
    #[arg(long, value_name = "kvm|tcg", value_parser = accel)]
    pub accel: Option<Accel>,
}

impl Up {
    /// The firmware of machines that are not named.
    pub fn firmware(&self) -> Firmware {
        match (self.bios, self.secure_boot) {
            (true, _) => Firmware::Bios,
            (_, true) => Firmware::Secure,
            _ => Firmware::Uefi,
        }
    }
}

/// `lab console`.
#[derive(Debug, Args)]
pub struct Console {
    /// Node
    pub node: String,
    /// Print all that it said since the lab came up, and leave
    #[arg(long)]
    pub log: bool,
}

/// `lab hang`.
#[derive(Debug, Args)]
pub struct Hang {
    /// Node
    pub node: String,
}

/// `lab power`.
#[derive(Debug, Args)]
pub struct Power {
    /// Nodes: nid[001-009,12], *, a,b
    pub nodes: String,
    /// on, off, soft (the power button), reset or cycle
    #[arg(value_parser = action)]
    pub action: lab::Power,
}

/// `lab exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Command and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<String>,
}

/// `lab ssh`.
#[derive(Debug, Args)]
pub struct Ssh {
    /// Node
    pub node: String,
    /// Log in as
    #[arg(long, short, default_value = "root")]
    pub user: String,
    /// Run this instead of a shell
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `lab down`.
#[derive(Debug, Args)]
pub struct Down {
    /// Leave journal, disks and logs; the next lab in the same folder goes on with them
    #[arg(long)]
    pub keep: bool,
}

fn firmware(word: &str) -> Result<Firmware, String> {
    Firmware::ALL
        .into_iter()
        .find(|firmware| firmware.as_str() == word)
        .ok_or_else(|| format!("{word} is no firmware: uefi, secure, http or bios"))
}

fn bmc_fault(text: &str) -> Result<(String, String), String> {
    let (node, faults) = text.split_once('=').ok_or("expected NODE=FAULTS")?;
    faults.parse::<LineFaults>()?;
    Ok((node.to_string(), faults.to_string()))
}

fn firmware_of(text: &str) -> Result<(String, Firmware), String> {
    let (node, word) = text
        .split_once('=')
        .ok_or("write NODE=uefi, NODE=secure, NODE=http or NODE=bios")?;
    Ok((node.to_string(), firmware(word)?))
}

fn accel(word: &str) -> Result<Accel, String> {
    match word {
        "kvm" => Ok(Accel::Kvm),
        "tcg" => Ok(Accel::Tcg),
        _ => Err(format!("{word} is neither kvm nor tcg")),
    }
}

fn action(word: &str) -> Result<lab::Power, String> {
    match word {
        "on" => Ok(lab::Power::On),
        "off" => Ok(lab::Power::Off),
        "soft" => Ok(lab::Power::Soft),
        "reset" => Ok(lab::Power::Reset),
        "cycle" => Ok(lab::Power::Cycle),
        _ => Err("write on, off, soft, reset or cycle".to_string()),
    }
}

/// A size in bytes: a number with `M`, `G` or `T` (powers of 1024).
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text} is no size: 512M, 10G");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let shift = match unit {
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number
        .checked_shl(shift)
        .filter(|bytes| *bytes > 0 && bytes >> shift == number)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit_and_do_not_overflow() {
        assert_eq!(size("10G"), Ok(10 << 30));
        assert_eq!(size("512M"), Ok(512 << 20));
        for wrong in ["", "10", "G", "0G", "-1G", "99999999999T", "1é"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
