//! The package cache: repositories through this server, each file fetched once, however many want it.
//!
//! Invariant: bytes and paths are upstream's own, so that signatures hold.
//! Invariant: a client never gets a short or a mixed file as a complete one: what went wrong breaks the connection.
//! Invariant: only declared upstreams and hosts are asked (see [`model::cache::Upstreams`]).

mod answer;
mod body;
mod counters;
mod door;
mod download;
mod limits;
mod memory;
mod plug;
mod store;
mod suites;
mod trouble;
mod upstream;
mod warm;

pub use counters::Counters;
pub use door::{in_front, proxy};
pub use limits::Limits;
pub use plug::{open, plug};
pub use store::StoreError;
pub use trouble::{News, Trouble};
pub use warm::{Packages, Warmed};

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::cache::{Kind, Knowledge, Target, Upstreams, Verdict, digest_in_path, judge};
use tokio::sync::{Semaphore, watch};

use counters::count;
use download::{Download, Progress};
use store::{Entry, Store};
use suites::Suites;
use trouble::Ledger;
use upstream::Upstream;

/// Our own disk, where troubles are accounted by upstream.
const DISK: &str = "disk";

/// What is declared, as the cache needs it.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Where it may fetch from.
    pub upstreams: Upstreams,
    /// Whether it must not.
    pub offline: bool,
    /// For how long an index counts as current.
    pub recheck: Duration,
    /// Most bytes on disk.
    pub size: u64,
}

/// Tells what is declared now.
pub type Declared = Box<dyn Fn() -> Arc<Policy> + Send + Sync>;
/// Takes news about upstreams.
pub type Report = Box<dyn Fn(News) + Send + Sync>;

/// The package cache.
pub struct Cache {
    store: Arc<Store>,
    upstream: Upstream,
    downloads: Mutex<HashMap<String, Arc<Download>>>,
    suites: Suites,
    slots: Semaphore,
    ledger: Ledger,
    declared: Declared,
    report: Report,
    /// Counts since the start.
    pub counters: Arc<Counters>,
    limits: Limits,
    via: String,
    began: Instant,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("via", &self.via).finish_non_exhaustive()
    }
}

/// What is known about a request before upstream is asked.
#[derive(Debug)]
struct Found {
    entry: Option<Arc<Entry>>,
    verdict: Verdict,
    /// Places to look, as in [`Download::places`].
    places: Vec<(String, Option<String>)>,
}

/// A seat at a download.
#[derive(Debug)]
struct Seat {
    progress: watch::Receiver<Progress>,
    /// Whether somebody was waiting for it before.
    joined: bool,
}

