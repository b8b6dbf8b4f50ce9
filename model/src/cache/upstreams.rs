//! Which repository a request means, and whether it may be had through us.
//!
//! The rule, so that the cache is no open proxy: a host is asked only if it is an upstream's or matches `hosts` of the
//! cluster file. Outside the declared folder of an upstream, a path must also look like a package repository's.

use super::path::{BadPath, canonical};
use super::{Kind, looks_like_repository};
use crate::cluster::Cache;

/// The declared and derived upstreams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstreams {
    named: Vec<(String, Base)>,
    hosts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    secure: bool,
    /// Host, and port where it is not the usual one; lower case.
    authority: String,
    /// Without a slash at its end; empty for the root.
    path: String,
}

/// What to ask upstream, and under which key it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Canonical URL: one for all spellings and for both doors.
    pub key: String,
    /// URL to ask, the path as the client wrote it.
    pub url: String,
    /// What it is.
    pub kind: Kind,
}

/// Why a request is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path is none.
    #[error("{0}")]
    Path(#[from] BadPath),
    /// The host is not declared.
    #[error(
        "this cache does not fetch from {0}: declare it under `cache:` in the cluster file, as one of `upstreams` or \
         in `hosts`"
    )]
    Host(String),
    /// The host is declared, but this is no repository's path.
    #[error("{0} is not the path of a package repository")]
    NoRepository(String),
    /// Another scheme than `http`.
    #[error("the cache is asked with http:// only; it fetches from an upstream declared with https:// on its own")]
    Scheme,
    /// Neither an upstream's name nor a host.
    #[error("there is no upstream `{0}`")]
    Name(String),
}

impl Base {
    fn parse(url: &str) -> Option<Self> {
        let (secure, rest) = match url.split_once("://")? {
            ("http", rest) => (false, rest),
            ("https", rest) => (true, rest),
            _ => return None,
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        let authority = plain_authority(authority, secure)?;
        Some(Self {
            secure,
            authority,
            path: path.trim_end_matches('/').to_string(),
        })
    }

    /// What a client asked for below it.
    fn target(&self, rest: &str) -> Result<Target, BadPath> {
        target(self.secure, &self.authority, &format!("{}{rest}", self.path))
    }
}

fn target(secure: bool, authority: &str, path: &str) -> Result<Target, BadPath> {
    let known = canonical(path)?;
    let scheme = if secure { "https" } else { "http" };
    Ok(Target {
        kind: Kind::of(&known),
        key: format!("{scheme}://{authority}{known}"),
        url: format!("{scheme}://{authority}{path}"),
    })
}

/// Host and port in lower case, without the usual port; `None` for what names no host, or has a password in it.
fn plain_authority(authority: &str, secure: bool) -> Option<String> {
    let usual = if secure { ":443" } else { ":80" };
    let authority = authority.strip_suffix(usual).unwrap_or(authority).to_ascii_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority.as_str(), None),
    };
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    let whole = !host.is_empty() && host.len() < 256 && host.bytes().all(good);
    (whole && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))).then_some(authority)
}

