//! TFTP against the clients that administrators and firmware use.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bellwether::services::tftp::{Ending, Refusal, TftpLimits};
use sha2::{Digest, Sha256};
use wire::tftp::{ErrorCode, Outcome, Packet, RawRequest, Wanted, encode_ack, encode_error, netascii};

use crate::support::client::{require, run, said, succeed};
use crate::support::relay::{Faults, Relay};
use crate::support::tftp::{Server, Subject};

/// How each client fetches a file: its name for messages, the program, its package, and the command line, in which HOST, PORT,
/// REMOTE and LOCAL are filled in.
const CLIENTS: &[(&str, &str, &str, &str)] = &[
    (
        "tftp-hpa",
        "tftp",
        "tftp-hpa",
        "tftp -m binary HOST PORT -c get REMOTE LOCAL",
    ),
    ("atftp", "atftp", "atftp", "atftp --get -r REMOTE -l LOCAL HOST PORT"),
    (
        "atftp with blocks",
        "atftp",
        "atftp",
        "atftp --option|blksize 1468|--get -r REMOTE -l LOCAL HOST PORT",
    ),
    (
        "atftp with windows",
        "atftp",
        "atftp",
        "atftp --option|blksize 1468|--option|windowsize 16|--option|tsize 0|--get -r REMOTE -l LOCAL HOST PORT",
    ),
    (
        "busybox",
        "busybox",
        "busybox",
        "busybox tftp -g -b 1468 -r REMOTE -l LOCAL HOST PORT",
    ),
    (
        "busybox without options",
        "busybox",
        "busybox",
        "busybox tftp -g -r REMOTE -l LOCAL HOST PORT",
    ),
    (
        "curl",
        "curl",
        "curl",
        "curl -sS --tftp-blksize 1468 -o LOCAL tftp://HOST:PORT/REMOTE",
    ),
    (
        "curl without options",
        "curl",
        "curl",
        "curl -sS --tftp-no-options -o LOCAL tftp://HOST:PORT/REMOTE",
    ),
];

/// Splits a command line at spaces; a part between bars is one word.
fn words(line: &str, server: SocketAddr, remote: &str, local: &Path) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (index, part) in line.split('|').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    for word in &mut words {
        *word = word
            .replace("HOST", &server.ip().to_string())
            .replace("PORT", &server.port().to_string())
            .replace("REMOTE", remote)
            .replace("LOCAL", local.to_str().unwrap());
    }
    words
}

fn fetch(line: &str, server: SocketAddr, remote: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("fetched");
    let words = words(line, server, remote, &local);
    let output = succeed(&words.iter().map(String::as_str).collect::<Vec<_>>());
    std::fs::read(&local).unwrap_or_else(|error| panic!("{words:?} left no file ({error}): {}", said(&output)))
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64 ^ length as u64;
    let byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(byte).take(length).collect()
}

fn assert_same(got: &[u8], expected: &[u8], context: &str) {
    let digest = |bytes: &[u8]| Sha256::digest(bytes);
    assert!(
        got.len() == expected.len() && digest(got) == digest(expected),
        "{context}: {} of {} bytes",
        got.len(),
        expected.len()
    );
}

fn require_clients() {
    for (_, program, package, _) in CLIENTS {
        require(program, package);
    }
    let curl = said(&succeed(&["curl", "-V"]));
    assert!(
        curl.contains(" tftp"),
        "this curl was built without TFTP: apt-get install curl"
    );
    let busybox = said(&succeed(&["busybox", "--list"]));
    assert!(
        busybox.lines().any(|applet| applet == "tftp"),
        "this busybox has no tftp: apt-get install busybox-static"
    );
}

#[test]
fn every_client_gets_every_file_whole() {
    require_clients();
    let subject = Subject::new();
    // A loader's size, one that ends on a full block of either size, one block, less than a block.
    for length in [851_456, 1468 * 512, 512, 7] {
        let file = noise(length);
        let name = format!("bwt-{length}.bin");
        std::fs::write(subject.root().join(&name), &file).unwrap();
        for (client, _, _, line) in CLIENTS {
            let got = fetch(line, subject.address(), &name);
            assert_same(&got, &file, &format!("{client}, {length} bytes"));
            if let Subject::Ours(server) = &subject {
                let done = server.next_finished();
                let complete =
                    matches!(done.ending, Ending::Transfer(Outcome::Complete { bytes, .. }) if bytes == length as u64);
                assert!(complete, "{client}: {done:?}");
                assert_eq!(
                    (done.path.as_str(), done.bytes, done.total),
                    (name.as_str(), length as u64, length as u64)
                );
            }
        }
    }
}

