//! Filling the cache before anybody asks, and looking after what is in it.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use model::cache::{Target, Verdict, choose, packages};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cache;
use super::download::End;
use super::store::{Entry, unix_seconds};

/// What to fetch.
#[derive(Debug, Clone, Deserialize)]
pub struct Packages {
    /// URLs, paths (`debian/pool/…`), folders (ending in `/`) and names of packages.
    pub items: Vec<String>,
    /// Upstream of the packages that are named.
    #[serde(default)]
    pub upstream: String,
    /// Suites to look in: `bookworm`, `bookworm-updates`.
    #[serde(default)]
    pub suites: Vec<String>,
    /// Components to look in: `main`.
    #[serde(default)]
    pub components: Vec<String>,
    /// Architecture: `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Also what the named packages need.
    #[serde(default)]
    pub depends: bool,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warmed {
    /// The item, or the path of its file.
    pub item: String,
    /// `fetched`, `there`, `failed`.
    pub outcome: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Warmed {
    fn failed(item: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            item: item.into(),
            outcome: "failed",
            bytes: 0,
            why: Some(why.into()),
        }
    }
}

/// Files fetched at once: enough to hide a mirror's distance, few enough to leave it to the nodes.
const AT_ONCE: usize = 4;
/// Largest index that is read, unpacked. Debian's main is 50 MB.
const INDEX: u64 = 512 * 1024 * 1024;

impl Cache {
    /// Fetches files that nobody has asked for yet; tells of each as it is done. Dropped, it stops.
    pub async fn warm(self: Arc<Self>, wanted: Packages) -> impl Stream<Item = Warmed> + Send + 'static {
        let (files, refused) = self.resolve(&wanted).await;
        let cache = self.clone();
        let fetched = futures_util::stream::iter(files)
            .map(move |(item, target)| {
                let cache = cache.clone();
                async move { cache.fetch_for(item, &target).await }
            })
            .buffer_unordered(AT_ONCE);
        futures_util::stream::iter(refused).chain(fetched)
    }

    async fn fetch_for(self: Arc<Self>, item: String, target: &Target) -> Warmed {
        match self.obtain(target).await {
            Ok((entry, fetched)) => Warmed {
                item,
                outcome: if fetched { "fetched" } else { "there" },
                bytes: entry.meta.length,
                why: None,
            },
            Err(why) => Warmed::failed(item, why),
        }
    }

    /// A stored file, fetched if it is not there or not current. Says whether it was.
    async fn obtain(self: &Arc<Self>, target: &Target) -> Result<(Arc<Entry>, bool), String> {
        let policy = (self.declared)();
        let found = self.find(target, false, policy.recheck);
        match (&found.entry, found.verdict) {
            (Some(entry), Verdict::Serve) => return Ok((entry.clone(), false)),
            _ if policy.offline => return Err("the package cache is offline".to_string()),
            _ => {}
        }
        let mut seat = self.seat(target, &found);
        let ended = seat.progress.wait_for(|progress| progress.end.is_some()).await;
        let end = ended.map(|progress| progress.end.clone()).unwrap_or_default();
        match end {
            Some(End::Complete(Some(entry))) => Ok((entry, true)),
            Some(End::Current(entry)) => Ok((entry, false)),
            Some(End::Refused(status)) => Err(format!("upstream answers {status}")),
            Some(End::Complete(None) | End::NoRoom) => Err("there is no room for it".to_string()),
            Some(End::Failed(trouble)) => Err(trouble.to_string()),
            None => Err("the download ended without a word".to_string()),
        }
    }

