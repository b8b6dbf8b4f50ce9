//! What goes wrong with upstreams, in words; and which of it is written down.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::Timestamp;

/// What upstream did wrong.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// No connection.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why.
        why: String,
    },
    /// No answer in time.
    #[error("{host} did not answer within {seconds} s")]
    Silent {
        /// Host and port.
        host: String,
        /// For how long.
        seconds: u64,
    },
    /// An answer that is no good for anybody.
    #[error("{url} was answered with {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// Redirects without end, or to nowhere.
    #[error("{url}: {why}")]
    Redirect {
        /// What was asked for.
        url: String,
        /// What is wrong with the redirect.
        why: &'static str,
    },
    /// The end of the body cannot be told from a broken connection.
    #[error("{url}: upstream does not say how long its answer is, so nobody could tell whether it is complete")]
    NoLength {
        /// What was asked for.
        url: String,
    },
    /// The content is not what its name says.
    #[error("{url} is not what its name says: is there a login page or another proxy in between?")]
    Implausible {
        /// What was asked for.
        url: String,
    },
    /// The content does not have its digest.
    #[error("{url} is corrupted: its content has not the SHA-256 in its name")]
    Corrupt {
        /// What was asked for.
        url: String,
    },
    /// The body ended too early or nothing more came, and it could not be taken up again.
    #[error("{url} broke off after {at} bytes: {why}")]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        at: u64,
        /// Why.
        why: String,
    },
    /// The answer could not be read at all.
    #[error("{url}: {why}")]
    Nonsense {
        /// What was asked for.
        url: String,
        /// Why.
        why: String,
    },
    /// Nobody wanted it any more.
    #[error("{url} was given up: nobody waited for it any more")]
    Abandoned {
        /// What was asked for.
        url: String,
    },
    /// Our own disk.
    #[error("{url} could not be stored: {why}")]
    Disk {
        /// What was asked for.
        url: String,
        /// Why.
        why: String,
    },
}

impl Trouble {
    /// Whether the host is to blame: this is news. That a file is missing, or that nobody waited, is none.
    pub fn is_news(&self) -> bool {
        match self {
            Self::Abandoned { .. } => false,
            Self::Status { status, .. } => status.is_server_error(),
            _ => true,
        }
    }

    /// The status for a client that waited for it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => *status,
            Self::Status { status, .. } if *status == StatusCode::SERVICE_UNAVAILABLE => *status,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}

/// News about an upstream that is worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It makes trouble.
    Trouble {
        /// Scheme and host.
        upstream: String,
        /// What kind of trouble, in a sentence.
        why: String,
        /// Troubles since the last news of it, this one included.
        times: u64,
    },
    /// It works again.
    Recovered {
        /// Scheme and host.
        upstream: String,
    },
}

/// How each upstream stands. Keeps the journal from being flooded: one event per upstream in [`Ledger::EVERY`].
#[derive(Debug, Default)]
pub struct Ledger {
    hosts: Mutex<HashMap<String, Account>>,
}

#[derive(Debug, Clone)]
struct Account {
    last: Option<(Timestamp, String)>,
    told: Option<Instant>,
    untold: u64,
    /// Trouble was told of, and its end not yet.
    open: bool,
}

impl Ledger {
    /// At most one event about an upstream in this time.
    pub const EVERY: Duration = Duration::from_secs(300);
    /// Upstreams that are kept; hosts of clients' choosing cannot fill the memory.
    const MOST: usize = 256;

    /// Notes trouble; returns news if it is time for some.
    pub fn trouble(&self, upstream: &str, trouble: &Trouble, now: Instant) -> Option<News> {
        let mut hosts = self.hosts.lock().expect("nobody panics while holding it");
        if hosts.len() >= Self::MOST && !hosts.contains_key(upstream) {
            return None;
        }
        let account = hosts.entry(upstream.to_string()).or_insert(Account {
            last: None,
            told: None,
            untold: 0,
            open: false,
        });
        account.last = Some((Timestamp::now(), trouble.to_string()));
        account.untold += 1;
        if account.told.is_some_and(|told| now.duration_since(told) < Self::EVERY) {
            return None;
        }
        account.told = Some(now);
        account.open = true;
        Some(News::Trouble {
            upstream: upstream.to_string(),
            why: trouble.to_string(),
            times: std::mem::take(&mut account.untold),
        })
    }

    /// Notes that an upstream answered as it should.
    pub fn success(&self, upstream: &str) -> Option<News> {
        let mut hosts = self.hosts.lock().expect("nobody panics while holding it");
        let account = hosts.get_mut(upstream)?;
        account.last = None;
        // The time of the last event stays: an upstream that comes and goes is told of once in a while, too.
        let news = News::Recovered {
            upstream: upstream.to_string(),
        };
        std::mem::take(&mut account.open).then_some(news)
    }

    /// Upstreams in trouble: since when, and what.
    pub fn open(&self) -> Vec<(String, Timestamp, String)> {
        let hosts = self.hosts.lock().expect("nobody panics while holding it");
        let mut open: Vec<_> = hosts
            .iter()
            .filter_map(|(host, account)| account.last.clone().map(|(at, why)| (host.clone(), at, why)))
            .collect();
        open.sort();
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_is_down_for_hours_is_told_of_now_and_then() {
        let ledger = Ledger::default();
        let trouble = Trouble::Silent {
            host: "mirror.example".into(),
            seconds: 30,
        };
        let begin = Instant::now();
        let told: Vec<_> = (0..1000)
            .filter_map(|second| ledger.trouble("http://mirror.example", &trouble, begin + Duration::from_secs(second)))
            .collect();
        let times: Vec<_> = told
            .iter()
            .map(|news| match news {
                News::Trouble { times, .. } => *times,
                News::Recovered { .. } => 0,
            })
            .collect();
        assert_eq!(times, [1, 300, 300, 300]);
        assert_eq!(ledger.open().len(), 1);
    }

    #[test]
    fn its_recovery_is_told_once() {
        let ledger = Ledger::default();
        let trouble = Trouble::Silent {
            host: "mirror.example".into(),
            seconds: 30,
        };
        assert_eq!(ledger.success("http://mirror.example"), None);
        assert!(
            ledger
                .trouble("http://mirror.example", &trouble, Instant::now())
                .is_some()
        );
        let recovered = News::Recovered {
            upstream: "http://mirror.example".into(),
        };
        assert_eq!(ledger.success("http://mirror.example"), Some(recovered));
        assert_eq!(ledger.success("http://mirror.example"), None);
        assert_eq!(ledger.open(), []);
    }
}
