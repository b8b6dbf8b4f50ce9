//! Who is logged in (DSP0266 section 13.3.4).

use std::time::Duration;

use tokio::time::Instant;
use wire::ipmi::Privilege;

/// Places for sessions.
pub(super) const PLACES: usize = 16;
/// A session that asks nothing for so long is over.
pub(super) const LIFE: Duration = Duration::from_secs(30 * 60);

/// Somebody with a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    /// The user's name.
    pub user: String,
    /// What he may do.
    pub privilege: Privilege,
}

#[derive(Debug)]
struct Session {
    number: u64,
    token: String,
    who: Who,
    used: Instant,
    /// Closed by its user, and its place was not given back.
    closed: bool,
}

/// The sessions of a BMC.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: Vec<Session>,
    began: u64,
    restarts: u64,
    leaks: bool,
}

impl Sessions {
    /// None yet; `leaks`: places are never given back.
    pub(super) fn new(leaks: bool) -> Self {
        Self {
            leaks,
            ..Self::default()
        }
    }

    /// Begins one with that token; its number. `None`: there is no place.
    pub(super) fn begin(&mut self, who: Who, token: String, now: Instant) -> Option<u64> {
        self.forget(now);
        if self.open.len() >= PLACES {
            return None;
        }
        self.began += 1;
        self.open.push(Session {
            number: self.began,
            token,
            who,
            used: now,
            closed: false,
        });
        Some(self.began)
    }

    /// Who has that token.
    pub(super) fn owner(&mut self, token: &str, now: Instant) -> Option<Who> {
        self.forget(now);
        let session = self
            .open
            .iter_mut()
            .find(|session| session.token == token && !session.closed)?;
        session.used = now;
        Some(session.who.clone())
    }

    /// Ends one. `false`: there is none of that number.
    pub(super) fn end(&mut self, number: u64) -> bool {
        let Some(session) = self
            .open
            .iter_mut()
            .find(|session| session.number == number && !session.closed)
        else {
            return false;
        };
        session.closed = true;
        let leaks = self.leaks;
        self.open.retain(|session| leaks || !session.closed);
        true
    }

    /// Those that are open: number and user.
    pub(super) fn list(&self) -> Vec<(u64, String)> {
        let open = self.open.iter().filter(|session| !session.closed);
        open.map(|session| (session.number, session.who.user.clone())).collect()
    }

    /// The BMC has started so often: when that is more than before, nobody is logged in any more.
    pub(super) fn restarted(&mut self, restarts: u64) {
        if self.restarts != restarts {
            self.restarts = restarts;
            self.open.clear();
        }
    }

    fn forget(&mut self, now: Instant) {
        let leaks = self.leaks;
        for session in &mut self.open {
            session.closed |= now >= session.used + LIFE;
        }
        self.open.retain(|session| leaks || !session.closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Who {
        Who {
            user: "admin".into(),
            privilege: Privilege::Administrator,
        }
    }

    #[test]
    fn there_are_so_many_places_and_what_is_not_used_is_over() {
        let began = Instant::now();
        let mut sessions = Sessions::default();
        for n in 0..PLACES as u64 {
            assert_eq!(sessions.begin(who(), format!("t{n}"), began), Some(n + 1));
        }
        assert_eq!(sessions.begin(who(), "more".into(), began), None);
        assert!(sessions.end(3) && !sessions.end(3));
        assert!(sessions.begin(who(), "more".into(), began).is_some());
        assert_eq!(sessions.owner("t2", began), None);
        let later = began + LIFE / 2;
        assert_eq!(sessions.owner("t1", later), Some(who()));
        assert_eq!(sessions.owner("t1", began + LIFE), Some(who()));
        assert_eq!(sessions.owner("t5", began + LIFE), None);
        assert_eq!(sessions.list().len(), 1);
    }

    #[test]
    fn a_bmc_that_leaks_is_full_until_it_is_restarted() {
        let now = Instant::now();
        let mut sessions = Sessions::new(true);
        for n in 0..PLACES {
            let number = sessions.begin(who(), format!("t{n}"), now).unwrap();
            assert!(sessions.end(number));
            assert_eq!(sessions.owner(&format!("t{n}"), now), None);
        }
        assert_eq!(sessions.begin(who(), "more".into(), now + LIFE), None);
        sessions.restarted(1);
        assert!(sessions.begin(who(), "more".into(), now).is_some());
    }
}
