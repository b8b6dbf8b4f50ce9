//! Who is being served, so that there are not too many and a repeated request is recognised.
//!
//! Invariant: a client's port has at most one transfer; asking for something else there replaces it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The client's transfer identifier and the address that it asked.
type Key = (SocketAddr, IpAddr);

pub(super) struct Seats {
    most: usize,
    most_per_client: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    taken: HashMap<Key, Taken>,
    per_client: HashMap<IpAddr, usize>,
    /// Seats given, which numbers them.
    given: u64,
    /// Seats not yet given back, those of replaced transfers included.
    held: usize,
}

struct Taken {
    number: u64,
    datagram: Box<[u8]>,
    replaced: CancellationToken,
}

pub(super) enum Claim {
    /// Go ahead.
    Seat(Seat),
    /// The same request is being served already.
    Duplicate,
    /// No room.
    Full,
}

/// The right to run one transfer; given back when dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    key: Key,
    number: u64,
    /// Cancelled when the client asks for something else from the same port.
    pub(super) replaced: CancellationToken,
}

impl Seats {
    pub(super) fn new(most: usize, most_per_client: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_client,
            table: Mutex::default(),
        })
    }

    pub(super) fn claim(self: &Arc<Self>, client: SocketAddr, local: IpAddr, datagram: &[u8]) -> Claim {
        let key = (client, local);
        let mut guard = self.table();
        let table = &mut *guard;
        match table.taken.get(&key) {
            Some(taken) if *taken.datagram == *datagram => return Claim::Duplicate,
            _ => {}
        }
        let here = table.per_client.get(&client.ip()).copied().unwrap_or(0);
        if table.held >= self.most || here >= self.most_per_client {
            return Claim::Full;
        }
        table.given += 1;
        table.held += 1;
        table.per_client.insert(client.ip(), here + 1);
        let (number, replaced) = (table.given, CancellationToken::new());
        let taken = Taken {
            number,
            datagram: datagram.into(),
            replaced: replaced.clone(),
        };
        if let Some(before) = table.taken.insert(key, taken) {
            before.replaced.cancel();
        }
        Claim::Seat(Seat {
            seats: self.clone(),
            key,
            number,
            replaced,
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock, and a table of counters is good to use even if something did.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut guard = self.seats.table();
        let table = &mut *guard;
        table.held -= 1;
        let client = self.key.0.ip();
        if let Some(here) = table.per_client.get_mut(&client) {
            *here -= 1;
            if *here == 0 {
                table.per_client.remove(&client);
            }
        }
        if table
            .taken
            .get(&self.key)
            .is_some_and(|taken| taken.number == self.number)
        {
            table.taken.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    fn claim(seats: &Arc<Seats>, client: SocketAddr, datagram: &[u8]) -> Claim {
        seats.claim(client, IpAddr::from([10, 0, 0, 254]), datagram)
    }

    fn seat(seats: &Arc<Seats>, client: SocketAddr, datagram: &[u8]) -> Seat {
        match claim(seats, client, datagram) {
            Claim::Seat(seat) => seat,
            Claim::Duplicate => panic!("duplicate"),
            Claim::Full => panic!("full"),
        }
    }

    #[test]
    fn repeated_request_is_recognised_until_its_transfer_ends() {
        let seats = Seats::new(9, 9);
        let first = seat(&seats, client(2070), b"a");
        assert!(matches!(claim(&seats, client(2070), b"a"), Claim::Duplicate));
        drop(first);
        seat(&seats, client(2070), b"a");
    }

    #[test]
    fn another_request_from_the_same_port_replaces_the_transfer() {
        let seats = Seats::new(9, 9);
        let probe = seat(&seats, client(2070), b"size");
        let real = seat(&seats, client(2070), b"file");
        assert!(probe.replaced.is_cancelled());
        drop(probe);
        assert!(!real.replaced.is_cancelled());
        assert!(matches!(claim(&seats, client(2070), b"file"), Claim::Duplicate));
    }

    #[test]
    fn one_client_cannot_take_every_seat() {
        let seats = Seats::new(3, 2);
        let (_first, second) = (seat(&seats, client(1), b"a"), seat(&seats, client(2), b"a"));
        assert!(matches!(claim(&seats, client(3), b"a"), Claim::Full));
        let other = SocketAddr::from(([10, 0, 0, 2], 1));
        let _third = seat(&seats, other, b"a");
        let another = SocketAddr::from(([10, 0, 0, 3], 1));
        assert!(matches!(claim(&seats, another, b"a"), Claim::Full));
        drop(second);
        let _fourth = seat(&seats, another, b"a");
    }

    #[test]
    fn nothing_is_remembered_of_clients_that_left() {
        let seats = Seats::new(9, 9);
        drop((
            seat(&seats, client(1), b"a"),
            seat(&seats, client(1), b"b"),
            seat(&seats, client(2), b"a"),
        ));
        let table = seats.table();
        assert!(table.taken.is_empty() && table.per_client.is_empty());
        assert_eq!(table.held, 0);
    }
}
