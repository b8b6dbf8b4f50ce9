//! Router advertisements, where nobody else sends any: iPXE waits 13 s for one on every boot before it gives up on IPv6.
//!
//! Promise: nobody gets a route, a prefix or a reason to ask DHCPv6 from us, and we are silent where a router speaks.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use model::world::{Serving, World};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use wire::Mac;
use wire::ra::{ALL_NODES, ALL_ROUTERS, RouterMessage, advertisement, parse};

use crate::journal::Journal;
use crate::links::{Interface, interfaces};

/// For how long a link is listened to first; a router that is asked answers within half a second (RFC 4861 section
/// 6.2.6), and it is asked.
const LISTEN: Duration = Duration::from_secs(10);
/// How often is advertised unasked.
const EVERY: Duration = Duration::from_secs(60);
/// Two advertisements to everybody are at least so far apart (RFC 4861 section 10, MIN_DELAY_BETWEEN_RAS).
const APART: Duration = Duration::from_secs(3);
/// For how long a router that was heard counts, if it says nothing of how long it lives: its longest interval (RFC 4861
/// section 6.2.1).
const ROUTER_COUNTS: Duration = Duration::from_secs(1800);
/// How often interfaces are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Advertises on every served network that asks for it, until cancelled. What cannot be done is said once in the log.
pub async fn run(journal: Journal, cancel: CancellationToken) {
    let mut world = journal.watch();
    let mut speakers = Speakers::default();
    loop {
        let wanted = wanted(&world.borrow_and_update());
        speakers.look(&wanted);
        tokio::select! {
            () = cancel.cancelled() => return,
            Ok(_) = world.wait_for(|world| self::wanted(world) != wanted) => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// One task for each interface on which is advertised.
#[derive(Default)]
struct Speakers {
    tasks: JoinSet<()>,
    running: BTreeMap<u32, (Interface, AbortHandle)>,
    /// What could not be done, so that it is said once.
    refused: BTreeMap<String, String>,
}

impl Speakers {
    fn look(&mut self, wanted: &[String]) {
        while self.tasks.try_join_next().is_some() {}
        if wanted.is_empty() && self.running.is_empty() {
            return;
        }
        let Ok(mut found) = interfaces() else { return };
        found.retain(|interface| wanted.contains(&interface.name) && interface.up);
        self.running.retain(|_, (before, task)| {
            let stays = found.iter().any(|now| same(now, before)) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        for interface in found {
            if !self.running.contains_key(&interface.index) {
                self.begin(interface);
            }
        }
    }

    fn begin(&mut self, interface: Interface) {
        match open(&interface) {
            Ok((socket, mac)) => {
                self.refused.remove(&interface.name);
                let task = self.tasks.spawn(advertise(socket, mac, interface.clone()));
                self.running.insert(interface.index, (interface, task));
            }
            Err(error) => {
                let error = error.to_string();
                let before = self.refused.insert(interface.name.clone(), error.clone());
                if before.as_ref() != Some(&error) {
                    tracing::warn!(
                        interface = interface.name,
                        error,
                        "no router advertisements: iPXE will wait 13 s for IPv6 on every boot there"
                    );
                }
            }
        }
    }
}

fn same(now: &Interface, before: &Interface) -> bool {
    (now.index, now.mac, now.link_local) == (before.index, before.mac, before.link_local)
}

/// The interfaces of the networks that are served and want it.
fn wanted(world: &World) -> Vec<String> {
    let networks = world.cluster.networks.iter().filter(|n| n.router_advertisements);
    let mut names: Vec<String> = networks
        .filter_map(|network| match &world.networks.get(&network.name)?.serving {
            Serving::Yes { interface, .. } => Some(interface.clone()),
            Serving::Refused { .. } | Serving::Absent { .. } => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn open(interface: &Interface) -> io::Result<(UdpSocket, Mac)> {
    let mac = interface.mac.ok_or_else(|| io::Error::other("it is no Ethernet"))?;
    if interface.link_local.is_none() {
        return Err(io::Error::other(format!(
            "it has no link-local address (sysctl net.ipv6.conf.{}.disable_ipv6)",
            interface.name
        )));
    }
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(interface.name.as_bytes()))?;
    // RFC 4861 section 6.1.2: anything less has passed a router, and is ignored.
    socket.set_multicast_hops_v6(255)?;
    socket.set_unicast_hops_v6(255)?;
    socket.set_multicast_if_v6(interface.index)?;
    socket.set_multicast_loop_v6(false)?;
    socket.join_multicast_v6(&ALL_ROUTERS, interface.index)?;
    Ok((UdpSocket::from_std(socket.into())?, mac))
}

/// A router that advertises itself on an interface, if one does within `patience`; it is asked.
///
/// # Errors
/// The interface has no IPv6 or is no Ethernet, or `CAP_NET_RAW` is missing.
pub async fn router_on(interface: &Interface, patience: Duration) -> io::Result<Option<Ipv6Addr>> {
    let (socket, _) = open(interface)?;
    let to = SocketAddrV6::new(ALL_ROUTERS, 0, 0, interface.index);
    SockRef::from(&socket).send_to(&SOLICITATION, &to.into())?;
    let until = Instant::now() + patience;
    let mut buffer = [0; 1500];
    while let Ok(heard) = tokio::time::timeout_at(until, socket.recv_from(&mut buffer)).await {
        let (length, SocketAddr::V6(from)) = heard? else {
            continue;
        };
        let advertises = matches!(parse(&buffer[..length]), Ok(Some(RouterMessage::Advertisement { .. })));
        if advertises && Some(*from.ip()) != interface.link_local {
            return Ok(Some(*from.ip()));
        }
    }
    Ok(None)
}

/// Type 133, a checksum that the kernel fills in, no options (RFC 4861 section 4.1).
const SOLICITATION: [u8; 8] = [133, 0, 0, 0, 0, 0, 0, 0];

/// Listens first, then advertises for as long as no router is heard.
async fn advertise(socket: UdpSocket, mac: Mac, interface: Interface) {
    let message = advertisement(mac);
    let to = |address: Ipv6Addr| SocketAddrV6::new(address, 0, 0, interface.index);
    let send = |what: &[u8], address: Ipv6Addr| SockRef::from(&socket).send_to(what, &to(address).into());
    send(&SOLICITATION, ALL_ROUTERS).ok();
    let mut next = Instant::now() + LISTEN;
    let mut last: Option<Instant> = None;
    let mut speaking = false;
    let mut buffer = [0; 1500];
    loop {
        tokio::select! {
            heard = socket.recv_from(&mut buffer) => {
                let Ok((length, SocketAddr::V6(from))) = heard else { return };
                let from = *from.ip();
                if !from.is_unicast_link_local() || Some(from) == interface.link_local {
                    continue;
                }
                match parse(&buffer[..length]) {
                    Ok(Some(RouterMessage::Advertisement { lifetime, .. })) => {
                        let counts = Duration::from_secs(u64::from(lifetime)).max(EVERY * 3).min(ROUTER_COUNTS);
                        next = Instant::now() + counts;
                        if speaking || last.is_none() {
                            tracing::info!(interface = interface.name, router = %from, "a router advertises here, so we do not");
                        }
                        (speaking, last) = (false, last.or(Some(Instant::now())));
                    }
                    // While we are not sure that there is no router, nobody is answered.
                    Ok(Some(RouterMessage::Solicitation { .. })) if speaking => {
                        let earliest = last.map_or_else(Instant::now, |last| last + APART);
                        next = next.min(earliest);
                    }
                    Ok(Some(RouterMessage::Solicitation { .. }) | None) | Err(_) => {}
                }
            }
            () = sleep_until(next) => {
                if !speaking {
                    tracing::info!(interface = interface.name, "no router advertises here: sending empty router advertisements");
                }
                speaking = true;
                last = Some(Instant::now());
                next = Instant::now() + EVERY;
                if let Err(error) = send(&message, ALL_NODES) {
                    tracing::debug!(%error, interface = interface.name, "a router advertisement could not be sent");
                }
            }
        }
    }
}
