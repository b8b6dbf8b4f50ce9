//! What this host is like: interfaces, ways out, name servers, mirror, time zone, keys.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::apt;
use crate::links::{Interface, interfaces};

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Interfaces but the loopback.
    pub interfaces: Vec<Interface>,
    /// Interface and router of the default route.
    pub uplink: Option<(String, Ipv4Addr)>,
    /// Name servers that others can ask, too: none of the loopback.
    pub resolvers: Vec<Ipv4Addr>,
    /// Mirror that this host's own apt uses.
    pub mirror: Option<String>,
    /// Time zone.
    pub timezone: Option<String>,
    /// Public keys of whoever runs this.
    pub keys: Vec<String>,
    /// Addresses that somebody was seen to have.
    pub neighbours: Vec<Ipv4Addr>,
    /// Interfaces that are a part of another one, a bridge or a bond, which has the addresses.
    pub parts: BTreeSet<String>,
    /// Whether this host passes packets on.
    pub forwards: bool,
    /// This host's name, without domain.
    pub hostname: String,
}

impl Surroundings {
    /// Looks at this host.
    ///
    /// # Errors
    /// The kernel does not tell the interfaces; everything else may be missing.
    pub fn look() -> io::Result<Self> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let interfaces = interfaces()?;
        let part = |name: &String| fs::exists(format!("/sys/class/net/{name}/master")).unwrap_or(false);
        Ok(Self {
            parts: interfaces.iter().map(|i| i.name.clone()).filter(part).collect(),
            interfaces,
            uplink: default_route(&read("/proc/net/route")),
            resolvers: resolvers(&read("/etc/resolv.conf")),
            mirror: mirror(),
            timezone: timezone(),
            keys: keys(&homes()),
            neighbours: neighbours(&read("/proc/net/arp")),
            forwards: read("/proc/sys/net/ipv4/ip_forward").trim() == "1",
            hostname: read("/proc/sys/kernel/hostname")
                .trim()
                .split('.')
                .next()
                .unwrap_or_default()
                .to_lowercase(),
        })
    }
}

/// The default route of the lowest metric in the kernel's table (proc(5)): hexadecimal, in its own order of octets.
fn default_route(table: &str) -> Option<(String, Ipv4Addr)> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (interface, to, gateway) = (words.first()?, words.get(1)?, words.get(2)?);
        let (metric, mask) = (words.get(6)?.parse::<u32>().ok()?, words.get(7)?);
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        (*to == "00000000" && *mask == "00000000" && gateway != 0)
            .then(|| (metric, interface.to_string(), Ipv4Addr::from(gateway.to_ne_bytes())))
    });
    routes
        .min_by_key(|(metric, _, _)| *metric)
        .map(|(_, interface, router)| (interface, router))
}

fn resolvers(text: &str) -> Vec<Ipv4Addr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines
        .filter_map(|rest| rest.trim().parse().ok())
        .filter(|address: &Ipv4Addr| !address.is_loopback())
        .collect()
}

fn mirror() -> Option<String> {
    let files = apt::files(Path::new("/etc/apt"));
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .filter_map(|path| fs::read_to_string(&path).ok().map(|text| (path, text)))
        .collect();
    let sources = apt::parse(texts.iter().map(|(path, text)| (path.as_path(), text.as_str())));
    let of_debian = sources
        .iter()
        .find(|source| source.components.iter().any(|name| name == "main"));
    of_debian.map(|source| source.uri.clone())
}

fn timezone() -> Option<String> {
    let named = fs::read_to_string("/etc/timezone")
        .ok()
        .map(|text| text.trim().to_string());
    let linked = || {
        let link = fs::read_link("/etc/localtime").ok()?;
        Some(link.to_str()?.split_once("zoneinfo/")?.1.to_string())
    };
    named.filter(|name| !name.is_empty()).or_else(linked)
}

/// The homes of whoever typed the command: with sudo that is not root.
fn homes() -> Vec<PathBuf> {
    let by_sudo = std::env::var("SUDO_USER")
        .ok()
        .and_then(|name| nix::unistd::User::from_name(&name).ok().flatten())
        .map(|user| user.dir);
    by_sudo
        .into_iter()
        .chain(std::env::var_os("HOME").map(PathBuf::from))
        .collect()
}

/// Public keys: own ones, then those that may log in here.
fn keys(homes: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for folder in homes.iter().map(|home| home.join(".ssh")) {
        let entries = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let mut files: Vec<PathBuf> = entries
            .filter(|path| path.extension().is_some_and(|end| end == "pub"))
            .collect();
        files.sort();
        files.push(folder.join("authorized_keys"));
        for text in files.iter().filter_map(|path| fs::read_to_string(path).ok()) {
            found.extend(text.lines().filter_map(key).filter(|key| seen.insert(key.clone())));
        }
    }
    found
}

/// A line of `authorized_keys` (sshd(8)) without its options; certificates and comments are no keys.
fn key(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_kind = |word: &&str| {
        !word.contains("cert")
            && ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
                .iter()
                .any(|start| word.starts_with(start))
    };
    let at = words
        .iter()
        .position(is_kind)
        .filter(|_| !line.trim_start().starts_with('#'))?;
    let body = words.get(at + 1).filter(|body| body.starts_with("AAAA"))?;
    let comment = words
        .get(at + 2)
        .map_or_else(String::new, |comment| format!(" {comment}"));
    let key = format!("{} {body}{comment}", words[at]);
    // The reader of cluster files has the last word; a key that it refuses is none.
    let text = format!("cluster: x\nssh_keys:\n  - {}\n", super::render::quoted(&key));
    model::config::read(&text).diagnostics.is_empty().then_some(key)
}

/// Who answered ARP lately (flag 2: complete).
fn neighbours(table: &str) -> Vec<Ipv4Addr> {
    let lines = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (*words.get(2)? == "0x2").then_some(())?;
        words.first()?.parse().ok()
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_of_the_lowest_metric_counts() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\tFE00A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
";
        // The table above is that of a little-endian machine.
        if cfg!(target_endian = "little") {
            assert_eq!(
                default_route(table),
                Some(("eth0".into(), Ipv4Addr::new(192, 168, 0, 254)))
            );
        }
        assert_eq!(default_route(""), None);
    }

    #[test]
    fn resolvers_of_the_loopback_are_nobody_elses() {
        let text =
            "# made by hand\nsearch lab.example\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver fd00::1\n";
        assert_eq!(resolvers(text), [Ipv4Addr::new(10, 0, 0, 53)]);
    }

    #[test]
    fn keys_are_found_behind_options_and_what_is_none_is_left_out() {
        let body = "AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z";
        let line = format!("from=\"10.0.0.1\",no-pty ssh-ed25519 {body} ada@laptop at home");
        assert_eq!(key(&line), Some(format!("ssh-ed25519 {body} ada@laptop")));
        assert_eq!(key(&format!("# ssh-ed25519 {body}")), None);
        assert_eq!(key("ssh-ed25519 AAAAgarbage"), None);
        assert_eq!(key("just words"), None);
    }

    #[test]
    fn neighbours_that_never_answered_are_not_there() {
        let table = "IP address       HW type     Flags       HW address            Mask     Device
10.77.0.9        0x1         0x2         52:54:00:00:00:dd     *        br0
10.77.0.8        0x1         0x0         00:00:00:00:00:00     *        br0
";
        assert_eq!(neighbours(table), [Ipv4Addr::new(10, 77, 0, 9)]);
    }
}
