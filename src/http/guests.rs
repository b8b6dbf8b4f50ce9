//! Who holds connections, so that no client holds them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections by client.
#[derive(Debug)]
pub(super) struct Guests {
    most: usize,
    here: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of a client; given back when dropped.
#[derive(Debug)]
pub(super) struct Guest {
    guests: Arc<Guests>,
    client: IpAddr,
}

impl Guests {
    /// At most so many of each client.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            here: Mutex::default(),
        })
    }

    /// A place for one more connection of this client, if it has not too many already.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Guest> {
        let mut here = self.here();
        let held = here.entry(client).or_default();
        if *held >= self.most {
            return None;
        }
        *held += 1;
        Some(Guest {
            guests: self.clone(),
            client,
        })
    }

    fn here(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A table of counters is good to use even if somebody panicked beside it.
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut here = self.guests.here();
        if let Some(held) = here.get_mut(&self.client) {
            *held -= 1;
            if *held == 0 {
                here.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_take_every_place_and_gives_its_own_back() {
        let guests = Guests::new(2);
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let (first, _second) = (guests.admit(one).unwrap(), guests.admit(one).unwrap());
        assert!(guests.admit(one).is_none());
        let third = guests.admit(other).unwrap();
        drop((first, third));
        assert!(guests.admit(one).is_some());
        assert_eq!(guests.here().len(), 1, "who holds nothing is not remembered");
    }
}