    /// Files of what is wanted, each once; and what cannot be found.
    async fn resolve(self: &Arc<Self>, wanted: &Packages) -> (Vec<(String, Target)>, Vec<Warmed>) {
        let upstreams = (self.declared)().upstreams.clone();
        let (mut files, mut refused) = (Vec::new(), Vec::new());
        let (mut names, mut folders) = (Vec::new(), Vec::new());
        for item in &wanted.items {
            if item.ends_with('/') {
                folders.push(item.as_str());
            } else if item.contains('/') {
                match upstreams.by_text(item) {
                    Ok(target) => files.push((item.clone(), target)),
                    Err(refusal) => refused.push(Warmed::failed(item.clone(), refusal.to_string())),
                }
            } else {
                names.push(item.clone());
            }
        }
        if names.is_empty() && folders.is_empty() {
            return (files, refused);
        }
        let indices = self.indices(wanted, &mut refused).await;
        let index: Vec<_> = indices.iter().flat_map(|text| packages(text)).collect();
        let (chosen, missing) = choose(&index, &names, wanted.depends);
        refused.extend(
            missing
                .into_iter()
                .map(|name| Warmed::failed(name, "no index that was looked at has it")),
        );
        let mut paths: BTreeSet<String> = chosen
            .iter()
            .map(|package| format!("{}/{}", wanted.upstream, package.filename))
            .collect();
        for folder in folders {
            // `http://mirror.example/debian/pool/x/` and `debian/pool/x/` are the same folder.
            let prefix = upstreams.by_text(folder).map(|target| target.key);
            let below: Vec<_> = index
                .iter()
                .map(|package| format!("{}/{}", wanted.upstream, package.filename))
                .filter(|path| {
                    let key = upstreams.by_text(path).map(|target| target.key);
                    matches!((&prefix, key), (Ok(prefix), Ok(key)) if key.starts_with(prefix.as_str()))
                })
                .collect();
            if below.is_empty() {
                refused.push(Warmed::failed(
                    folder,
                    "no index that was looked at has a package in this folder",
                ));
            }
            paths.extend(below);
        }
        for path in paths {
            match upstreams.by_text(&path) {
                Ok(target) => files.push((path, target)),
                Err(refusal) => refused.push(Warmed::failed(path, refusal.to_string())),
            }
        }
        (files, refused)
    }

    /// The texts of the indices, by way of the cache itself.
    async fn indices(self: &Arc<Self>, wanted: &Packages, refused: &mut Vec<Warmed>) -> Vec<String> {
        let upstreams = (self.declared)().upstreams.clone();
        let mut texts = Vec::new();
        for suite in &wanted.suites {
            let base = format!("{}/dists/{suite}", wanted.upstream);
            // The release file first, so that the indices are those that it names.
            if let Ok(target) = upstreams.by_text(&format!("{base}/InRelease")) {
                self.obtain(&target).await.ok();
            }
            for component in &wanted.components {
                let folder = format!("{base}/{component}/binary-{}", wanted.architecture);
                let mut last = String::new();
                let mut found = None;
                for (name, unpack) in [
                    ("Packages.xz", Some("xz")),
                    ("Packages.gz", Some("gzip")),
                    ("Packages", None),
                ] {
                    let read = async {
                        let path = format!("{folder}/{name}");
                        let target = upstreams.by_text(&path).map_err(|refusal| refusal.to_string())?;
                        let (entry, _) = self.obtain(&target).await?;
                        self.unpacked(&entry, unpack).await
                    };
                    match read.await {
                        Ok(text) => {
                            found = Some(text);
                            break;
                        }
                        Err(why) => last = why,
                    }
                }
                match found {
                    Some(text) => texts.push(text),
                    None => refused.push(Warmed::failed(format!("{folder}/Packages"), last)),
                }
            }
        }
        texts
    }

