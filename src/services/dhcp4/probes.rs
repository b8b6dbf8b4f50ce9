//! Is an address in use? The wire is asked, for many addresses at once, while everything else goes on.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

use model::dhcp::Probe;
use tokio::time::Instant;
use wire::Mac;

/// How often it is asked, and how far apart. A host that has the address answers within milliseconds.
const QUESTIONS: u8 = 2;
const BETWEEN: Duration = Duration::from_millis(250);
/// Addresses asked about at once, some 20 MB of questions; clients beyond ask again by themselves. A hall of machines that nobody
/// declared has its addresses at 30,000 a second with it, with as much room again for what comes in bursts.
const AT_ONCE: usize = 32_768;

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
    /// What is due when, the next first: each question is as long after the one before. What is asked about no more, or
    /// anew, stays in it until then.
    times: VecDeque<(Instant, Ipv4Addr)>,
}

/// What is to be done as time passes.
#[derive(Debug, PartialEq)]
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
            times: VecDeque::new(),
        }
    }
}

impl<Q> Probes<Q> {
    /// Whether another address can be asked about.
    pub fn has_room(&self) -> bool {
        self.pending.len() < AT_ONCE
    }

    /// An address was asked about for the first time; [`Probes::due`] tells when to ask again, and when it is free.
    pub fn begun(&mut self, now: Instant, probe: Probe, question: Q) {
        let address = probe.address;
        let pending = Pending {
            probe,
            question,
            asked: 1,
            next: now + BETWEEN,
        };
        self.times.push_back((pending.next, address));
        self.pending.insert(address, pending);
    }

    /// Somebody shows that it has an address. Returns the question if the address was to be given to another machine.
    pub fn answered(&mut self, address: Ipv4Addr, by: Option<Mac>) -> Option<(Probe, Q)> {
        let pending = self.pending.get(&address)?;
        if by == Some(pending.probe.mac) {
            return None;
        }
        let pending = self.pending.remove(&address)?;
        Some((pending.probe, pending.question))
    }

    /// Whether an address is being asked about.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        self.pending.contains_key(&address)
    }

    /// When something is due next.
    pub fn deadline(&self) -> Option<Instant> {
        self.times.front().map(|(next, _)| *next)
    }

    /// The next that is due.
    pub fn due(&mut self, now: Instant) -> Option<Due<Q>> {
        while let Some((next, address)) = self.times.pop_front_if(|(next, _)| *next <= now) {
            let Entry::Occupied(mut entry) = self.pending.entry(address) else {
                continue;
            };
            let pending = entry.get_mut();
            if pending.next != next {
                continue;
            }
            if pending.asked == QUESTIONS {
                let Pending { probe, question, .. } = entry.remove();
                return Some(Due::Free(probe, question));
            }
            pending.asked += 1;
            pending.next = now + BETWEEN;
            let (next, probe) = (pending.next, pending.probe.clone());
            self.times.push_back((next, address));
            return Some(Due::Ask(probe));
        }
        None
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
        probes.begun(start, probe(1), "question");
        assert_eq!(probes.due(start + Duration::from_millis(249)), None);
        let again = start + Duration::from_millis(250);
        assert_eq!(probes.deadline(), Some(again));
        assert_eq!(probes.due(again), Some(Due::Ask(probe(1))));
        assert_eq!(probes.due(again), None);
        let free = Due::Free(probe(1), "question");
        assert_eq!(probes.due(start + Duration::from_millis(500)), Some(free));
        assert_eq!(probes.deadline(), None);
    }

    #[test]
    fn whoever_answers_has_it_but_for_the_machine_that_shall_get_it() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        probes.begun(start, probe(1), ());
        let address = probe(1).address;
        assert_eq!(probes.answered(address, Some(probe(1).mac)), None);
        assert_eq!(probes.answered(Ipv4Addr::LOCALHOST, None), None);
        assert_eq!(probes.answered(address, Some(probe(2).mac)), Some((probe(1), ())));
        assert_eq!(probes.answered(address, Some(probe(2).mac)), None);
        assert_eq!(probes.due(start + BETWEEN), None, "nobody is asked about it");
    }

    #[test]
    fn an_address_that_is_asked_about_anew_is_listened_for_as_long_again() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        probes.begun(start, probe(1), "old");
        let anew = start + Duration::from_millis(100);
        probes.begun(anew, probe(1), "new");
        let mut found = Vec::new();
        for ms in 0..700 {
            let now = start + Duration::from_millis(ms);
            found.extend(std::iter::from_fn(|| probes.due(now)).map(|due| (now, due)));
        }
        let free = Due::Free(probe(1), "new");
        assert_eq!(
            found,
            [(anew + BETWEEN, Due::Ask(probe(1))), (anew + 2 * BETWEEN, free)]
        );
    }

    #[test]
    fn there_is_an_end_to_how_much_is_asked_at_once() {
        let (mut probes, start) = (Probes::default(), Instant::now());
        for n in 0..AT_ONCE {
            assert!(probes.has_room());
            let mut probe = probe(1);
            probe.address = Ipv4Addr::from(n as u32);
            probes.begun(start, probe, ());
        }
        assert!(!probes.has_room());
    }
}
