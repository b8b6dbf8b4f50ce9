//! Who is being served, so that there are not too many and a repeated request is recognised.
//!
//! Invariant: a client's port has at most one transfer; asking for something else there replaces it.
//! Invariant: requests with forged senders, which nobody will acknowledge, take no seat from clients that do: where all
//! are taken, the one whose client has been silent longest makes room.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use super::ending::{Cause, Ending};
use super::lock;

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
    /// Seats in the order in which they were given; whose client was heard, or which were given back, are left out when
    /// it is their turn.
    silent: VecDeque<(Key, u64)>,
}

struct Taken {
    number: u64,
    datagram: Box<[u8]>,
    ending: Arc<Ending>,
    /// The client has sent something since its request.
    heard: bool,
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
    /// Told when the client asks for something else from the same port, and when the server stops.
    pub(super) ending: Arc<Ending>,
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
        if here >= self.most_per_client {
            return Claim::Full;
        }
        // Who makes room still holds its seat for a moment; how many may do so at a time is bounded.
        if table.held >= self.most && (table.held >= self.most + self.most / 8 || !table.make_room()) {
            return Claim::Full;
        }
        table.given += 1;
        table.held += 1;
        table.per_client.insert(client.ip(), here + 1);
        let (number, ending) = (table.given, Arc::new(Ending::default()));
        let taken = Taken {
            number,
            datagram: datagram.into(),
            ending: ending.clone(),
            heard: false,
        };
        table.silent.push_back((key, number));
        if table.silent.len() > 4 * self.most {
            let Table { silent, taken, .. } = table;
            silent.retain(|(key, number)| taken.get(key).is_some_and(|t| t.number == *number && !t.heard));
        }
        if let Some(before) = table.taken.insert(key, taken) {
            before.ending.end(Cause::Replaced);
        }
        Claim::Seat(Seat {
            seats: self.clone(),
            key,
            number,
            ending,
        })
    }

    /// Ends every transfer.
    pub(super) fn stop(&self) {
        for taken in self.table().taken.values() {
            taken.ending.end(Cause::Stopping);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

impl Table {
    /// Ends the transfer whose client has been silent longest, if there is one whose client was never heard.
    fn make_room(&mut self) -> bool {
        while let Some((key, number)) = self.silent.pop_front() {
            if let Some(taken) = self.taken.get(&key)
                && taken.number == number
                && !taken.heard
            {
                taken.ending.end(Cause::Replaced);
                self.taken.remove(&key);
                return true;
            }
        }
        false
    }
}

impl Seat {
    /// The client has sent something from the port at which it was answered: its address is not forged.
    pub(super) fn heard(&self) {
        let mut table = self.seats.table();
        if let Some(taken) = table.taken.get_mut(&self.key)
            && taken.number == self.number
        {
            taken.heard = true;
        }
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
        assert!(probe.ending.cause().is_some());
        drop(probe);
        assert!(real.ending.cause().is_none());
        assert!(matches!(claim(&seats, client(2070), b"file"), Claim::Duplicate));
    }

    #[test]
    fn whose_client_was_never_heard_makes_room_for_another() {
        let seats = Seats::new(8, 8);
        let other = |port| SocketAddr::from(([10, 0, 0, 2], port));
        let heard = seat(&seats, client(1), b"a");
        let forged: Vec<Seat> = (2..9).map(|port| seat(&seats, client(port), b"a")).collect();
        heard.heard();
        let newcomer = seat(&seats, other(1), b"a");
        assert!(forged[0].ending.cause().is_some() && forged[1].ending.cause().is_none());
        assert!(heard.ending.cause().is_none());
        // Until the one that made room has gone, no further one does.
        assert!(matches!(claim(&seats, other(2), b"a"), Claim::Full));
        drop(forged);
        newcomer.heard();
        let _rest: Vec<Seat> = (3..9).map(|port| seat(&seats, other(port), b"a")).collect();
        assert!(heard.ending.cause().is_none() && newcomer.ending.cause().is_none());
        for at in seats.table().taken.values_mut() {
            at.heard = true;
        }
        assert!(matches!(claim(&seats, client(50), b"a"), Claim::Full), "all are in use");
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
