//! What HTTP says about caches and proxies, and what apt needs beyond it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::Digest as _;

use crate::support::upstream::{Cached, Hostile, ask, deb, head, well};

/// Contents by path.
type Files = Mutex<HashMap<String, Vec<u8>>>;

/// An upstream with files that the test exchanges; their tags are their digests.
fn shelf() -> (Hostile, Arc<Files>) {
    let files = Arc::new(Files::default());
    let served = files.clone();
    let upstream = Hostile::start(move |request, stream| {
        let content = served.lock().unwrap().get(request.path.as_str()).cloned();
        match content {
            Some(content) => well(request, stream, &content, &format!("\"{}\"", sha256(&content))),
            None => head(stream, "404 Not Found", &[("Content-Length", "0")]),
        }
    });
    (upstream, files)
}

fn sha256(content: &[u8]) -> String {
    sha2::Sha256::digest(content)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn put(files: &Files, path: &str, content: &[u8]) {
    files.lock().unwrap().insert(path.to_string(), content.to_vec());
}

fn release(by_hash: bool, packages: &[u8]) -> Vec<u8> {
    let by_hash = if by_hash { "yes" } else { "no" };
    let digest = sha256(packages);
    let length = packages.len();
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\n\nSuite: x\nAcquire-By-Hash: {by_hash}\nSHA256:\n {digest} {length} \
         main/binary-amd64/Packages\n"
    )
    .into_bytes()
}

const IN_RELEASE: &str = "/r/dists/x/InRelease";
const PACKAGES: &str = "/r/dists/x/main/binary-amd64/Packages";

#[test]
fn all_ways_to_a_file_lead_to_the_same_stored_one() {
    let (upstream, files) = shelf();
    put(&files, "/r/pool/g++.deb", &deb(300_000));
    let cached = Cached::before(upstream.address);
    let at = upstream.address;
    let absolute = format!("http://{at}/r/pool/g++.deb");
    let quoted = format!("http://{at}/r/pool/g%2b%2b.deb");
    let by_host = format!("/{at}/r/pool/g++.deb");
    for (door, path) in [
        (cached.proxy, "/r/pool/g++.deb"),
        (cached.proxy, absolute.as_str()),
        (cached.proxy, quoted.as_str()),
        (cached.proxy, by_host.as_str()),
        (cached.door, "/r/pool/g++.deb"),
    ] {
        let answer = ask(door, "GET", path, &[]);
        assert!(
            answer.status == 200 && answer.body == deb(300_000),
            "{path}: {}",
            answer.text()
        );
    }
    assert_eq!(upstream.seen("").len(), 1);
    assert_eq!(
        ask(cached.door, "GET", "/boot/script", &[]).text(),
        "a node's own answer"
    );
}

