//! Who is on a segment already, asked once: other DHCP servers, and doubles of an address of ours.
//!
//! Invariant: asks and listens as the service itself does before it serves; gives nobody an address.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use model::cluster::Network;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use wire::Mac;

use super::ears::{Ears, Sound, Sounds};
use super::watch;
use crate::links::Interface;

/// How long answers are waited for after each of the questions: other servers probe an address before they offer it.
const BETWEEN: Duration = Duration::from_millis(1200);
/// How often is asked.
const QUESTIONS: u32 = 3;

/// What was heard on a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Servers that gave somebody an address, us not counted.
    pub servers: BTreeSet<Ipv4Addr>,
    /// Addresses of ours that somebody else has, with the other's hardware address.
    pub doubles: BTreeSet<(Ipv4Addr, Mac)>,
}

/// Asks on an interface, for some four seconds. `own` are the addresses of this host.
///
/// # Errors
/// The interface is no Ethernet, or `CAP_NET_RAW` is missing.
pub async fn survey(interface: &Interface, own: &[Ipv4Addr]) -> io::Result<Survey> {
    let (to, mut heard) = mpsc::channel(256);
    let counters = Arc::default();
    let ears = Ears::open(interface, &Sounds { to, counters })?;
    let mut found = Survey::default();
    for round in 0..QUESTIONS {
        ears.ask_servers(std::process::id() ^ 0xd0c0_0000 ^ (round << 8) ^ interface.index)?;
        for address in interface.addresses.iter().map(|net| net.addr()) {
            ears.ask_arp(address)?;
        }
        let until = Instant::now() + BETWEEN;
        while let Ok(Some(sound)) = timeout_at(until, heard.recv()).await {
            match sound {
                Sound::Server { server, .. } if !own.contains(&server) => {
                    found.servers.insert(server);
                }
                Sound::Arp(arp) if own.contains(&arp.sender_ip) && arp.sender_mac != ears.mac() => {
                    found.doubles.insert((arp.sender_ip, arp.sender_mac));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// The interface on which a network would be served.
///
/// # Errors
/// Why there is none, in words.
pub fn interface_of<'a>(network: &Network, interfaces: &'a [Interface]) -> Result<&'a Interface, String> {
    let place = watch::place(network, interfaces)?;
    let found = interfaces.iter().find(|interface| interface.index == place.index);
    Ok(found.expect("a place is on one of the interfaces that were looked at"))
}
