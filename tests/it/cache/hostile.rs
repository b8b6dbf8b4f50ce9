//! Upstreams that lie, stall, break off and disappear.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use bellwether::cache::News;

use crate::support::upstream::{Answer, Cached, Hostile, ask, deb, head, well};

const SIZE: usize = 1_000_000;

/// Told as an error before it began, or broken off: never a part as the whole.
fn broken(answer: &Answer) {
    assert!(
        !answer.whole || answer.status >= 500,
        "a short answer was sold as a whole one: {}",
        answer.status
    );
}

#[test]
fn a_download_that_breaks_off_is_taken_up_again_where_it_stopped() {
    let content = deb(SIZE);
    let upstream = Hostile::start(move |request, stream| {
        let from = request.from();
        if from == 0 {
            head(
                stream,
                "200 OK",
                &[("Content-Length", &SIZE.to_string()), ("ETag", "\"a\"")],
            );
            stream.write_all(&content[..400_000]).ok();
        } else {
            well(request, stream, &content, "\"a\"");
        }
    });
    let cached = Cached::before(upstream.address);
    let answer = cached.get_settled("/r/pool/a.deb");
    assert!(answer.whole && answer.body == deb(SIZE));
    let asked = upstream.seen("a.deb");
    assert_eq!(asked.len(), 2);
    assert_eq!(
        (asked[1].header("range"), asked[1].header("if-range")),
        (Some("bytes=400000-"), Some("\"a\""))
    );
    assert_eq!(cached.counted("resumed"), 1);
    assert_eq!(cached.get_settled("/r/pool/a.deb").how(), "HIT");
}