#[test]
fn the_proxy_is_open_to_nobody() {
    let (upstream, files) = shelf();
    put(&files, "/admin", b"secret");
    let cached = Cached::before(upstream.address);
    let at = upstream.address;
    for (method, path, status) in [
        ("GET", format!("http://{at}/admin"), 403),
        ("GET", format!("http://{at}/r/../admin"), 400),
        ("GET", format!("http://{at}/r/%2e%2e/admin"), 400),
        ("GET", "http://127.0.0.1:1/pool/a.deb".to_string(), 403),
        ("GET", "/localhost.example/pool/a.deb".to_string(), 403),
        ("GET", "/nothing/pool/a.deb".to_string(), 404),
        ("GET", format!("https://{at}/r/pool/a.deb"), 400),
        ("POST", "/r/pool/a.deb".to_string(), 405),
        ("PUT", format!("http://{at}/r/pool/a.deb"), 405),
        ("CONNECT", format!("{at}"), 405),
        ("GET", "/r/pool/%00.deb".to_string(), 400),
    ] {
        let answer = ask(cached.proxy, method, &path, &[]);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
    assert_eq!(upstream.seen("").len(), 0);
    assert!(ask(cached.proxy, "GET", "/", &[]).text().contains("Upstreams by NAME"));
}

#[test]
fn parts_conditions_and_heads_are_answered_from_what_is_stored() {
    let (upstream, files) = shelf();
    let content = deb(500_000);
    put(&files, "/r/pool/a.deb", &content);
    let cached = Cached::before(upstream.address);
    let whole = cached.get_settled("/r/pool/a.deb");
    let tag = whole.header("etag").unwrap().to_string();
    let get = |headers: &[(&str, &str)]| ask(cached.proxy, "GET", "/r/pool/a.deb", headers);
    let part = get(&[("Range", "bytes=100-199")]);
    assert_eq!(
        (part.status, part.header("content-range")),
        (206, Some("bytes 100-199/500000"))
    );
    assert!(part.body == content[100..200]);
    assert!(get(&[("Range", "bytes=-7")]).body == content[499_993..]);
    assert!(get(&[("Range", "bytes=499999-")]).body == content[499_999..]);
    let beyond = get(&[("Range", "bytes=500000-")]);
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some("bytes */500000"))
    );
    assert_eq!(get(&[("Range", "bytes=5-9"), ("If-Range", &tag)]).status, 206);
    let other = get(&[("Range", "bytes=5-9"), ("If-Range", "\"other\"")]);
    assert!(other.status == 200 && other.body == content);
    let same = get(&[("If-None-Match", &tag)]);
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(get(&[("If-None-Match", "\"other\"")]).status, 200);
    let about = ask(cached.proxy, "HEAD", "/r/pool/a.deb", &[]);
    assert_eq!(
        (about.status, about.header("content-length"), about.body.len()),
        (200, Some("500000"), 0)
    );
    assert_eq!(upstream.seen("a.deb").len(), 1);
    // What is not stored is not downloaded for its head.
    put(&files, "/r/pool/b.deb", &content);
    let about = ask(cached.proxy, "HEAD", "/r/pool/b.deb", &[]);
    assert_eq!((about.status, about.header("content-length")), (200, Some("500000")));
    assert_eq!(upstream.seen("b.deb")[0].method, "HEAD");
}

#[test]
fn packages_are_fetched_once_and_indices_asked_for_again_in_time() {
    let (upstream, files) = shelf();
    put(&files, "/r/pool/a.deb", &deb(100));
    put(&files, "/r/dists/x/Release", b"Suite: x\n");
    let cached = Cached::before(upstream.address);
    for _ in 0..3 {
        cached.get_settled("/r/pool/a.deb");
        cached.get_settled("/r/dists/x/Release");
    }
    assert_eq!((upstream.seen("a.deb").len(), upstream.seen("Release").len()), (1, 1));
    cached.declare(|policy| policy.recheck = Duration::ZERO);
    assert_eq!(cached.get_settled("/r/dists/x/Release").how(), "REVALIDATED");
    assert!(upstream.seen("Release")[1].header("if-none-match").is_some());
    put(&files, "/r/dists/x/Release", b"Suite: x\nDate: later\n");
    let changed = cached.get_settled("/r/dists/x/Release");
    assert_eq!(
        (changed.how(), changed.text().as_str()),
        ("MISS", "Suite: x\nDate: later\n")
    );
    cached.get_settled("/r/pool/a.deb");
    assert_eq!(upstream.seen("a.deb").len(), 1);
    // A client may insist, even on a package.
    ask(cached.proxy, "GET", "/r/pool/a.deb", &[("Cache-Control", "no-cache")]);
    assert_eq!(upstream.seen("a.deb").len(), 2);
}

#[test]
fn indices_belong_to_the_release_file_that_was_served() {
    let (upstream, files) = shelf();
    put(&files, IN_RELEASE, &release(true, b"old packages"));
    put(&files, PACKAGES, b"old packages");
    let folder = PACKAGES.rsplit_once('/').unwrap().0;
    put(
        &files,
        &format!("{folder}/by-hash/SHA256/{}", sha256(b"old packages")),
        b"old packages",
    );
    let cached = Cached::before(upstream.address);
    assert_eq!(cached.get_settled(IN_RELEASE).how(), "MISS");
    // A new publication comes out between the two questions of a client.
    put(&files, IN_RELEASE, &release(true, b"new packages"));
    put(&files, PACKAGES, b"new packages");
    put(
        &files,
        &format!("{folder}/by-hash/SHA256/{}", sha256(b"new packages")),
        b"new packages",
    );
    assert_eq!(
        cached.get_settled(PACKAGES).text(),
        "old packages",
        "what the release file names, from by-hash"
    );
    // The next client asks after the release file's time.
    cached.declare(|policy| policy.recheck = Duration::ZERO);
    assert!(cached.get_settled(IN_RELEASE).text().contains(&sha256(b"new packages")));
    cached.declare(|policy| policy.recheck = Duration::from_secs(3600));
    assert_eq!(cached.get_settled(PACKAGES).text(), "new packages");
    // By its digest it is the same file: no second download.
    let answer = cached.get_settled(&format!("{folder}/by-hash/SHA256/{}", sha256(b"new packages")));
    assert_eq!((answer.how(), answer.text().as_str()), ("HIT", "new packages"));
}

