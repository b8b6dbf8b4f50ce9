//! Suites: which index belongs to which release file, so that no client gets indices of two publications.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use model::cache::{Kind, Listed};

use super::store::{Entry, Store};

/// Release files that were read, and when they changed.
#[derive(Debug, Default)]
pub struct Suites {
    listed: Mutex<HashMap<String, (u64, Arc<Listed>)>>,
    changed: Mutex<HashMap<String, u64>>,
}

/// Release files by preference: clients ask for the first one first.
const NAMES: [&str; 2] = ["InRelease", "Release"];
/// Folders that are remembered; more than a site has suites.
const MOST: usize = 4096;

impl Suites {
    /// The release file that names an index, and the digest that it names. Reads and parses a release file once.
    pub fn of(&self, store: &Store, key: &str, kind: Kind) -> Option<(Arc<Listed>, String)> {
        if kind != Kind::Index {
            return None;
        }
        for folder in folders(key) {
            for name in NAMES {
                let Some(entry) = store.get(&format!("{folder}/{name}")) else {
                    continue;
                };
                let listed = self.read(store, folder, &entry)?;
                let digest = listed.digest(&key[folder.len() + 1..])?.to_string();
                return Some((listed, digest));
            }
        }
        None
    }

    fn read(&self, store: &Store, folder: &str, entry: &Arc<Entry>) -> Option<Arc<Listed>> {
        let known = |listed: &HashMap<String, (u64, Arc<Listed>)>| {
            listed
                .get(folder)
                .filter(|(id, _)| *id == entry.id)
                .map(|(_, listed)| listed.clone())
        };
        if let Some(found) = known(&self.listed.lock().expect("nobody panics while holding it")) {
            return Some(found);
        }
        let held = store.hold(entry);
        let file = store.file(&held).ok()?;
        // Larger than any release file: not worth the memory.
        let mut text = vec![
            0;
            usize::try_from(entry.meta.length)
                .ok()
                .filter(|length| *length < 32 << 20)?
        ];
        std::os::unix::fs::FileExt::read_exact_at(&*file, &mut text, 0).ok()?;
        let parsed = Arc::new(Listed::parse(&String::from_utf8_lossy(&text)));
        let mut listed = self.listed.lock().expect("nobody panics while holding it");
        if listed.len() >= MOST {
            listed.clear();
        }
        listed.insert(folder.to_string(), (entry.id, parsed.clone()));
        Some(parsed)
    }

    /// When the release file above a file, or beside it, last changed.
    pub fn changed(&self, key: &str) -> Option<u64> {
        let changed = self.changed.lock().expect("nobody panics while holding it");
        if changed.is_empty() {
            return None;
        }
        folders(key).filter_map(|folder| changed.get(folder)).max().copied()
    }

    /// A release file changed, or has to have: everything below its folder is asked for again.
    pub fn changed_at(&self, key: &str, now: u64) {
        let mut changed = self.changed.lock().expect("nobody panics while holding it");
        let folder = folders(key)
            .find(|folder| changed.contains_key(*folder))
            .or_else(|| folders(key).next());
        if let Some(folder) = folder {
            if changed.len() >= MOST {
                changed.clear();
            }
            changed.insert(folder.to_string(), now);
        }
    }
}

/// The folders above a file, the nearest first; scheme and host are none.
fn folders(key: &str) -> impl Iterator<Item = &str> {
    let host = key.find("://").map_or(0, |at| at + 3);
    let root = key[host..].find('/').map_or(key.len(), |at| host + at);
    key[root..].rmatch_indices('/').map(move |(at, _)| &key[..root + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_end_at_the_host() {
        let found: Vec<_> = folders("http://mirror.example/debian/dists/x/InRelease").collect();
        assert_eq!(
            found,
            [
                "http://mirror.example/debian/dists/x",
                "http://mirror.example/debian/dists",
                "http://mirror.example/debian",
                "http://mirror.example"
            ]
        );
        assert_eq!(folders("http://mirror.example").count(), 0);
        assert_eq!(folders("").count(), 0);
    }

    #[test]
    fn a_change_counts_for_everything_below_it_and_for_nothing_else() {
        let suites = Suites::default();
        suites.changed_at("http://m.example/debian/dists/x/InRelease", 7);
        assert_eq!(suites.changed("http://m.example/debian/dists/x/Release.gpg"), Some(7));
        assert_eq!(
            suites.changed("http://m.example/debian/dists/x/main/binary-amd64/Packages"),
            Some(7)
        );
        assert_eq!(suites.changed("http://m.example/debian/dists/y/InRelease"), None);
        suites.changed_at("http://m.example/debian/dists/x/main/binary-amd64/Packages", 9);
        assert_eq!(suites.changed("http://m.example/debian/dists/x/InRelease"), Some(9));
    }
}