#[test]
fn generated_file_is_served_from_memory() {
    require_clients();
    let server = Server::start();
    let file = noise(100_000);
    std::fs::write(server.root.path().join("script"), &file).unwrap();
    for (client, _, _, line) in CLIENTS {
        assert_same(&fetch(line, server.address, "memory/script"), &file, client);
    }
}

#[test]
fn file_of_more_than_65535_blocks_arrives_whole() {
    require_clients();
    let subject = Subject::new();
    let file = noise(66_000 * 512 + 100);
    std::fs::write(subject.root().join("bwt-large.bin"), &file).unwrap();
    for line in [
        CLIENTS[0].3,
        "atftp --option|windowsize 16|--get -r REMOTE -l LOCAL HOST PORT",
    ] {
        assert_same(&fetch(line, subject.address(), "bwt-large.bin"), &file, line);
    }
}

#[test]
fn text_arrives_as_text() {
    require_clients();
    let subject = Subject::new();
    let text: Vec<u8> = (0..9000)
        .flat_map(|line| format!("line {line}\n{}", if line % 7 == 0 { "\rx\n" } else { "" }).into_bytes())
        .collect();
    let mut travelling = Vec::new();
    netascii::encode(&text, &mut travelling);
    std::fs::write(subject.root().join("bwt-text.txt"), &text).unwrap();
    // tftp-hpa turns the text back into what it was; curl hands out what came.
    let back = fetch(
        "tftp -m ascii HOST PORT -c get REMOTE LOCAL",
        subject.address(),
        "bwt-text.txt",
    );
    assert_same(&back, &text, "tftp-hpa");
    let line = "curl -sS --use-ascii -o LOCAL tftp://HOST:PORT/REMOTE";
    assert_same(&fetch(line, subject.address(), "bwt-text.txt"), &travelling, "curl");
}

#[test]
fn missing_file_and_climbing_path_are_errors_for_the_client() {
    require_clients();
    let subject = Subject::new();
    std::fs::write(subject.root().join("bwt-present"), b"x").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for remote in ["bwt-absent", "../../../../../../etc/hostname"] {
        let local = folder.path().join("fetched");
        let words = words(
            "curl -sS --path-as-is -o LOCAL tftp://HOST:PORT/REMOTE",
            subject.address(),
            remote,
            &local,
        );
        let output = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!output.status.success(), "{remote} was served");
    }
    if let Subject::Ours(server) = &subject {
        assert_eq!(server.next_finished().ending, Ending::Refused(Refusal::NotFound));
        let climbed = server.next_finished();
        assert!(
            matches!(
                climbed.ending,
                Ending::Refused(Refusal::Request(ErrorCode::ACCESS_VIOLATION, _))
            ),
            "{climbed:?}"
        );
        assert_eq!(server.counters.refused.load(Relaxed), 2);
    }
}

#[test]
fn nothing_can_be_written() {
    require_clients();
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("upload");
    std::fs::write(&local, b"mine").unwrap();
    let words = words(
        "atftp --put -l LOCAL -r REMOTE HOST PORT",
        server.address,
        "planted",
        &local,
    );
    let output = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = server.next_finished();
    assert!(
        matches!(
            refused.ending,
            Ending::Refused(Refusal::Request(ErrorCode::ACCESS_VIOLATION, _))
        ),
        "{refused:?} {output:?}"
    );
    assert!(!server.root.path().join("planted").exists());
}

#[test]
fn lossy_doubling_and_reordering_network_delivers_to_every_client() {
    require_clients();
    let subject = Subject::new();
    let file = noise(400_000);
    std::fs::write(subject.root().join("bwt-lossy.bin"), &file).unwrap();
    let relay = Relay::start(
        subject.address(),
        Faults {
            lost: 5,
            doubled: 5,
            overtaken: 5,
        },
    );
    for (client, _, _, line) in CLIENTS {
        assert_same(&fetch(line, relay.address, "bwt-lossy.bin"), &file, client);
        if let Subject::Ours(server) = &subject {
            let done = server.next_finished();
            // Some clients leave with the last block and do not wait whether their last ACK arrives.
            let outcome = &done.ending;
            let fine = matches!(
                outcome,
                Ending::Transfer(
                    Outcome::Complete { .. }
                        | Outcome::TimedOut {
                            last_block_sent: true,
                            ..
                        }
                )
            );
            assert!(fine, "{client}: {done:?}");
            let sent = server.counters.bytes.swap(0, Relaxed);
            assert!(sent * 2 < 400_000 * 3, "{client}: {sent} bytes for 400000");
            eprintln!("{client}: {:?}, {} blocks again", done.duration, done.retransmitted);
        }
    }
}

