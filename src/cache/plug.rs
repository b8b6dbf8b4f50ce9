//! The cache in the server: what is declared comes from the world, news go into the journal.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use model::cache::Upstreams;
use model::cluster::Cluster;
use model::event::{NewEvent, Subject, What};
use tokio_util::sync::CancellationToken;

use super::{Cache, Declared, Limits, News, Policy, Report, StoreError, proxy};
use crate::apt;
use crate::http::{HttpCounters, HttpError};
use crate::journal::Journal;
use crate::pulse::Beat;
use crate::telemetry::{Metrics, Sample};

/// Opens the cache of a state folder, `STATE/cache/packages`.
///
/// # Errors
/// If its folder cannot be used.
pub async fn open(state: &Path, journal: &Journal, metrics: &Metrics) -> Result<Arc<Cache>, StoreError> {
    let root = state.join("cache/packages");
    let (declared, report) = (declared(journal.clone()), report(journal.clone()));
    let shown = root.clone();
    let cache = tokio::task::spawn_blocking(move || Cache::new(&root, Limits::default(), declared, report))
        .await
        .map_err(|error| StoreError::Io {
            what: "open",
            path: shown,
            source: std::io::Error::other(error),
        })??;
    let counted = cache.counters.clone();
    metrics.add(move || counted.samples());
    let counted = cache.clone();
    metrics.add(move || {
        let (entries, bytes) = counted.store.size();
        let sample = |name, help, value| Sample {
            name,
            help,
            label: None,
            value,
        };
        vec![
            sample("cache_stored_files", "Files in the package cache", entries as u64),
            sample("cache_stored_bytes", "Bytes in the package cache", bytes),
        ]
    });
    Ok(cache)
}

/// Keeps the cache's house and its proxy door, until cancelled.
///
/// # Errors
/// If the door cannot be opened.
pub async fn plug(cache: Arc<Cache>, door: Option<(u16, Beat)>, cancel: CancellationToken) -> Result<(), HttpError> {
    let house = cache.clone().keep_house(cancel.clone());
    let Some((port, beat)) = door else {
        house.await;
        return Ok(());
    };
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let counters = Arc::new(HttpCounters::default());
    let serve = crate::http::serve(address, proxy(cache), counters, beat, cancel);
    let (served, ()) = tokio::join!(serve, house);
    served
}

/// What is declared, read anew when the cluster file changes.
fn declared(journal: Journal) -> Declared {
    let last: Mutex<Option<(Arc<Cluster>, Arc<Policy>)>> = Mutex::default();
    Box::new(move || {
        let cluster = journal.world().cluster.clone();
        let mut last = last.lock().expect("nobody panics while holding it");
        if let Some((known, policy)) = &*last
            && Arc::ptr_eq(known, &cluster)
        {
            return policy.clone();
        }
        let policy = Arc::new(policy(&cluster, &apt::of_host()));
        *last = Some((cluster, policy.clone()));
        policy
    })
}

fn policy(cluster: &Cluster, host: &[apt::Source]) -> Policy {
    let declared = &cluster.cache;
    Policy {
        upstreams: Upstreams::new(declared, of_host(host)),
        offline: declared.offline,
        recheck: Duration::from_secs(declared.recheck.into()),
        size: declared.size,
    }
}

/// `debian` and `debian-security` as this host's own apt has them: its first source of a release, and of its updates.
fn of_host(sources: &[apt::Source]) -> Vec<(&'static str, &str)> {
    let first = |security: bool| {
        sources.iter().find(|source| {
            let release = source.suite.split(['-', '/']).next().unwrap_or_default();
            let known = apt::supported().any(|os| apt::suite(os) == Some(release)) || release == "stable";
            let main = source.components.iter().any(|name| name == "main");
            known && main && source.suite.contains("security") == security
        })
    };
    [("debian", first(false)), ("debian-security", first(true))]
        .into_iter()
        .filter_map(|(name, source)| Some((name, source?.uri.as_str())))
        .collect()
}

fn report(journal: Journal) -> Report {
    Box::new(move |news| {
        let what = match news {
            News::Trouble { upstream, why, times } => What::CacheTrouble { upstream, why, times },
            News::Recovered { upstream } => What::CacheRecovered { upstream },
        };
        journal.observe(vec![NewEvent::new(Timestamp::now(), "cache", Subject::Cluster, what)]);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Vec<apt::Source> {
        apt::parse([(Path::new("sources.list"), text)])
    }

    #[test]
    fn the_hosts_own_mirrors_are_the_upstreams() {
        let found = sources(
            "deb http://vendor.example/apt stable vendor\ndeb http://mirror.example/debian bookworm main\n\
             deb http://mirror.example/debian bookworm-updates main\n\
             deb http://security.example/debian-security bookworm-security main\n",
        );
        assert_eq!(
            of_host(&found),
            [
                ("debian", "http://mirror.example/debian"),
                ("debian-security", "http://security.example/debian-security")
            ]
        );
        assert_eq!(of_host(&sources("deb http://vendor.example/apt jammy main")), []);
    }
}
