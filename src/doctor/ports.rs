//! Ports: free, or ours.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use model::cluster::Doors;
use socket2::{Domain, Socket, Type};

use super::sockets::{Holder, Listening, Protocol};
use super::{Finding, Host};

/// A port that the server opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    /// What it is for.
    pub name: &'static str,
    /// The key of the cluster file that moves it.
    pub key: &'static str,
    pub protocol: Protocol,
    pub port: u16,
    /// Whether machines can boot without it.
    pub optional: bool,
}

/// The doors of a cluster.
pub(super) fn doors(doors: &Doors) -> Vec<Door> {
    let door = |name, key, protocol, port: Option<u16>, optional| {
        port.map(|port| Door {
            name,
            key,
            protocol,
            port,
            optional,
        })
    };
    let list = [
        door("DHCP", "dhcp", Protocol::Udp, doors.dhcp, false),
        // Where a ProxyDHCP offer sends firmware (RFC 4578's PXE specification, section 2.2).
        door(
            "the PXE boot server",
            "dhcp",
            Protocol::Udp,
            doors.dhcp.map(|_| 4011),
            true,
        ),
        door("TFTP", "tftp", Protocol::Udp, doors.tftp, false),
        door("HTTP", "http", Protocol::Tcp, doors.http, false),
        door("the package cache", "cache", Protocol::Tcp, doors.cache, true),
        door("installers' syslog", "syslog", Protocol::Udp, doors.syslog, true),
    ];
    list.into_iter().flatten().collect()
}

/// Ports that booting machines know by heart, which this version leaves to others.
const OTHERS: [(u16, Protocol, &str); 2] = [(53, Protocol::Udp, "DNS"), (123, Protocol::Udp, "NTP")];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let listening = Listening::look();
    let declared = host
        .cluster
        .as_ref()
        .map(|cluster| cluster.doors.clone())
        .unwrap_or_default();
    let own = host.server.as_ref().map(|server| server.pid);
    let mut findings: Vec<Finding> = doors(&declared)
        .iter()
        .map(|door| {
            let holders = listening.holders(door.protocol, door.port);
            judge(door, holders.as_deref(), own, host.root, || try_bind(door))
        })
        .collect();
    findings.extend(OTHERS.iter().filter_map(|(port, protocol, what)| {
        let holders = listening.holders(*protocol, *port)?;
        Some(Finding::ok(
            "ports.others",
            format!(
                "{what} on {port}/{protocol} is served by {}",
                names(&holders, host.root)
            ),
        ))
    }));
    findings
}

fn judge(
    door: &Door,
    holders: Option<&[Holder]>,
    own: Option<Option<u32>>,
    root: bool,
    bind: impl FnOnce() -> io::Result<()>,
) -> Finding {
    let Door {
        name, protocol, port, ..
    } = door;
    let place = format!("port {port}/{protocol}");
    let Some(holders) = holders else {
        return match (bind(), own) {
            (Err(error), _) if error.kind() == io::ErrorKind::PermissionDenied => Finding::ok(
                "ports.free",
                format!("{place} is free for {name} (to be opened by root or with CAP_NET_BIND_SERVICE)"),
            ),
            (Err(error), _) => {
                Finding::problem("ports.refused", format!("{place} cannot be opened for {name}: {error}"))
                    .advise("the server needs this port; the cluster file can move it under `doors`")
            }
            (Ok(()), Some(_)) if !door.optional => Finding::warning(
                "ports.closed",
                format!("the server runs, but does not listen on {place} for {name}"),
            )
            .advise("doors are opened when the server starts: restart it"),
            (Ok(()), _) => Finding::ok("ports.free", format!("{place} is free for {name}")),
        };
    };
    let server = own.flatten();
    let foreign: Vec<Holder> = holders
        .iter()
        .filter(|holder| Some(holder.pid) != server)
        .cloned()
        .collect();
    if foreign.is_empty() && !holders.is_empty() {
        return Finding::ok("ports.ours", format!("{place} is held by our server for {name}"));
    }
    if holders.is_empty() && own.is_some() && !root {
        return Finding::ok(
            "ports.ours",
            format!("{place} is held, most likely by our server, for {name} (only root can see by whom)"),
        );
    }
    let who = names(&foreign, root);
    if server.is_some_and(|pid| holders.iter().any(|holder| holder.pid == pid)) || bind().is_ok() {
        return Finding::warning(
            "ports.shared",
            format!(
                "{place} for {name} is shared with {who}: whoever opened it last gets what is sent to this host alone"
            ),
        )
        .advise(stop(&foreign, door));
    }
    let message = format!("{place} is taken by {who}: {name} cannot be served");
    let finding = if door.optional {
        Finding::warning("ports.taken", message)
    } else {
        Finding::problem("ports.taken", message)
    };
    finding.advise(stop(&foreign, door))
}

fn stop(holders: &[Holder], door: &Door) -> String {
    match holders.first() {
        Some(Holder { pid, .. }) => format!(
            "`systemctl status {pid}` names its unit, `systemctl disable --now UNIT` ends it for good; or move ours with `doors: {{ {}: PORT }}`",
            door.key
        ),
        None => format!("`ss -lnp sport = :{}` as root shows who it is", door.port),
    }
}

fn names(holders: &[Holder], root: bool) -> String {
    if holders.is_empty() {
        let hidden = if root {
            "a process in a container"
        } else {
            "somebody (only root can see who)"
        };
        return hidden.to_string();
    }
    let shown: Vec<String> = holders.iter().map(Holder::to_string).collect();
    shown.join(", ")
}

/// Opens the port as the server would, and closes it again.
fn try_bind(door: &Door) -> io::Result<()> {
    let kind = match door.protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    let socket = Socket::new(Domain::IPV4, kind, None)?;
    // As our DHCP does, and our TCP; two that listen on TCP still exclude each other.
    socket.set_reuse_address(door.key == "dhcp" || door.protocol == Protocol::Tcp)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, door.port).into())
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    const TFTP: Door = Door {
        name: "TFTP",
        key: "tftp",
        protocol: Protocol::Udp,
        port: 69,
        optional: false,
    };

    fn holder(pid: u32) -> Holder {
        Holder {
            pid,
            name: "in.tftpd".into(),
        }
    }

    fn judged(holders: Option<&[Holder]>, own: Option<Option<u32>>, bound: bool) -> (Severity, &'static str) {
        let bind = || {
            if bound {
                Ok(())
            } else {
                Err(io::ErrorKind::AddrInUse.into())
            }
        };
        let finding = judge(&TFTP, holders, own, true, bind);
        (finding.severity, finding.check)
    }

    #[test]
    fn a_port_is_free_ours_shared_or_taken() {
        assert_eq!(judged(None, None, true), (Severity::Ok, "ports.free"));
        assert_eq!(
            judged(Some(&[holder(7)]), Some(Some(7)), false),
            (Severity::Ok, "ports.ours")
        );
        assert_eq!(
            judged(Some(&[holder(8)]), Some(Some(7)), false),
            (Severity::Problem, "ports.taken")
        );
        assert_eq!(
            judged(Some(&[holder(8)]), None, true),
            (Severity::Warning, "ports.shared")
        );
        assert_eq!(judged(Some(&[]), None, false), (Severity::Problem, "ports.taken"));
        assert_eq!(judged(None, Some(Some(7)), true), (Severity::Warning, "ports.closed"));
    }
}