// A client of a few lines, for what no program does on demand

fn ask(path: &str, wanted: Wanted) -> Vec<u8> {
    Packet::Read(RawRequest {
        path: path.as_bytes(),
        mode: b"octet",
        wanted,
    })
    .encode()
}

fn client(server: SocketAddr) -> UdpSocket {
    let any: IpAddr = if server.is_ipv6() {
        "::".parse().unwrap()
    } else {
        "0.0.0.0".parse().unwrap()
    };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

/// Fetches as firmware does: one packet after the other, with the options that are granted.
fn fetch_raw(socket: &UdpSocket, server: SocketAddr, path: &str, wanted: Wanted) -> Vec<u8> {
    socket.send_to(&ask(path, wanted), server).unwrap();
    let (mut file, mut buffer, mut expected) = (Vec::new(), vec![0; 70_000], 1u16);
    let (mut block_size, mut window, mut unacked) = (512, 1, 0);
    loop {
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(
            from.ip(),
            server.ip(),
            "the answer comes from the address that was asked"
        );
        assert_ne!(from.port(), server.port(), "a transfer has a port of its own");
        match Packet::parse(&buffer[..length]).unwrap() {
            Packet::OptionAck(granted) => {
                block_size = usize::from(granted.block_size.unwrap_or(512));
                window = granted.window.unwrap_or(1);
                socket.send_to(&encode_ack(0), from).unwrap();
            }
            Packet::Data { block, payload } if block == expected => {
                file.extend_from_slice(payload);
                expected = expected.wrapping_add(1);
                unacked += 1;
                let last = payload.len() < block_size;
                if last || unacked == window {
                    unacked = 0;
                    socket.send_to(&encode_ack(block), from).unwrap();
                }
                if last {
                    return file;
                }
            }
            Packet::Data { .. } => {
                unacked = 0;
                socket.send_to(&encode_ack(expected.wrapping_sub(1)), from).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
}

const EDK2: Wanted = Wanted {
    block_size: Some(1468),
    size: None,
    timeout: None,
    window: Some(4),
};

#[test]
fn firmware_that_probes_the_size_and_comes_back_on_the_same_port_is_served() {
    let server = Server::start();
    let file = noise(174_080);
    std::fs::write(server.root.path().join("snponly.efi"), &file).unwrap();
    let socket = client(server.address);
    let probe = Wanted { size: Some(0), ..EDK2 };
    socket.send_to(&ask("snponly.efi", probe), server.address).unwrap();
    let mut buffer = [0; 2000];
    let (length, transfer) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(
        Packet::parse(&buffer[..length]),
        Ok(Packet::OptionAck(Wanted {
            size: Some(174_080),
            ..EDK2
        }))
    );
    socket
        .send_to(
            &encode_error(ErrorCode::OPTIONS_REJECTED, "User aborted the transfer"),
            transfer,
        )
        .unwrap();
    assert_same(
        &fetch_raw(&socket, server.address, "snponly.efi", EDK2),
        &file,
        "after the probe",
    );
    assert_eq!(server.next_finished().ending, Ending::Transfer(Outcome::Probed));
    assert!(matches!(
        server.next_finished().ending,
        Ending::Transfer(Outcome::Complete { retransmitted: 0, .. })
    ));
    assert_eq!(
        (
            server.counters.probed.load(Relaxed),
            server.counters.complete.load(Relaxed)
        ),
        (1, 1)
    );
    assert_eq!(server.counters.requests.load(Relaxed), 2);
}

#[test]
fn answer_leaves_from_the_address_that_was_asked() {
    let any = Server::start_with("0.0.0.0:0", TftpLimits::default());
    std::fs::write(any.root.path().join("a"), b"hello").unwrap();
    for address in ["127.0.0.1", "127.0.0.2", "127.99.0.1"] {
        let server = SocketAddr::new(address.parse().unwrap(), any.address.port());
        assert_eq!(fetch_raw(&client(server), server, "a", EDK2), b"hello");
        assert_eq!(any.next_finished().local.to_string(), address);
    }
    // An error too.
    let server = SocketAddr::new("127.0.0.3".parse().unwrap(), any.address.port());
    let socket = client(server);
    for request in [ask("../a", EDK2), ask("absent", EDK2)] {
        socket.send_to(&request, server).unwrap();
        let mut buffer = [0; 600];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from.ip(), server.ip());
        assert!(matches!(Packet::parse(&buffer[..length]), Ok(Packet::Error { .. })));
    }
}

#[test]
fn machines_with_ipv6_are_served() {
    let server = Server::start_with("[::1]:0", TftpLimits::default());
    let file = noise(50_000);
    std::fs::write(server.root.path().join("a"), &file).unwrap();
    assert_same(
        &fetch_raw(&client(server.address), server.address, "a", EDK2),
        &file,
        "IPv6",
    );
}

#[test]
fn client_with_too_many_transfers_gets_no_answer_but_others_do() {
    let limits = TftpLimits {
        per_client: 2,
        ..TftpLimits::default()
    };
    let server = Server::start_with("127.0.0.1:0", limits);
    std::fs::write(server.root.path().join("a"), noise(5000)).unwrap();
    let sockets: Vec<UdpSocket> = (0..3).map(|_| client(server.address)).collect();
    let mut buffer = [0; 2000];
    for socket in &sockets[..2] {
        socket.send_to(&ask("a", EDK2), server.address).unwrap();
        socket.recv_from(&mut buffer).unwrap();
    }
    sockets[2].send_to(&ask("a", EDK2), server.address).unwrap();
    // Datagrams are taken in order: once the other's answer is here, the third request was judged.
    let other = UdpSocket::bind("127.0.0.2:0").unwrap();
    other.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(fetch_raw(&other, server.address, "a", EDK2).len(), 5000);
    sockets[2].set_nonblocking(true).unwrap();
    assert!(sockets[2].recv_from(&mut buffer).is_err());
    assert_eq!(server.counters.turned_away.load(Relaxed), 1);
    assert_eq!(server.next_finished().client, other.local_addr().unwrap());
    assert_eq!(server.counters.active.load(Relaxed), 2);
}

#[test]
fn two_hundred_machines_are_served_together() {
    let server = Server::start();
    let file = noise(1 << 20);
    std::fs::write(server.root.path().join("loader"), &file).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for machine in 0..200u8 {
            let (file, address) = (&file, server.address);
            scope.spawn(move || {
                let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 1, machine], 0))).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                // Compared directly: a digest without optimisation takes longer than the transfer.
                assert!(
                    fetch_raw(&socket, address, "loader", EDK2) == *file,
                    "machine {machine} got something else"
                );
            });
        }
    });
    let done: Vec<_> = (0..200).map(|_| server.next_finished()).collect();
    assert!(
        done.iter()
            .all(|done| matches!(done.ending, Ending::Transfer(Outcome::Complete { .. })))
    );
    eprintln!("200 MiB in {:?}", begun.elapsed());
}

