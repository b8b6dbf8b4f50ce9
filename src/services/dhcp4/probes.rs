//! Is an address in use? The wire is asked, for many addresses at once, while everything else goes on.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

use model::dhcp::Probe;
use tokio::time::Instant;
use wire::Mac;

/// How often it is asked, and how far apart. A host that has the address answers within milliseconds.
const QUESTIONS: u8 = 2;
const BETWEEN: Duration = Duration::from_millis(250);
/// Addresses asked about at once, some 10 MB of questions; clients beyond ask again by themselves. A hall of machines that nobody
/// declared has its addresses at 30,000 a second with it.
const AT_ONCE: usize = 16_384;

/// An address that is being asked about, for a question that waits.
#[derive(Debug)]
struct Pending<Q> {
    probe: Probe,
    question: Q,
    asked: u8,
    next: Instant,
}

/// All addresses that are being asked about.
#[derive(Debug)]
pub(super) struct Probes<Q> {
    pending: HashMap<Ipv4Addr, Pending<Q>>,
    /// What is due when, the next first.
    times: BTreeSet<(Instant, Ipv4Addr)>,
}

/// What came of the time that passed.
#[derive(Debug)]
pub(super) enum Due<Q> {
    /// Ask (again).
    Ask(Probe),
    /// Nobody has it; the question can be decided.
    Free(Probe, Q),
}

impl<Q> Default for Probes<Q> {
    fn default() -> Self {
        Self {
            pending: HashMap::new(),
            times: BTreeSet::new(),
        }
    }
}

impl<Q> Probes<Q> {
    /// Begins to ask about an address; `false` if there is no room.
    pub fn begin(&mut self, now: Instant, probe: Probe, question: Q) -> bool {
        if self.pending.len() >= AT_ONCE {
            return false;
        }
        let address = probe.address;
        let pending = Pending {
            probe,
            question,
            asked: 0,
            next: now,
        };
        if let Some(old) = self.pending.insert(address, pending) {
            self.times.remove(&(old.next, address));
        }
        self.times.insert((now, address));
        true
    }

    /// Somebody shows that it has an address. Returns the question if the address was to be given to another machine.
    pub fn answered(&mut self, address: Ipv4Addr, by: Option<Mac>) -> Option<(Probe, Q)> {
        let pending = self.pending.get(&address)?;
        if by == Some(pending.probe.mac) {
            return None;
        }
        let pending = self.pending.remove(&address)?;
        self.times.remove(&(pending.next, address));
        Some((pending.probe, pending.question))
    }

    /// Whether an address is being asked about.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        self.pending.contains_key(&address)
    }

    /// When something is due next.
    pub fn deadline(&self) -> Option<Instant> {
        self.times.first().map(|(next, _)| *next)
    }

    /// What is due.
    pub fn tick(&mut self, now: Instant) -> Vec<Due<Q>> {
        let mut due = Vec::new();
        while let Some(&(next, address)) = self.times.first()
            && next <= now
        {
            self.times.pop_first();
            match self.pending.get_mut(&address) {
                Some(pending) if pending.asked < QUESTIONS => {
                    pending.asked += 1;
                    pending.next = now + BETWEEN;
                    self.times.insert((pending.next, address));
                    due.push(Due::Ask(pending.probe.clone()));
                }
                _ => due.extend(self.pending.remove(&address).map(|p| Due::Free(p.probe, p.question))),
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(last: u8) -> Probe {
        Probe {
            address: Ipv4Addr::new(10, 77, 0, last),
            network: "lab".into(),
            mac: Mac([2, 0, 0, 0, 0, last]),
            on_link: true,
        }
    }

    #[test]
    fn an_address_is_free_when_nobody_spoke_for_half_a_second() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        assert!(probes.begin(start, probe(1), "question"));
        assert!(matches!(probes.tick(start)[..], [Due::Ask(_)]));
        assert!(probes.tick(start + Duration::from_millis(249)).is_empty());
        assert!(matches!(
            probes.tick(start + Duration::from_millis(250))[..],
            [Due::Ask(_)]
        ));
        assert!(matches!(
            probes.tick(start + Duration::from_millis(500))[..],
            [Due::Free(_, "question")]
        ));
        assert_eq!(probes.deadline(), None);
    }

    #[test]
    fn whoever_answers_has_it_but_for_the_machine_that_shall_get_it() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        probes.begin(start, probe(1), ());
        let address = probe(1).address;
        assert_eq!(probes.answered(address, Some(probe(1).mac)), None);
        assert_eq!(probes.answered(Ipv4Addr::LOCALHOST, None), None);
        assert_eq!(probes.answered(address, Some(probe(2).mac)), Some((probe(1), ())));
        assert_eq!(probes.answered(address, Some(probe(2).mac)), None);
    }

    #[test]
    fn there_is_an_end_to_how_much_is_asked_at_once() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        for n in 0..AT_ONCE {
            let mut probe = probe(1);
            probe.address = Ipv4Addr::from(n as u32);
            assert!(probes.begin(start, probe, ()));
        }
        let mut one_more = probe(1);
        one_more.address = Ipv4Addr::BROADCAST;
        assert!(!probes.begin(start, one_more, ()));
    }
}
