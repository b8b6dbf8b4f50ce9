//! What a loader says of its machine in the URL of its script.

use std::net::IpAddr;

use form_urlencoded::parse;
use wire::Mac;

use super::Client;

/// Most characters of what a machine says of itself; SMBIOS strings have 64.
const LONGEST: usize = 256;

impl Client {
    /// The client that asks for `target`, a path with its query, from an address; `None` if that is no boot script.
    pub fn asking_for(target: &str, address: IpAddr) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = match path.strip_prefix("/boot/")? {
            "script" => None,
            other => Some(other.strip_suffix("/script").filter(|name| !name.contains('/'))?),
        };
        Some(Self::saying(name.map(str::to_string), query, address))
    }

    /// The client that says `query` (`mac`, `uuid`, `serial`, `hostname`, as `application/x-www-form-urlencoded`). What is
    /// empty, does not parse or is there a second time is as good as not said.
    pub fn saying(name: Option<String>, query: &str, address: IpAddr) -> Self {
        let mut client = Self {
            name,
            address: Some(address.to_canonical()),
            ..Self::default()
        };
        for (key, value) in parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let said = || Some(value.chars().take(LONGEST).collect());
            match &*key {
                "mac" => client.mac = client.mac.or_else(|| value.parse::<Mac>().ok()),
                "uuid" => client.uuid = client.uuid.or_else(said),
                "serial" => client.serial = client.serial.or_else(said),
                "hostname" => client.hostname = client.hostname.or_else(said),
                _ => {}
            }
        }
        client
    }
}

/// A path, with its query, that has each slash once; `None` if that is so already. Some UEFI firmware joins a URL and a path
/// with two, and does not follow the redirect that others answer.
pub fn single_slashes(target: &str) -> Option<String> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    if !path.contains("//") {
        return None;
    }
    let mut clean = String::with_capacity(target.len());
    for c in path.chars() {
        if !(c == '/' && clean.ends_with('/')) {
            clean.push(c);
        }
    }
    if let Some(query) = query {
        clean.push('?');
        clean.push_str(query);
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asking_for(target: &str) -> Option<Client> {
        Client::asking_for(target, "::ffff:10.77.0.11".parse().unwrap())
    }

    #[test]
    fn a_loader_says_who_it_is() {
        let client = asking_for("/boot/n1/script?mac=52-54-00-00-00-01&uuid=a%20b&serial=&hostname=x&mac=no").unwrap();
        assert_eq!(client.name.as_deref(), Some("n1"));
        assert_eq!(client.mac, Some("52:54:00:00:00:01".parse().unwrap()));
        assert_eq!(
            (client.uuid.as_deref(), client.serial, client.hostname.as_deref()),
            (Some("a b"), None, Some("x"))
        );
        assert_eq!(client.address, Some("10.77.0.11".parse().unwrap()), "as leases have it");
    }

    #[test]
    fn the_fuzzers_corpus_is_read_without_panic() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/fuzz/corpus/http");
        let mut scripts = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let target = String::from_utf8_lossy(&bytes[1..]);
            let clean = single_slashes(&target).unwrap_or_else(|| target.to_string());
            scripts += usize::from(asking_for(&clean).is_some());
            crate::hook::form(&bytes[1..]);
            crate::hook::printable(&bytes[1..], 256);
        }
        assert_eq!(scripts, 2);
    }

    #[test]
    fn slashes_of_the_path_alone_become_single() {
        assert_eq!(
            single_slashes("//boot///n1/script?a=//").as_deref(),
            Some("/boot/n1/script?a=//")
        );
        assert_eq!(single_slashes("/boot/n1?a=//"), None);
    }

    #[test]
    fn what_is_no_script_is_nobodys() {
        assert_eq!(asking_for("/boot/script").unwrap().name, None);
        for target in [
            "/boot/a/b/script",
            "/boot/n1",
            "/loaders/script",
            "",
            "/boot/n1/script/",
        ] {
            assert_eq!(asking_for(target), None, "{target}");
        }
    }
}
