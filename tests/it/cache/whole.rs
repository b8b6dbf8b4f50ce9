//! Full disks and sudden ends: what is stored is whole, or is not stored.

use std::io::Write as _;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use super::cluster;
use crate::support::disk::Disk;
use crate::support::segment::Segment;
use crate::support::server::Served;
use crate::support::upstream::{Asking, Cached, Hostile, ask, deb, head, well};

#[test]
fn on_a_full_disk_clients_get_their_files_all_the_same() {
    let size = 3_000_000;
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let upstream = Hostile::start(move |request, stream| {
        let content = deb(size);
        if request.header("range").is_some() || !request.path.ends_with("index") {
            return well(request, stream, &content, "\"a\"");
        }
        // Nobody knows how long it is: the disk is full in the middle of it.
        head(stream, "200 OK", &[("Transfer-Encoding", "chunked"), ("ETag", "\"a\"")]);
        for (number, piece) in content.chunks(100_000).enumerate() {
            if number == 3 {
                wait.lock().unwrap().recv_timeout(Duration::from_millis(500)).ok();
            }
            write!(stream, "{:x}\r\n", piece.len()).ok();
            stream.write_all(piece).ok();
            stream.write_all(b"\r\n").ok();
        }
        stream.write_all(b"0\r\n\r\n").ok();
    });
    let disk = Disk::of("1m");
    let root = tempfile::tempdir_in(disk.path()).unwrap();
    let cached = Cached::in_folder(root, upstream.address, |_| {});
    let known = cached.get_settled("/r/pool/a.deb");
    assert!(known.whole && known.body == deb(size));
    assert_eq!(known.how(), "PASS");
    let mut clients: Vec<_> = (0..3)
        .map(|_| Asking::begin(cached.proxy, "GET", "/r/index", &[]))
        .collect();
    for client in &mut clients {
        client.until(200_000);
    }
    go.send(()).unwrap();
    for mut client in clients {
        client.rest();
        let answer = client.answer();
        assert!(
            answer.whole && answer.body == deb(size),
            "{} of {size}",
            answer.body.len()
        );
    }
    let small = cached.get_settled("/r/pool/b.deb");
    assert!(small.whole);
    assert_eq!(cached.cache.list("").len(), 0);
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_download_begins_it_anew() {
    let size = 5_000_000;
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let times = std::sync::atomic::AtomicUsize::new(0);
    let upstream = Hostile::start(move |request, stream| {
        let halt = request.path.ends_with("b.deb") && times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        if !halt {
            return well(request, stream, &deb(size), "\"a\"");
        }
        head(
            stream,
            "200 OK",
            &[("Content-Length", &size.to_string()), ("ETag", "\"a\"")],
        );
        stream.write_all(&deb(size)[..size / 2]).ok();
        wait.lock().unwrap().recv_timeout(Duration::from_secs(30)).ok();
    });
    let (text, _, door) = cluster(&format!("http://{}/r", upstream.address));
    let segment = Segment::host();
    let served = Served::start(&segment, &text);
    assert!(ask(door, "GET", "/r/pool/a.deb", &[]).whole);
    // The answer may be whole a moment before the file is stored.
    served.until("the first file is stored", || {
        served.json(&["cache", "status"])["files"] == 1
    });
    let mut client = Asking::begin(door, "GET", "/r/pool/b.deb", &[]);
    client.until(size / 2);
    let folder = served.kill();
    client.rest();
    assert!(!client.answer().whole);
    go.send(()).ok();
    let drafts = folder.path().join("cache/packages/drafts");
    assert_eq!(std::fs::read_dir(&drafts).unwrap().count(), 1);
    let served = Served::start_in(&segment, folder);
    assert_eq!(
        std::fs::read_dir(served.folder().join("cache/packages/drafts"))
            .unwrap()
            .count(),
        0
    );
    for (name, how) in [("a", "HIT"), ("b", "MISS")] {
        let answer = ask(door, "GET", &format!("/r/pool/{name}.deb"), &[]);
        assert!(answer.whole && answer.body == deb(size));
        assert_eq!(answer.how(), how, "{name}");
    }
    assert_eq!(upstream.seen("a.deb").len(), 1);
}

#[test]
fn an_operator_sees_fills_and_empties_the_cache() {
    let upstream = Hostile::start(|request, stream| {
        if request.path.ends_with("none.deb") {
            return head(stream, "404 Not Found", &[("Content-Length", "0")]);
        }
        let index = "Package: htop\nFilename: pool/h/htop.deb\nSize: 1000\nDepends: libc6 (>= 2.36)\n\nPackage: \
                     libc6\nFilename: pool/g/libc6.deb\nSize: 1000\n\nPackage: vim\nFilename: pool/v/vim.deb\n";
        match request.path.as_str() {
            "/r/dists/x/main/binary-amd64/Packages" => well(request, stream, index.as_bytes(), "\"i\""),
            path if path.ends_with(".deb") => well(request, stream, &deb(1000), "\"d\""),
            _ => head(stream, "404 Not Found", &[("Content-Length", "0")]),
        }
    });
    let (text, _, door) = cluster(&format!("http://{}/r", upstream.address));
    let segment = Segment::host();
    let served = Served::start(&segment, &text);
    let names = |prefix: &str| -> Vec<String> {
        let files = served.json(&["cache", "list", prefix]);
        let url = |file: &serde_json::Value| file["url"].as_str().unwrap().rsplit('/').next().unwrap().to_string();
        files.as_array().unwrap().iter().map(url).collect()
    };
    let warm = [
        "cache",
        "warm",
        "--upstream",
        "r",
        "--suite",
        "x",
        "--architecture",
        "amd64",
    ];
    let said = served.text(&[&warm[..], &["--depends", "htop"]].concat());
    assert!(
        said.contains("fetched  r/pool/h/htop.deb") && said.contains("2 files"),
        "{said}"
    );
    assert_eq!(names("r/pool/"), ["libc6.deb", "htop.deb"]);
    let said = served.text(&[&warm[..], &["r/pool/v/", "r/pool/h/htop.deb"]].concat());
    assert!(
        said.contains("there     r/pool/h/htop.deb") || said.contains("there    r/pool/h/htop.deb"),
        "{said}"
    );
    assert_eq!(names("r/pool/v/"), ["vim.deb"]);
    let failed = served.cli(&[&warm[..], &["nothing", "r/pool/none.deb", "evil.example/pool/x.deb"]].concat());
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stdout).into_owned();
    assert!(
        said.contains("nothing: no index") && said.contains("404") && said.contains("evil.example"),
        "{said}"
    );
    assert_eq!(ask(door, "GET", "/r/pool/h/htop.deb", &[]).how(), "HIT");
    let status = served.json(&["cache", "status"]);
    assert_eq!(
        (&status["files"], &status["upstreams"][0]["name"]),
        (&4.into(), &"r".into())
    );
    assert_eq!(status["counters"]["hits"], 1);
    assert!(served.text(&["cache", "status"]).contains("4 files"));
    assert_eq!(served.json(&["cache", "purge", "--unused", "1", "r"])["files"], 0);
    assert_eq!(served.json(&["cache", "purge", "r/pool/h/"])["files"], 1);
    assert_eq!(served.cli(&["cache", "purge", "/"]).status.code(), Some(2));
    assert_eq!(served.json(&["cache", "purge", "--all"])["files"], 3);
    assert_eq!(names(""), Vec::<String>::new());
    // Upstream goes away: seen in the journal and in the status.
    upstream.set_gone(true);
    assert_eq!(ask(door, "GET", "/r/pool/h/htop.deb", &[]).status, 502);
    served.until("the trouble is in the journal", || {
        served.events("cache.trouble").len() == 1
    });
    assert_eq!(
        served.json(&["cache", "status"])["troubles"].as_array().unwrap().len(),
        1
    );
    let metrics = served.text(&["events", "--kind", "cache"]);
    assert!(metrics.contains("package cache:"), "{metrics}");
}
