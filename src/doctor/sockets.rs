//! Who holds which port, from `/proc` (proc(5)): the tables of this network namespace, and the descriptors of every
//! process that may be looked into.

use std::collections::HashMap;
use std::fmt;
use std::fs;

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub pid: u32,
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Every port that somebody listens on, with the inodes of the sockets.
#[derive(Debug, Default)]
pub(super) struct Listening {
    inodes: HashMap<(Protocol, u16), Vec<u64>>,
    owners: HashMap<u64, Holder>,
}

/// `TCP_LISTEN` and, of UDP sockets without a peer, `TCP_CLOSE`.
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";

impl Listening {
    /// Looks now.
    pub fn look() -> Self {
        let mut found = Self::default();
        let tables = [
            ("/proc/net/tcp", Protocol::Tcp, LISTEN),
            ("/proc/net/tcp6", Protocol::Tcp, LISTEN),
            ("/proc/net/udp", Protocol::Udp, UNCONNECTED),
            ("/proc/net/udp6", Protocol::Udp, UNCONNECTED),
        ];
        for (path, protocol, state) in tables {
            for (port, inode) in read(&fs::read_to_string(path).unwrap_or_default(), state) {
                found.inodes.entry((protocol, port)).or_default().push(inode);
            }
        }
        found.owners = owners();
        found
    }

    /// Whether somebody holds a port, and who as far as we may see it.
    pub fn holders(&self, protocol: Protocol, port: u16) -> Option<Vec<Holder>> {
        let inodes = self.inodes.get(&(protocol, port))?;
        let mut holders: Vec<Holder> = inodes
            .iter()
            .filter_map(|inode| self.owners.get(inode).cloned())
            .collect();
        holders.sort_by_key(|holder| holder.pid);
        holders.dedup();
        Some(holders)
    }
}

/// Local port and inode of every line in a state. Sockets of the loopback alone disturb nobody.
fn read<'a>(table: &'a str, state: &'a str) -> impl Iterator<Item = (u16, u64)> + 'a {
    table.lines().skip(1).filter_map(move |line| {
        let mut words = line.split_whitespace();
        let (address, port) = words.nth(1)?.rsplit_once(':')?;
        (words.nth(1)? == state).then_some(())?;
        let inode = words.nth(5)?.parse().ok()?;
        (!is_loopback(address)).then(|| Some((u16::from_str_radix(port, 16).ok()?, inode)))?
    })
}

/// 127.0.0.0/8 in the kernel's order of octets, and `::1`.
fn is_loopback(address: &str) -> bool {
    (address.len() == 8 && address.ends_with("7F")) || address == "00000000000000000000000001000000"
}

fn owners() -> HashMap<u64, Holder> {
    let mut owners = HashMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for (pid, path) in processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))) {
        let descriptors = fs::read_dir(path.join("fd")).into_iter().flatten().flatten();
        let sockets: Vec<u64> = descriptors
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
            .collect();
        if sockets.is_empty() {
            continue;
        }
        let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
        let holder = Holder {
            pid,
            name: name.trim().to_string(),
        };
        owners.extend(sockets.into_iter().map(|inode| (inode, holder.clone())));
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  101: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41234 2 0000000000000000 0
  102: 0100007F:0045 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 41235 2 0000000000000000 0
  103: 0100000A:0222 0200000A:0035 01 00000000:00000000 00:00000000 00000000     0        0 41236 2 0000000000000000 0
garbage
";

    #[test]
    fn listening_sockets_are_read_and_those_of_the_loopback_or_with_a_peer_are_not() {
        assert_eq!(read(UDP, UNCONNECTED).collect::<Vec<_>>(), [(67, 41234)]);
    }

    #[test]
    fn a_port_of_this_very_process_is_found_with_its_holder() {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let holders = Listening::look().holders(Protocol::Udp, port).unwrap();
        assert_eq!(holders[0].pid, std::process::id());
        assert_eq!(Listening::look().holders(Protocol::Tcp, port), None);
    }
}