impl Upstreams {
    /// The upstreams of a cluster file; those that it does not declare as the host's own apt sources have them
    /// (`debian`, `debian-security` with their URLs).
    pub fn new<'a>(declared: &Cache, host: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut named: Vec<(String, Base)> = declared
            .upstreams
            .iter()
            .filter_map(|(name, url)| Some((name.clone(), Base::parse(url)?)))
            .collect();
        for (name, url) in host {
            if !named.iter().any(|(known, _)| known == name)
                && let Some(base) = Base::parse(url)
            {
                named.push((name.to_string(), base));
            }
        }
        Self {
            named,
            hosts: declared.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        }
    }

    /// Names and URLs, for people.
    pub fn list(&self) -> impl Iterator<Item = (&str, String)> {
        self.named.iter().map(|(name, base)| {
            let scheme = if base.secure { "https" } else { "http" };
            (name.as_str(), format!("{scheme}://{}{}", base.authority, base.path))
        })
    }

    /// `/debian/dists/…` as nodes ask for it; `None` if no upstream has that name.
    pub fn by_name(&self, path: &str) -> Option<Result<Target, Refusal>> {
        let (name, rest) = split(path);
        let (_, base) = self.named.iter().find(|(known, _)| known == name)?;
        Some(base.target(rest).map_err(Refusal::Path))
    }

    /// `GET http://mirror.example/debian/…`, as a proxy is asked.
    ///
    /// # Errors
    /// If it may not be had.
    pub fn by_url(&self, scheme: &str, authority: &str, path: &str) -> Result<Target, Refusal> {
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(Refusal::Scheme);
        }
        let unknown = || Refusal::Host(authority.to_string());
        let authority = plain_authority(authority, false).ok_or_else(unknown)?;
        let known = canonical(path)?;
        let below = |base: &Base| known.strip_prefix(&base.path).is_some_and(|rest| rest.starts_with('/'));
        let mut of_host = self
            .named
            .iter()
            .map(|(_, base)| base)
            .filter(|base| base.authority == authority);
        if let Some(base) = of_host.clone().find(|base| below(base)) {
            return Ok(target(base.secure, &authority, path)?);
        }
        let declared = of_host.next();
        if declared.is_none() && !self.hosts.iter().any(|pattern| matches(pattern, &authority)) {
            return Err(unknown());
        }
        if !looks_like_repository(&known) {
            return Err(Refusal::NoRepository(known));
        }
        Ok(target(declared.is_some_and(|base| base.secure), &authority, path)?)
    }

    /// A path on the proxy door: an upstream's name first, or a host as `http://server:3142/mirror.example/debian/…`.
    ///
    /// # Errors
    /// If it may not be had.
    pub fn by_path(&self, path: &str) -> Result<Target, Refusal> {
        if let Some(found) = self.by_name(path) {
            return found;
        }
        let (first, rest) = split(path);
        if first.contains(['.', ':']) && !rest.is_empty() {
            return self.by_url("http", first, rest);
        }
        Err(Refusal::Name(first.chars().take(64).collect()))
    }

    /// A URL or path as a person types it: `http://…`, `/debian/…` or `debian/…`.
    ///
    /// # Errors
    /// If it may not be had.
    pub fn by_text(&self, text: &str) -> Result<Target, Refusal> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return self.by_path(&format!("/{}", text.trim_start_matches('/')));
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        // A person may well name an upstream with the scheme that it is declared with.
        let secure = scheme == "https";
        let known = plain_authority(authority, secure).unwrap_or_default();
        let declared = self
            .named
            .iter()
            .any(|(_, base)| base.secure == secure && base.authority == known);
        match secure && declared {
            true => self.by_url("http", &known, path),
            false => self.by_url(scheme, authority, path),
        }
    }
}

/// `/debian/x` as `debian` and `/x`.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.find('/').map_or((path, ""), |at| path.split_at(at))
}

