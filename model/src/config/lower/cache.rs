//! The package cache: what it means, and whether it can be.

use crate::cluster::Cache;
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;

/// Smallest cache that is of use, in bytes.
const LEAST: u64 = 100 << 20;
/// First parts of paths on the nodes' HTTP door that mean something else than a repository there.
const TAKEN: [&str; 11] = [
    "boot",
    "cloud-init",
    "images",
    "loaders",
    "install",
    "media",
    "metrics",
    "healthz",
    "autoexec.ipxe",
    "grub",
    "pelagos",
];

pub(super) fn cache(raw: &raw::Cache, problems: &mut Problems) -> Cache {
    let default = Cache::default();
    if let Some(size) = raw.size.as_ref().filter(|size| size.value.0 < LEAST) {
        problems.push(
            Diagnostic::error("cache-too-small", "the package cache needs at least `100M`")
                .at(size.span, "one index of Debian takes 10M"),
        );
    }
    for (name, _) in &raw.upstreams.entries {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        let fault = if TAKEN.contains(&name.value.as_str()) {
            Some(format!("`http://server/{}/` means something else already", name.value))
        } else if name.value.is_empty() || name.value.len() > 63 || !name.value.bytes().all(plain) {
            Some("expected lower-case letters, digits, `-` and `_`: it is a part of a path".to_string())
        } else {
            None
        };
        if let Some(fault) = fault {
            problems.push(
                Diagnostic::error(
                    "bad-name",
                    format!("`{}` cannot be the name of an upstream", name.value),
                )
                .at(name.span, fault)
                .help("give it another name, such as `debian` or `vendor`"),
            );
        }
    }
    Cache {
        size: raw.size.as_ref().map_or(default.size, |v| v.value.0),
        offline: raw.offline.as_ref().is_some_and(|v| v.value.0),
        recheck: raw.recheck.as_ref().map_or(default.recheck, |v| v.value.0),
        upstreams: raw
            .upstreams
            .entries
            .iter()
            .map(|(name, url)| (name.value.clone(), url.value.0.clone()))
            .collect(),
        hosts: raw.hosts.items.iter().map(|v| v.value.0.clone()).collect(),
    }
}