impl Cache {
    /// Opens the cache on its folder. Blocks.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn new(root: &Path, limits: Limits, declared: Declared, report: Report) -> Result<Arc<Self>, StoreError> {
        let counters = Arc::new(Counters::default());
        let size = declared().size;
        let mut id = [0; 6];
        // Not a secret: two caches only must not have the same.
        getrandom::fill(&mut id).ok();
        let via = format!("1.1 bellwether-{}", store::hex(&id));
        Ok(Arc::new(Self {
            store: Arc::new(Store::open(root, limits, size, counters.clone())?),
            upstream: Upstream::new(&via, limits, counters.clone()),
            downloads: Mutex::default(),
            suites: Suites::default(),
            slots: Semaphore::new(limits.downloads),
            ledger: Ledger::default(),
            declared,
            report,
            counters,
            limits,
            via,
            began: Instant::now(),
        }))
    }

    /// Keeps house until cancelled: applies a changed limit, writes down what was used.
    pub async fn keep_house(self: Arc<Self>, cancel: tokio_util::sync::CancellationToken) {
        let mut tick = tokio::time::interval(Duration::from_secs(60));
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = tick.tick() => {}
            }
            self.settle().await;
        }
        self.settle().await;
    }

    async fn settle(&self) {
        self.store.set_limit((self.declared)().size);
        let store = self.store.clone();
        let settled = tokio::task::spawn_blocking(move || {
            store.make_room(0).ok();
            store.note_uses();
        });
        settled.await.ok();
    }

    /// Milliseconds since the start, from 1: the clock of freshness.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }

    fn find(&self, target: &Target, insists: bool, recheck: Duration) -> Found {
        let plain = (target.url.clone(), None);
        let of_name = self.store.get(&target.key);
        let mut known = Knowledge {
            kind: target.kind,
            validated: of_name.as_ref().and_then(|entry| entry.validated()),
            release_changed: None,
            named_by_release: false,
            insists,
        };
        let recheck = u64::try_from(recheck.as_millis()).unwrap_or(u64::MAX);
        let decide = |known| judge(known, self.now(), recheck);
        match target.kind {
            Kind::Immutable => {
                let digest = digest_in_path(&target.key);
                let same = || digest.as_ref().and_then(|digest| self.store.by_digest(digest));
                let entry = of_name.or_else(same);
                let verdict = if entry.is_some() { decide(known) } else { Verdict::Ask };
                Found {
                    entry,
                    verdict,
                    places: vec![(target.url.clone(), digest)],
                }
            }
            Kind::Index | Kind::Release => {
                let suite = self.suites.of(&self.store, &target.key, target.kind);
                known.release_changed = self.suites.changed(&target.key);
                let Some((suite, digest)) = suite else {
                    let verdict = if of_name.is_some() { decide(known) } else { Verdict::Ask };
                    return Found {
                        entry: of_name,
                        verdict,
                        places: vec![plain],
                    };
                };
                let named = of_name
                    .clone()
                    .filter(|entry| entry.meta.sha256 == digest)
                    .or_else(|| self.store.by_digest(&digest));
                if named.is_some() && !insists {
                    known.named_by_release = true;
                    return Found {
                        entry: named,
                        verdict: decide(known),
                        places: vec![plain],
                    };
                }
                let mut places = Vec::with_capacity(2);
                if suite.by_hash
                    && let Some((folder, _)) = target.url.rsplit_once('/')
                {
                    places.push((format!("{folder}/by-hash/SHA256/{digest}"), Some(digest)));
                }
                places.push(plain);
                Found {
                    entry: of_name,
                    verdict: Verdict::Ask,
                    places,
                }
            }
            Kind::Other => {
                let verdict = if of_name.is_some() { decide(known) } else { Verdict::Ask };
                Found {
                    entry: of_name,
                    verdict,
                    places: vec![plain],
                }
            }
        }
    }

    /// A seat at the download of a file, which begins if it is not under way.
    fn seat(self: &Arc<Self>, target: &Target, found: &Found) -> Seat {
        let mut downloads = self.downloads.lock().expect("nobody panics while holding it");
        if let Some(download) = downloads.get(&target.key) {
            count(&self.counters.joined);
            return Seat {
                progress: download.state.subscribe(),
                joined: true,
            };
        }
        let (state, progress) = watch::channel(Progress::default());
        let download = Arc::new(Download {
            key: target.key.clone(),
            kind: target.kind,
            places: found.places.clone(),
            before: self.store.get(&target.key).map(|entry| entry.meta.sha256.clone()),
            state,
        });
        downloads.insert(target.key.clone(), download.clone());
        tokio::spawn(download::run(self.clone(), download, found.entry.clone()));
        Seat {
            progress,
            joined: false,
        }
    }

    /// Whether a file is being downloaded.
    fn is_coming(&self, key: &str) -> bool {
        self.downloads
            .lock()
            .expect("nobody panics while holding it")
            .contains_key(key)
    }

    /// Whether nobody waits for a download any more; then it is taken from the list, so that nobody joins it.
    fn abandoned(&self, download: &Download) -> bool {
        if download.state.receiver_count() > 0 {
            return false;
        }
        let mut downloads = self.downloads.lock().expect("nobody panics while holding it");
        let alone = download.state.receiver_count() == 0;
        if alone {
            downloads.remove(&download.key);
        }
        alone
    }

    /// A download has ended: nobody joins it any more.
    fn finished(&self, download: &Arc<Download>) {
        let mut downloads = self.downloads.lock().expect("nobody panics while holding it");
        if downloads
            .get(&download.key)
            .is_some_and(|known| Arc::ptr_eq(known, download))
        {
            downloads.remove(&download.key);
        }
    }

    /// A download is stored: what it tells about others.
    fn stored(self: &Arc<Self>, download: &Download, entry: &Arc<Entry>) {
        let now = self.now();
        match download.kind {
            Kind::Release if download.before.as_ref() != Some(&entry.meta.sha256) => {
                self.suites.changed_at(&entry.meta.key, now);
                self.refresh_signature(&entry.meta.key);
            }
            // Other content than the release file names: a newer publication is out.
            Kind::Index => {
                let suite = self.suites.of(&self.store, &entry.meta.key, download.kind);
                if suite.is_some_and(|(_, digest)| digest != entry.meta.sha256) {
                    self.suites.changed_at(&entry.meta.key, now);
                }
            }
            Kind::Release | Kind::Immutable | Kind::Other => {}
        }
        entry.validate(Some(now));
        self.succeeded(DISK);
    }

    /// A new `Release` is only good with its own `Release.gpg`: fetched at once if that one is kept, too.
    fn refresh_signature(self: &Arc<Self>, key: &str) {
        let Some(signature) = key
            .strip_suffix("/Release")
            .map(|folder| format!("{folder}/Release.gpg"))
        else {
            return;
        };
        if let Some(entry) = self.store.get(&signature) {
            let target = Target {
                key: signature,
                url: entry.meta.url.clone(),
                kind: Kind::Release,
            };
            let places = vec![(target.url.clone(), None)];
            self.seat(
                &target,
                &Found {
                    entry: Some(entry),
                    verdict: Verdict::Ask,
                    places,
                },
            );
        }
    }

    fn troubled(&self, url: &str, trouble: &Trouble) {
        if !trouble.is_news() {
            return;
        }
        count(&self.counters.troubles);
        tracing::warn!("package cache: {trouble}");
        let whose = if matches!(trouble, Trouble::Disk { .. }) {
            DISK
        } else {
            origin(url)
        };
        if let Some(news) = self.ledger.trouble(whose, trouble, Instant::now()) {
            (self.report)(news);
        }
    }

    fn succeeded(&self, url: &str) {
        if let Some(news) = self.ledger.success(origin(url)) {
            (self.report)(news);
        }
    }
}

/// Scheme and host of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}