#[test]
fn an_upstream_without_ranges_is_read_again_from_its_beginning() {
    let times = AtomicUsize::new(0);
    let upstream = Hostile::start(move |_, stream| {
        let content = deb(SIZE);
        let sent = if times.fetch_add(1, Ordering::Relaxed) == 0 {
            SIZE / 3
        } else {
            SIZE
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        head(
            stream,
            "200 OK",
            &[("Content-Length", &SIZE.to_string()), ("Last-Modified", date)],
        );
        stream.write_all(&content[..sent]).ok();
    });
    let cached = Cached::before(upstream.address);
    let answer = cached.get_settled("/r/dists/x/main/binary-amd64/Contents");
    assert!(answer.whole && answer.body == deb(SIZE), "{}", answer.body.len());
}

#[test]
fn two_contents_are_never_put_together() {
    let times = AtomicUsize::new(0);
    let upstream = Hostile::start(move |request, stream| match times.fetch_add(1, Ordering::Relaxed) {
        0 => {
            head(
                stream,
                "200 OK",
                &[("Content-Length", &SIZE.to_string()), ("ETag", "\"old\"")],
            );
            stream.write_all(&deb(SIZE)[..SIZE / 2]).ok();
        }
        _ => well(request, stream, &vec![0; SIZE], "\"new\""),
    });
    let cached = Cached::before(upstream.address);
    broken(&cached.get_settled("/r/dists/x/Packages"));
    let answer = cached.get_settled("/r/dists/x/Packages");
    assert!(answer.whole && answer.body == vec![0; SIZE], "the new content, whole");
}

#[test]
fn a_lie_about_the_length_breaks_the_connection_and_stores_nothing() {
    for lie in ["short", "chunked"] {
        let upstream = Hostile::start(move |_, stream| match lie {
            "short" => {
                head(stream, "200 OK", &[("Content-Length", "5000")]);
                stream.write_all(&[7; 3000]).ok();
            }
            _ => {
                head(stream, "200 OK", &[("Transfer-Encoding", "chunked")]);
                stream.write_all(b"10\r\n0123456789abcdef\r\n20\r\n01234").ok();
            }
        });
        let cached = Cached::before(upstream.address);
        broken(&cached.get_settled("/r/dists/x/Packages"));
        assert_eq!(cached.cache.list("").len(), 0, "{lie}");
        assert!(matches!(cached.next_news(), News::Trouble { .. }));
    }
}

#[test]
fn an_upstream_that_stalls_is_given_up_after_its_time() {
    let upstream = Hostile::start(|request, stream| {
        let mut end = [0];
        if request.path.ends_with("late.deb") {
            head(stream, "200 OK", &[("Content-Length", "5000")]);
            stream.write_all(&deb(3000)).ok();
        }
        // Until the cache hangs up.
        std::io::Read::read(stream, &mut end).ok();
    });
    let cached = Cached::before(upstream.address);
    broken(&cached.get_settled("/r/pool/late.deb"));
    assert!(upstream.seen("late.deb").len() > 1, "it was tried again");
    let answer = cached.get_settled("/r/pool/never.deb");
    assert_eq!(answer.status, 504, "{}", answer.text());
}

#[test]
fn refusals_of_upstream_are_told_as_they_are_and_not_kept() {
    let times = AtomicUsize::new(0);
    let upstream = Hostile::start(move |request, stream| {
        if request.path.ends_with("later.deb") && times.fetch_add(1, Ordering::Relaxed) > 0 {
            return well(request, stream, &deb(100), "\"a\"");
        }
        let status = match request.path.rsplit('/').next().unwrap() {
            "none.deb" | "later.deb" => "404 Not Found",
            "forbidden.deb" => "403 Forbidden",
            "busy.deb" => "503 Service Unavailable",
            _ => "500 Internal Server Error",
        };
        head(stream, status, &[("Content-Length", "5")]);
        stream.write_all(b"sorry").ok();
    });
    let cached = Cached::before(upstream.address);
    for (name, status) in [
        ("none", 404),
        ("forbidden", 403),
        ("busy", 503),
        ("mad", 502),
        ("later", 404),
        ("later", 200),
    ] {
        assert_eq!(
            cached.get_settled(&format!("/r/pool/{name}.deb")).status,
            status,
            "{name}"
        );
    }
    assert_eq!(cached.cache.list("").len(), 1);
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let upstream = Hostile::start(|request, stream| match request.path.as_str() {
        "/r/pool/a.deb" => head(
            stream,
            "302 Found",
            &[("Location", "/elsewhere/b"), ("Content-Length", "0")],
        ),
        "/elsewhere/b" => well(request, stream, &deb(1000), "\"a\""),
        _ => head(
            stream,
            "301 Moved",
            &[("Location", "round.deb"), ("Content-Length", "0")],
        ),
    });
    let cached = Cached::before(upstream.address);
    let answer = cached.get_settled("/r/pool/a.deb");
    assert!(answer.status == 200 && answer.body == deb(1000));
    let answer = cached.get_settled("/r/pool/round.deb");
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("without an end"), "{}", answer.text());
    assert_eq!(upstream.seen("round.deb").len(), 6);
}

#[test]
fn a_login_page_is_not_stored_as_a_package() {
    let upstream =
        Hostile::start(|request, stream| well(request, stream, b"<html>Welcome to the hotel</html>", "\"a\""));
    let cached = Cached::before(upstream.address);
    for path in [
        "/r/pool/a.deb",
        "/r/dists/x/InRelease",
        "/r/dists/x/main/binary-amd64/Packages.xz",
    ] {
        let answer = cached.get_settled(path);
        assert_eq!(answer.status, 502, "{path}");
        assert!(answer.text().contains("login page"), "{}", answer.text());
    }
    assert_eq!(cached.cache.list("").len(), 0);
}

#[test]
fn an_encoding_is_passed_on_with_the_bytes() {
    let packed = b"\x1f\x8b\x08 these are the bytes".to_vec();
    let sent = packed.clone();
    let upstream = Hostile::start(move |_, stream| {
        let length = sent.len().to_string();
        head(
            stream,
            "200 OK",
            &[
                ("Content-Length", &length),
                ("Content-Encoding", "gzip"),
                ("Content-Type", "text/plain"),
            ],
        );
        stream.write_all(&sent).ok();
    });
    let cached = Cached::before(upstream.address);
    for _ in 0..2 {
        let answer = cached.get_settled("/r/dists/x/Packages.gz");
        assert_eq!(
            (answer.header("content-encoding"), answer.header("content-type")),
            (Some("gzip"), Some("text/plain"))
        );
        assert!(answer.body == packed);
    }
    assert_eq!(
        upstream.seen("Packages.gz")[0].header("accept-encoding"),
        Some("identity")
    );
}

