//! Many who look at one console, and one who does not read.

use std::io::Write as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::cluster;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const WATCHERS: usize = 500;
const LINES: usize = 2000;

/// Somebody who looks at `n1` through conman's door.
async fn look() -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect("10.77.0.1:7890").await.unwrap();
    stream
        .write_all(b"HELLO USER='w'\nMONITOR CONSOLE='n1'\n")
        .await
        .unwrap();
    let mut stream = BufReader::new(stream);
    for wanted in ["OK\n", "OK OPTION=RESET CONSOLE='n1'\n"] {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line, wanted);
    }
    stream
}

/// Reads until the last line; each is there once, in its order.
async fn read_all(mut stream: BufReader<TcpStream>) {
    let mut next = 0;
    while next < LINES {
        let mut line = String::new();
        assert!(
            stream.read_line(&mut line).await.unwrap() > 0,
            "it was closed at {next}"
        );
        if let Some(number) = line.strip_prefix("line ") {
            assert_eq!(number.split_whitespace().next().unwrap().parse(), Ok(next), "{line}");
            next += 1;
        }
    }
}

/// A server whose face of conman is open, a host to watch from, and the serial port of the machine that is watched.
fn watched_machine(segment: &Segment) -> (Served, Station, UnixStream) {
    let station = segment.plug("52:54:00:00:02:01");
    station.succeed(&["ip", "addr", "add", "10.77.0.2/24", "dev", "eth0"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serial");
    let serial = UnixListener::bind(&path).unwrap();
    let nodes = format!(
        "  n1: {{ mac: 52:54:00:00:00:01, console_via: 'unix:{}' }}\n",
        path.display()
    );
    let server = Served::start(segment, &cluster("  conman: { listen: 10.77.0.1 }\n", &nodes));
    let (machine, _) = serial.accept().unwrap();
    server.until("the face is open", || {
        station.within(|| std::net::TcpStream::connect("10.77.0.1:7890").is_ok())
    });
    (server, station, machine)
}

#[test]
fn five_hundred_miss_nothing_and_one_who_does_not_read_delays_nobody() {
    let segment = Segment::new("10.77.0.1/24");
    let (server, station, mut machine) = watched_machine(&segment);
    let watched = || {
        server.json(&["console", "list"])["consoles"][0]["watchers"]
            .as_array()
            .unwrap()
            .len()
    };
    let (all_there, begin) = mpsc::channel();
    let there = Arc::new(AtomicUsize::new(0));
    let counted = there.clone();
    std::thread::scope(|scope| {
        let clients = scope.spawn(|| {
            station.within(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async move {
                    // Never read again.
                    let stuck = look().await;
                    let mut watchers = tokio::task::JoinSet::new();
                    for _ in 0..WATCHERS {
                        let stream = look().await;
                        counted.fetch_add(1, Ordering::SeqCst);
                        watchers.spawn(read_all(stream));
                    }
                    all_there.send(()).unwrap();
                    while let Some(ended) = watchers.join_next().await {
                        ended.unwrap();
                    }
                    stuck
                })
            })
        });
        begin.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        assert_eq!((there.load(Ordering::SeqCst), watched()), (WATCHERS, WATCHERS + 1));
        for n in 0..LINES {
            // A serial line of 115,200 Bd says about two hundred such lines in a second.
            machine
                .write_all(format!("line {n} the quick brown fox jumps over the lazy dog\r\n").as_bytes())
                .unwrap();
            std::thread::park_timeout(std::time::Duration::from_millis(2));
        }
        drop(clients.join().unwrap());
    });
    server.until("they have gone", || watched() == 0);
}

#[test]
fn one_who_read_too_slowly_is_told_what_he_missed() {
    let segment = Segment::new("10.77.0.1/24");
    let (server, station, mut machine) = watched_machine(&segment);
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap()
            .to_string();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    station.within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut slow = look().await;
            let before = resident();
            let piece = [b'x'; 65536];
            for _ in 0..1024 {
                machine.write_all(&piece).unwrap();
            }
            // 64 MiB went by; nobody kept them for him.
            assert!(resident() < before + 48 * 1024, "{before} kB, then {} kB", resident());
            let mut read = 0;
            let mut buffer = vec![0; 65536];
            let mut all = Vec::new();
            while !all.windows(8).any(|window| window == b"left out") {
                machine.write_all(b"\r\nmore\r\n").unwrap();
                let length = slow.read(&mut buffer).await.unwrap();
                read += length;
                all = [&all[all.len().saturating_sub(16)..], &buffer[..length]].concat();
            }
            assert!(read < 32 << 20, "{read}");
        });
    });
}
