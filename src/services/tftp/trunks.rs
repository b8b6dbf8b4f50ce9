//! Which socket a transfer gets.
//!
//! Invariant: two transfers in a row to one client have different ports of ours (RFC 1350 section 4): a straggler of the first is
//! not taken for a word about the second.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};

use super::line::Line;
use super::lock;
use super::trunk::Trunk;

/// Sockets at one of our addresses, taken in turn. Few, so that what comes in a moment comes to one of them; more than a client
/// has transfers whose stragglers may still be on the way.
const AT_AN_ADDRESS: usize = 8;

/// The sockets of all transfers. Those that nobody uses are closed.
#[derive(Debug, Default)]
pub(super) struct Trunks(Mutex<HashMap<SocketAddr, Bank>>);

#[derive(Debug, Default)]
struct Bank {
    trunks: [Weak<Trunk>; AT_AN_ADDRESS],
    turn: usize,
}

impl Trunks {
    /// A line from an address of ours, whose port is 0, to a client.
    ///
    /// # Errors
    /// The kernel has no socket for us, there is no way to the client, or the client's port has that many transfers that have
    /// not ended yet.
    pub(super) fn line(&self, local: SocketAddr, client: SocketAddr) -> io::Result<Line> {
        for _ in 0..AT_AN_ADDRESS {
            let trunk = self.next(local)?;
            if let Some(line) = Line::open(trunk, client)? {
                return Ok(line);
            }
        }
        let why = format!("the client's port has {AT_AN_ADDRESS} transfers that have not ended");
        Err(io::Error::new(ErrorKind::AddrInUse, why))
    }

    fn next(&self, local: SocketAddr) -> io::Result<Arc<Trunk>> {
        let mut banks = lock(&self.0);
        let Bank { trunks, turn } = banks.entry(local).or_default();
        *turn = (*turn + 1) % AT_AN_ADDRESS;
        let place = &mut trunks[*turn];
        if let Some(trunk) = place.upgrade() {
            return Ok(trunk);
        }
        let trunk = Arc::new(Trunk::open(local)?);
        *place = Arc::downgrade(&trunk);
        Ok(trunk)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;

    #[tokio::test]
    async fn transfers_share_few_sockets_and_one_client_has_each_but_once() {
        let trunks = Trunks::default();
        let local = "127.0.0.1:0".parse().unwrap();
        let open = |port: u16| trunks.line(local, SocketAddr::from(([127, 0, 0, 1], port)));
        let lines: Vec<Line> = (0..100).map(|n| open(20_000 + n).unwrap()).collect();
        let ports: HashSet<u16> = lines.iter().map(|line| line.local().port()).collect();
        assert_eq!(ports.len(), AT_AN_ADDRESS);
        assert_ne!(lines[0].local(), lines[1].local());
        drop(lines);
        let mine: Vec<Line> = (0..AT_AN_ADDRESS).map(|_| open(20_000).unwrap()).collect();
        let ports: HashSet<u16> = mine.iter().map(|line| line.local().port()).collect();
        assert_eq!(ports.len(), AT_AN_ADDRESS);
        assert_eq!(open(20_000).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(mine);
        open(20_000).unwrap();
    }
}