#[test]
fn running_transfer_is_told_when_the_server_stops() {
    let limits = TftpLimits {
        grace: Duration::from_millis(1),
        ..TftpLimits::default()
    };
    let mut server = Server::start_with("127.0.0.1:0", limits);
    std::fs::write(server.root.path().join("a"), noise(5000)).unwrap();
    let socket = client(server.address);
    socket.send_to(&ask("a", EDK2), server.address).unwrap();
    let mut buffer = [0; 2000];
    socket.recv_from(&mut buffer).unwrap();
    server.stop();
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    assert!(matches!(Packet::parse(&buffer[..length]), Ok(Packet::Error { .. })));
    assert!(matches!(
        server.next_finished().ending,
        Ending::Transfer(Outcome::Failed { .. })
    ));
}

#[test]
fn noise_at_the_port_is_counted_and_not_answered() {
    let server = Server::start();
    std::fs::write(server.root.path().join("a"), b"x").unwrap();
    let socket = client(server.address);
    for datagram in [
        &b""[..],
        b"\0",
        &encode_ack(7),
        b"\0\x03\0\x01data",
        &encode_error(ErrorCode(0), "no"),
        &noise(1400),
    ] {
        socket.send_to(datagram, server.address).unwrap();
    }
    assert_eq!(fetch_raw(&socket, server.address, "a", Wanted::default()), b"x");
    assert_eq!(server.counters.malformed.load(Relaxed), 6);
}
