//! One download for many clients.

use std::io::Write as _;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use crate::support::client::require;
use crate::support::upstream::{Asking, Cached, Hostile, deb, head, well};

const SIZE: usize = 3_000_000;

/// An upstream that sends half of a package, and the rest when it is told to.
fn halting(size: usize) -> (Hostile, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let upstream = Hostile::start(move |request, stream| {
        let content = deb(size);
        head(
            stream,
            "200 OK",
            &[("Content-Length", &size.to_string()), ("ETag", "\"a\"")],
        );
        stream.write_all(&content[..size / 2]).ok();
        if request.path.ends_with(".deb") {
            // Shorter than the time after which the cache calls it a stall.
            wait.lock().unwrap().recv_timeout(Duration::from_millis(500)).ok();
        }
        stream.write_all(&content[size / 2..]).ok();
    });
    (upstream, go)
}

#[test]
fn everybody_streams_one_download_as_it_comes() {
    let (upstream, go) = halting(SIZE);
    let cached = Cached::before(upstream.address);
    let mut clients: Vec<_> = (0..20)
        .map(|_| Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]))
        .collect();
    // Half of the content is at every client before upstream has sent the other half.
    for client in &mut clients {
        client.until(SIZE / 2);
    }
    go.send(()).unwrap();
    for mut client in clients {
        client.rest();
        let answer = client.answer();
        assert!(answer.whole && answer.body == deb(SIZE), "{}", answer.status);
    }
    assert_eq!(upstream.seen("a.deb").len(), 1);
    assert_eq!((cached.counted("misses"), cached.counted("joined")), (1, 19));
    assert_eq!(cached.counted("bytes_in"), SIZE as u64);
}

#[test]
fn twenty_curls_for_one_slow_file_are_one_request_to_upstream() {
    require("curl", "curl");
    let upstream = Hostile::start(|_, stream| {
        let content = deb(SIZE);
        head(stream, "200 OK", &[("Content-Length", &SIZE.to_string())]);
        for piece in content.chunks(SIZE / 50) {
            stream.write_all(piece).ok();
            std::thread::park_timeout(Duration::from_millis(10));
        }
    });
    let cached = Cached::before(upstream.address);
    let out = tempfile::tempdir().unwrap();
    let curls: Vec<_> = (0..20)
        .map(|number| {
            std::process::Command::new("curl")
                .args(["-sSf", "--max-time", "60", "-o"])
                .arg(out.path().join(number.to_string()))
                .args(["-x", &format!("http://{}", cached.proxy)])
                .arg(format!("http://{}/r/pool/a.deb", upstream.address))
                .spawn()
                .unwrap()
        })
        .collect();
    for mut curl in curls {
        assert!(curl.wait().unwrap().success());
    }
    for number in 0..20 {
        assert!(std::fs::read(out.path().join(number.to_string())).unwrap() == deb(SIZE));
    }
    assert_eq!(upstream.seen("a.deb").len(), 1);
}

#[test]
fn a_slow_client_keeps_nobody_waiting() {
    let size = 30_000_000;
    let upstream = Hostile::start(move |request, stream| well(request, stream, &deb(size), "\"a\""));
    let cached = Cached::before(upstream.address);
    let mut slow = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]);
    slow.until(1);
    // It does not read on; the others, and upstream, do not notice.
    let answer = cached.get("/r/pool/a.deb");
    assert!(answer.whole && answer.body.len() == size);
    slow.rest();
    let answer = slow.answer();
    assert!(answer.whole && answer.body == deb(size));
    assert_eq!(upstream.seen("a.deb").len(), 1);
}

#[test]
fn a_client_that_leaves_takes_the_download_from_nobody() {
    let (upstream, go) = halting(SIZE);
    let cached = Cached::before(upstream.address);
    let mut first = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]);
    first.until(1000);
    let mut second = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]);
    second.until(1000);
    drop(first);
    go.send(()).unwrap();
    second.rest();
    assert!(second.answer().body == deb(SIZE));
    assert_eq!(upstream.seen("a.deb").len(), 1);
}

#[test]
fn a_large_download_that_nobody_waits_for_any_more_is_given_up() {
    let size: usize = 400_000_000;
    let (told, gone) = mpsc::channel();
    let told = Mutex::new(told);
    let upstream = Hostile::start(move |_, stream| {
        head(stream, "200 OK", &[("Content-Length", &size.to_string())]);
        let mut piece = deb(1 << 20);
        let mut sent = 0;
        while sent < size {
            if stream.write_all(&piece).is_err() {
                break;
            }
            sent += piece.len();
            piece = vec![7; 1 << 20];
            std::thread::park_timeout(Duration::from_millis(2));
        }
        told.lock().unwrap().send(sent).ok();
    });
    let cached = Cached::before(upstream.address);
    let mut only = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]);
    only.until(1000);
    drop(only);
    let sent = gone.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(sent < size / 2, "{sent}");
    assert_eq!(
        cached.counted("troubles"),
        0,
        "that somebody left is no trouble of upstream's"
    );
    // A small one is ended, since it is there nearly.
    let (small, go) = halting(SIZE);
    let cached = Cached::before(small.address);
    let mut only = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]);
    only.until(1000);
    drop(only);
    go.send(()).unwrap();
    let answer = cached.get_settled("/r/pool/a.deb");
    assert!(answer.whole);
    assert_eq!(small.seen("a.deb").len(), 1);
}

#[test]
fn a_part_of_a_growing_file_is_sent_as_soon_as_it_is_there() {
    let (upstream, go) = halting(SIZE);
    let cached = Cached::before(upstream.address);
    let mut first = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[]);
    first.until(1000);
    let mut early = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[("Range", "bytes=1000-1999")]);
    early.rest();
    let early = early.answer();
    assert_eq!(
        (early.status, early.header("content-range")),
        (206, Some(format!("bytes 1000-1999/{SIZE}").as_str()))
    );
    assert!(early.body == deb(SIZE)[1000..2000]);
    let mut late = Asking::begin(cached.proxy, "GET", "/r/pool/a.deb", &[("Range", "bytes=-10")]);
    go.send(()).unwrap();
    late.rest();
    assert!(late.answer().body == deb(SIZE)[SIZE - 10..]);
    first.rest();
    assert!(first.answer().whole);
    assert_eq!(upstream.seen("a.deb").len(), 1);
}
