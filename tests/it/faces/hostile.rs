//! Whoever means harm at a face's door: an error or a closed connection, never more.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::cluster;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

/// The doors and what each says first to somebody who says nothing.
const DOORS: [(u16, &str); 3] = [(10101, "001 2.3.27\r\npowerman> "), (7890, ""), (3109, "ok\r\n")];

/// Connections that are opened at once: more than a door lets in.
const AT_ONCE: usize = 1100;

fn stage() -> (Segment, Station, Served) {
    let segment = Segment::new("10.77.0.1/24");
    let station = segment.plug("52:54:00:00:02:01");
    station.succeed(&["ip", "addr", "add", "10.77.0.2/24", "dev", "eth0"]);
    let faces =
        "  powerman: { listen: 10.77.0.1 }\n  conman: { listen: 10.77.0.1 }\n  conserver: { listen: 10.77.0.1 }\n";
    let nodes = "  n1: { mac: 52:54:00:00:00:01, console_via: 'unix:/nonexistent' }\n";
    let server = Served::start(&segment, &cluster(faces, nodes));
    for (port, _) in DOORS {
        server.until("the faces are open", || station.within(|| connect(port).is_some()));
    }
    (segment, station, server)
}

fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect(("10.77.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    Some(stream)
}

/// Resident memory of the server in kB.
fn resident(server: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap()
        .to_string();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Somebody who means well is served at each door.
fn is_served(station: &Station) {
    for (port, asks, wanted) in [
        (10101, "nodes\r\nquit\r\n", "101 Goodbye"),
        (7890, "HELLO USER='bob'\nQUERY\n", "CONSOLE='n1'"),
        (3109, "login bob\r\nhosts\r\nexit\r\n", "goodbye"),
    ] {
        let told = station.within(|| {
            let mut stream = connect(port).unwrap();
            stream.write_all(asks.as_bytes()).unwrap();
            let mut told = String::new();
            stream.read_to_string(&mut told).unwrap();
            told
        });
        assert!(told.contains(wanted), "{port}: {told}");
    }
}

/// Octets without sense, the same each time: a linear congruential generator.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn noise_and_endless_lines_end_one_conversation_at_most() {
    let (_segment, station, server) = stage();
    let before = resident(&server);
    for (port, greeting) in DOORS {
        station.within(|| {
            for seed in 0..40 {
                let mut stream = connect(port).unwrap();
                let mut said = vec![0; greeting.len()];
                stream.read_exact(&mut said).unwrap();
                assert_eq!(String::from_utf8_lossy(&said), greeting);
                let begin: &[u8] = match (port, seed % 4) {
                    (7890, 1) => b"HELLO USER='x'\n",
                    (7890, 2) => b"HELLO USER='x'\nMONITOR CONSOLE='n1'\n",
                    (7890, 3) => b"HELLO USER='x'\nCONNECT OPTION=JOIN OPTION=REGEX CONSOLE='n.'\n",
                    (3109, 1) => b"login x\r\n",
                    (3109, 2 | 3) => b"login x\r\ncall n1\r\n",
                    _ => b"",
                };
                stream.write_all(begin).ok();
                stream.write_all(&noise(seed + 1, 20_000)).ok();
                // Half of them do not even wait for what is said about it.
                if seed % 2 == 0 {
                    stream.shutdown(std::net::Shutdown::Write).ok();
                    let mut told = Vec::new();
                    match stream.read_to_end(&mut told) {
                        Err(error) if !matches!(error.kind(), ErrorKind::ConnectionReset) => {
                            panic!("{port}: it was not ended: {error}")
                        }
                        _ => {}
                    }
                }
            }
            // A line of 16 MiB.
            let mut stream = connect(port).unwrap();
            for _ in 0..256 {
                if stream.write_all(&[b'x'; 65536]).is_err() {
                    break;
                }
            }
        });
        is_served(&station);
    }
    let after = resident(&server);
    assert!(after < before + 32 * 1024, "{before} kB before, {after} kB after");
}

#[test]
fn a_full_house_turns_away_and_has_room_again() {
    let (_segment, station, server) = stage();
    for (port, _) in DOORS {
        station.within(|| {
            let mut held: Vec<TcpStream> = Vec::new();
            let mut turned_away = 0;
            for _ in 0..AT_ONCE {
                held.extend(connect(port));
            }
            for stream in &mut held {
                stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                if matches!(stream.read(&mut [0; 64]), Ok(0)) {
                    turned_away += 1;
                }
            }
            assert_eq!(held.len(), AT_ONCE);
            assert!(turned_away >= AT_ONCE - 1024, "{port}: {turned_away}");
        });
        server.until("there is room again", || {
            station.within(|| {
                let mut stream = connect(port).unwrap();
                stream.write_all(b"HELLO USER='x'\nQUERY\n").is_ok() && matches!(stream.read(&mut [0; 64]), Ok(1..))
            })
        });
    }
    is_served(&station);
}
