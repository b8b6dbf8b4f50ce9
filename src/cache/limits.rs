//! How long upstream may take, and how much is kept where.

use std::time::Duration;

/// Times and sizes of the cache that nobody needs to declare. Tests shorten the times.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the head of an answer is there.
    pub head: Duration,
    /// Between two pieces of a body.
    pub stall: Duration,
    /// Pauses before a broken download is taken up again; as many attempts as there are pauses.
    pub retries: [Duration; 3],
    /// Redirects that are followed.
    pub redirects: usize,
    /// Files up to this length are kept in memory too.
    pub small: u64,
    /// Memory for them in all.
    pub memory: usize,
    /// Downloads at once; more wait.
    pub downloads: usize,
    /// Disk space that is left to others.
    pub reserve: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            retries: [200, 1_000, 3_000].map(Duration::from_millis),
            redirects: 5,
            small: 128 * 1024,
            memory: 64 * 1024 * 1024,
            downloads: 64,
            reserve: 64 * 1024 * 1024,
        }
    }
}