    async fn unpacked(&self, entry: &Arc<Entry>, tool: Option<&str>) -> Result<String, String> {
        use tokio::io::AsyncReadExt as _;
        let (store, of) = (self.store.clone(), entry.clone());
        let length = entry.meta.length;
        let read = move || {
            use std::os::unix::fs::FileExt as _;
            let file = store.file(&store.hold(&of))?;
            let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
            file.read_exact_at(&mut bytes, 0).map(|()| bytes)
        };
        let text = |error: std::io::Error| error.to_string();
        let packed = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| error.to_string())?
            .map_err(text)?;
        let Some(tool) = tool else {
            return Ok(String::from_utf8_lossy(&packed).into_owned());
        };
        let mut child = tokio::process::Command::new(tool)
            .arg("-dc")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{tool} cannot be run: {error}"))?;
        let mut input = child.stdin.take().expect("it was given a pipe");
        let feed = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            input.write_all(&packed).await.ok();
        });
        let mut out = Vec::new();
        let output = child.stdout.take().expect("it was given a pipe");
        output.take(INDEX).read_to_end(&mut out).await.map_err(text)?;
        feed.await.ok();
        match child.wait().await {
            Ok(status) if status.success() => Ok(String::from_utf8_lossy(&out).into_owned()),
            Ok(status) => Err(format!("{tool} could not unpack the index: {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// How the cache stands, for the API.
    pub fn status(&self) -> Value {
        let policy = (self.declared)();
        let (files, bytes) = self.store.size();
        let troubles = self.ledger.open();
        let downloads = self.downloads.lock().expect("nobody panics while holding it");
        let downloads: Vec<_> = downloads
            .values()
            .map(|download| {
                let progress = download.state.borrow();
                json!({
                    "url": download.key, "bytes": progress.written, "total": progress.total,
                    "waiting": download.state.receiver_count(),
                })
            })
            .collect();
        json!({
            "files": files,
            "bytes": bytes,
            "limit": self.store.limit(),
            "offline": policy.offline,
            "recheck_seconds": policy.recheck.as_secs(),
            "upstreams": policy.upstreams.list()
                .map(|(name, url)| json!({ "name": name, "url": url })).collect::<Vec<_>>(),
            "troubles": troubles.iter()
                .map(|(upstream, at, why)| json!({ "upstream": upstream, "at": at, "why": why })).collect::<Vec<_>>(),
            "downloads": downloads,
            "counters": self.counters.json(),
        })
    }

    /// Stored files whose URL or path begins so, by URL.
    pub fn list(&self, prefix: &str) -> Vec<Value> {
        let mut found = self.matching(prefix);
        found.sort_by(|a, b| a.meta.key.cmp(&b.meta.key));
        let now = unix_seconds();
        found
            .iter()
            .map(|entry| {
                json!({
                    "url": entry.meta.key, "kind": entry.kind.as_str(), "bytes": entry.meta.length,
                    "sha256": entry.meta.sha256, "fetched": entry.meta.fetched,
                    "unused_seconds": now.saturating_sub(entry.used()),
                })
            })
            .collect()
    }

    /// Removes stored files whose URL or path begins so and that were not asked for during that time. Returns how many
    /// and how many bytes. Whoever reads one reads on.
    pub async fn purge(&self, prefixes: &[String], unused: Duration) -> (usize, u64) {
        let now = unix_seconds();
        let mut gone = Vec::new();
        for prefix in prefixes {
            gone.extend(self.matching(prefix));
        }
        gone.retain(|entry| now.saturating_sub(entry.used()) >= unused.as_secs());
        gone.sort_by_key(|entry| entry.id);
        gone.dedup_by_key(|entry| entry.id);
        let bytes = gone.iter().map(|entry| entry.meta.length).sum();
        let (store, count) = (self.store.clone(), gone.len());
        let remove = move || gone.iter().for_each(|entry| store.remove(entry));
        tokio::task::spawn_blocking(remove).await.ok();
        (count, bytes)
    }

    fn matching(&self, prefix: &str) -> Vec<Arc<Entry>> {
        let key = match prefix {
            "" => String::new(),
            text => match (self.declared)().upstreams.by_text(text) {
                Ok(target) => target.key,
                // An upstream's name alone, or a host that is declared no longer.
                Err(_) => self.base_of(text).unwrap_or_else(|| text.to_string()),
            },
        };
        self.store
            .all()
            .into_iter()
            .filter(|entry| entry.meta.key.starts_with(&key))
            .collect()
    }

    fn base_of(&self, name: &str) -> Option<String> {
        let policy = (self.declared)();
        let name = name.trim_matches('/');
        policy
            .upstreams
            .list()
            .find(|(known, _)| *known == name)
            .map(|(_, url)| format!("{url}/"))
    }
}