#[test]
fn a_newer_index_without_by_hash_makes_the_release_file_be_asked_for() {
    let (upstream, files) = shelf();
    put(&files, IN_RELEASE, &release(false, b"old packages"));
    put(&files, PACKAGES, b"new packages");
    let cached = Cached::before(upstream.address);
    cached.get_settled(IN_RELEASE);
    assert_eq!(cached.get_settled(PACKAGES).text(), "new packages");
    put(&files, IN_RELEASE, &release(false, b"new packages"));
    assert!(
        cached.get_settled(IN_RELEASE).text().contains(&sha256(b"new packages")),
        "although its time is not over"
    );
    assert_eq!(cached.get_settled(PACKAGES).how(), "HIT");
}

#[test]
fn a_release_file_and_its_signature_change_together() {
    let (upstream, files) = shelf();
    for name in ["Release", "Release.gpg"] {
        put(
            &files,
            &format!("/r/dists/x/{name}"),
            format!("-----BEGIN PGP SIGNATURE----- old {name}").as_bytes(),
        );
    }
    let cached = Cached::before(upstream.address);
    for name in ["Release", "Release.gpg"] {
        assert_eq!(cached.get_settled(&format!("/r/dists/x/{name}")).how(), "MISS");
    }
    for name in ["Release", "Release.gpg"] {
        put(
            &files,
            &format!("/r/dists/x/{name}"),
            format!("-----BEGIN PGP SIGNATURE----- new {name}").as_bytes(),
        );
    }
    cached.declare(|policy| policy.recheck = Duration::ZERO);
    assert!(cached.get_settled("/r/dists/x/Release").text().contains("new"));
    cached.declare(|policy| policy.recheck = Duration::from_secs(3600));
    assert!(
        cached.get_settled("/r/dists/x/Release.gpg").text().contains("new"),
        "although its time is not over"
    );
}

#[test]
fn offline_serves_what_is_there_and_asks_nobody() {
    let (upstream, files) = shelf();
    put(&files, "/r/pool/a.deb", &deb(100));
    put(&files, "/r/dists/x/Release", b"Suite: x\n");
    let cached = Cached::with(upstream.address, |policy| policy.recheck = Duration::ZERO);
    cached.get_settled("/r/pool/a.deb");
    cached.get_settled("/r/dists/x/Release");
    cached.declare(|policy| policy.offline = true);
    assert_eq!(cached.get_settled("/r/pool/a.deb").how(), "HIT");
    let index = cached.get_settled("/r/dists/x/Release");
    assert_eq!(index.how(), "STALE");
    assert!(index.header("warning").unwrap().starts_with("112 "));
    let missing = cached.get_settled("/r/pool/b.deb");
    assert_eq!(missing.status, 503);
    assert!(missing.text().contains("offline"), "{}", missing.text());
    assert_eq!(upstream.seen("").len(), 2);
}

#[test]
fn the_cache_keeps_to_its_size_and_what_is_larger_passes_through() {
    let (upstream, files) = shelf();
    for name in ["a", "b", "c"] {
        put(&files, &format!("/r/pool/{name}.deb"), &deb(400_000));
    }
    put(&files, "/r/pool/large.deb", &deb(2_000_000));
    let cached = Cached::with(upstream.address, |policy| policy.size = 1_000_000);
    for name in ["a", "b", "c"] {
        assert!(cached.get_settled(&format!("/r/pool/{name}.deb")).whole);
    }
    assert!(cached.cache.list("").len() < 3);
    assert!(cached.counted("evicted") >= 1);
    let large = cached.get_settled("/r/pool/large.deb");
    assert_eq!(large.how(), "PASS");
    assert!(large.whole && large.body == deb(2_000_000));
    assert_eq!(cached.get_settled("/r/pool/c.deb").how(), "HIT");
}