/// `mirror.example`, `mirror.example:8080`, `*.example`, `*`.
fn matches(pattern: &str, authority: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(end) => authority.len() > end.len() && authority.ends_with(end),
        None => pattern == authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn upstreams() -> Upstreams {
        let declared = Cache {
            upstreams: vec![
                ("debian".into(), "http://mirror.example/debian/".into()),
                ("vendor".into(), "https://vendor.example:8443/apt".into()),
            ],
            hosts: vec!["*.other.example".into(), "10.0.0.7:8080".into()],
            ..Cache::default()
        };
        let host = [
            ("debian", "http://elsewhere.example/debian"),
            ("debian-security", "http://security.example/debian-security"),
        ];
        Upstreams::new(&declared, host)
    }

    #[test]
    fn what_is_declared_outweighs_what_the_host_uses() {
        let listed: Vec<_> = upstreams().list().map(|(name, url)| format!("{name} {url}")).collect();
        assert_eq!(
            listed,
            [
                "debian http://mirror.example/debian",
                "vendor https://vendor.example:8443/apt",
                "debian-security http://security.example/debian-security"
            ]
        );
    }

    #[test]
    fn all_spellings_of_a_file_have_one_key() {
        let upstreams = upstreams();
        let key = "http://mirror.example/debian/pool/g++.deb";
        for (found, url) in [
            (upstreams.by_name("/debian/pool/g++.deb").unwrap(), key),
            (
                upstreams.by_name("/debian/pool/g%2b%2b.deb").unwrap(),
                "http://mirror.example/debian/pool/g%2b%2b.deb",
            ),
            (
                upstreams.by_url("http", "MIRROR.example:80", "/debian/pool/g++.deb"),
                key,
            ),
            (upstreams.by_path("/mirror.example/debian/pool/g++.deb"), key),
            (upstreams.by_text("debian/pool/g++.deb"), key),
            (upstreams.by_text("http://mirror.example/debian/pool/g++.deb"), key),
        ] {
            let found = found.unwrap();
            assert_eq!((found.key.as_str(), found.url.as_str()), (key, url));
            assert_eq!(found.kind, Kind::Immutable);
        }
    }

    #[test]
    fn an_upstream_is_asked_with_the_scheme_that_it_is_declared_with() {
        let upstreams = upstreams();
        let url = "https://vendor.example:8443/apt/dists/x/InRelease";
        for found in [
            upstreams.by_url("http", "vendor.example:8443", "/apt/dists/x/InRelease"),
            upstreams.by_text(url),
            upstreams.by_text("/vendor/dists/x/InRelease"),
        ] {
            assert_eq!(found.unwrap().url, url);
        }
    }

    #[test]
    fn the_cache_is_no_open_proxy() {
        let upstreams = upstreams();
        let host = |name: &str| Err(Refusal::Host(name.into()));
        assert_eq!(
            upstreams.by_url("http", "evil.example", "/pool/x.deb"),
            host("evil.example")
        );
        assert_eq!(upstreams.by_url("http", "10.0.0.7", "/pool/x.deb"), host("10.0.0.7"));
        assert_eq!(
            upstreams.by_url("http", "10.0.0.7:22", "/pool/x.deb"),
            host("10.0.0.7:22")
        );
        assert_eq!(
            upstreams.by_url("http", "user:pw@mirror.example", "/debian/x"),
            host("user:pw@mirror.example")
        );
        assert_eq!(
            upstreams.by_url("http", "other.example", "/pool/x.deb"),
            host("other.example")
        );
        assert_eq!(
            upstreams.by_url("http", "a.other.example", "/index.html"),
            Err(Refusal::NoRepository("/index.html".into()))
        );
        assert_eq!(
            upstreams.by_url("http", "mirror.example", "/debian/../admin"),
            Err(Refusal::Path(BadPath::Climbs))
        );
        assert_eq!(
            upstreams.by_url("http", "mirror.example", "/debianx/admin"),
            Err(Refusal::NoRepository("/debianx/admin".into()))
        );
        assert_eq!(
            upstreams.by_url("ftp", "mirror.example", "/debian/x"),
            Err(Refusal::Scheme)
        );
        assert_eq!(upstreams.by_path("/nothing/x"), Err(Refusal::Name("nothing".into())));
        assert!(upstreams.by_url("http", "a.other.example", "/pool/x.deb").is_ok());
        assert!(upstreams.by_url("http", "10.0.0.7:8080", "/r/pool/x.deb").is_ok());
        assert_eq!(upstreams.by_name("/boot/script"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_declared_target_or_a_refusal(text in "(http://|https://|/)?(debian|mirror\\.example|vendor|\\PC{1,6}|[:/@*%.]){0,8}") {
            if let Ok(found) = upstreams().by_text(&text) {
                let hosts = ["http://mirror.example/", "https://vendor.example:8443/", "http://security.example/", ".other.example", "http://10.0.0.7:8080/"];
                prop_assert!(hosts.iter().any(|host| found.url.contains(host)), "{}", found.url);
            }
        }
    }
}