#[test]
fn an_answer_whose_end_nobody_could_tell_is_refused_and_a_chunked_one_is_not() {
    let upstream = Hostile::start(|request, stream| {
        if request.path.ends_with("chunked") {
            head(stream, "200 OK", &[("Transfer-Encoding", "chunked")]);
            for _ in 0..100 {
                stream.write_all(b"a\r\n0123456789\r\n").ok();
            }
            stream.write_all(b"0\r\n\r\n").ok();
        } else {
            head(stream, "200 OK", &[]);
            stream.write_all(b"perhaps all of it").ok();
        }
    });
    let cached = Cached::before(upstream.address);
    let answer = cached.get_settled("/r/open");
    assert_eq!(answer.status, 502, "{}", answer.text());
    let answer = cached.get_settled("/r/chunked");
    assert!(answer.whole && answer.body.len() == 1000, "{answer:?}");
    let answer = cached.get_settled("/r/chunked");
    assert_eq!((answer.how(), answer.header("content-length")), ("HIT", Some("1000")));
}

#[test]
fn a_file_that_is_not_what_its_digest_says_never_arrives_whole() {
    let upstream = Hostile::start(|request, stream| well(request, stream, &[7; 5000], "\"a\""));
    let cached = Cached::before(upstream.address);
    let path = format!("/r/dists/x/main/binary-amd64/by-hash/SHA256/{}", "0".repeat(64));
    broken(&cached.get_settled(&path));
    assert_eq!(cached.cache.list("").len(), 0);
    let News::Trouble { why, .. } = cached.next_news() else {
        panic!("it is told of")
    };
    assert!(why.contains("corrupted"), "{why}");
}

#[test]
fn when_upstream_is_gone_what_is_there_is_served_and_says_so() {
    let upstream = Hostile::start(|request, stream| well(request, stream, &deb(1000), "\"a\""));
    let cached = Cached::with(upstream.address, |policy| policy.recheck = std::time::Duration::ZERO);
    for path in ["/r/pool/a.deb", "/r/dists/x/Release"] {
        assert_eq!(cached.get_settled(path).how(), "MISS");
    }
    upstream.set_gone(true);
    assert_eq!(cached.get_settled("/r/pool/a.deb").how(), "HIT");
    let answer = cached.get_settled("/r/dists/x/Release");
    assert_eq!((answer.status, answer.how()), (200, "STALE"));
    assert!(answer.header("warning").unwrap().starts_with("111 "), "{answer:?}");
    assert_eq!(cached.counted("stale"), 1);
    assert_eq!(cached.get_settled("/r/pool/other.deb").status, 502);
    assert!(matches!(cached.next_news(), News::Trouble { .. }));
    upstream.set_gone(false);
    let answer = cached.get_settled("/r/dists/x/Release");
    assert_eq!((answer.how(), answer.header("warning")), ("REVALIDATED", None));
    assert!(matches!(cached.next_news(), News::Recovered { .. }));
}

#[test]
fn a_cache_that_asks_itself_notices() {
    let upstream = Hostile::start(|_, _| {});
    let cached = Cached::before(upstream.address);
    let door = cached.door;
    cached.declare(|policy| {
        let declared = model::cluster::Cache {
            upstreams: vec![("r".into(), format!("http://{door}/r"))],
            ..model::cluster::Cache::default()
        };
        policy.upstreams = model::cache::Upstreams::new(&declared, []);
    });
    let answer = ask(door, "GET", "/r/pool/a.deb", &[]);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(cached.counted("refused") >= 1);
    assert!(cached.counted("asked") < 10);
}
