//! Clients that mean harm or do it: floods of made-up machines, forged requests, connections held for nothing, paths that
//! climb. Who means well is served meanwhile, and counters tell.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use wire::Mac;
use wire::dhcp4::{Message, MessageType, Packet};

use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

const CLUSTER: &str = "
cluster: test
domain: test.example
networks:
  lab: { prefix: 10.77.0.0/24, router_advertisements: false }
  far: { prefix: 10.88.0.0/16, pool: 10.88.1.0-10.88.1.99, lease: 1h }
nodes:
  n1: { mac: \"52:54:00:00:00:01\", address: 10.77.0.11 }
  n2: { mac: \"52:54:00:00:00:02\", address: 10.88.0.12 }
";

/// A server, a station of the node `n1`, and one that does harm.
fn stage() -> (Segment, Served, Station, Station) {
    let segment = Segment::new("10.77.0.1/24");
    let (node, evil) = (segment.plug("52:54:00:00:00:01"), segment.plug("52:54:00:00:00:66"));
    node.succeed(&["ip", "addr", "add", "10.77.0.11/24", "dev", "eth0"]);
    evil.succeed(&["ip", "addr", "add", "10.77.0.66/24", "dev", "eth0"]);
    evil.succeed(&["ip", "addr", "add", "10.88.0.1/32", "dev", "lo"]);
    segment.ip("route add 10.88.0.0/16 via 10.77.0.66");
    let served = Served::start(&segment, CLUSTER);
    served.until("the network is served", || {
        served.json(&["status"])["networks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|network| network["name"] == "lab" && network["serving"]["state"] == "served")
    });
    (segment, served, node, evil)
}

/// A counter of the server.
fn counter(node: &Station, name: &str) -> u64 {
    let text = node.succeed(&["curl", "-fsS", "--max-time", "20", "http://10.77.0.1/metrics"]);
    let of = |line: &str| line.split_once(' ').and_then(|(_, value)| value.parse::<u64>().ok());
    text.lines().filter(|line| line.starts_with(name)).filter_map(of).sum()
}

/// The node's loader and its script.
fn boots(node: &Station) {
    let loader = node.run(&[
        "curl",
        "-sS",
        "--max-time",
        "60",
        "-o",
        "/dev/null",
        "tftp://10.77.0.1/snponly.efi",
    ]);
    assert!(loader.status.success(), "{}", crate::support::client::said(&loader));
    let url = "http://10.77.0.1/boot/n1/script?mac=52:54:00:00:00:01";
    assert!(
        node.succeed(&["curl", "-fsS", "--max-time", "60", url])
            .starts_with("#!ipxe")
    );
}

/// A request to read (RFC 1350 section 5).
fn read(path: &str) -> Vec<u8> {
    [b"\0\x01", path.as_bytes(), b"\0octet\0"].concat()
}

fn memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn made_up_machines_use_up_the_pool_and_nothing_else() {
    let (_segment, served, node, evil) = stage();
    let socket = evil.within(|| UdpSocket::bind((Ipv4Addr::new(10, 88, 0, 1), 67)).unwrap());
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let before = memory(&served);
    let (mut bytes, mut buffer) = (Vec::new(), [0; 2048]);
    let mut send = |message: &mut Message| {
        message.header.giaddr = Ipv4Addr::new(10, 88, 0, 1);
        message.encode(1400, &mut bytes);
        socket.send_to(&bytes, (SERVER, 67)).unwrap();
    };
    let mut taken = std::collections::HashSet::new();
    for number in 0u32..20_000 {
        let [a, b, c, d] = number.to_be_bytes();
        send(&mut Message::discover(number, Mac([2, 6, a, b, c, d])));
        // Those that are offered an address take it: the worst that they can do.
        while number % 50 == 0
            && let Ok(length) = socket.recv(&mut buffer)
        {
            let packet = Packet::parse(&buffer[..length]).unwrap();
            match packet.message_type().unwrap().unwrap() {
                MessageType::Offer => {
                    let mut request = Message::from_client(MessageType::Request, packet.xid(), packet.mac().unwrap());
                    request.requested_address(packet.yiaddr()).server_id(SERVER);
                    send(&mut request);
                }
                MessageType::Ack => assert!(taken.insert(packet.yiaddr()), "{} twice", packet.yiaddr()),
                _ => {}
            }
        }
    }
    assert!(taken.len() <= 100, "{} addresses of a pool of 100", taken.len());
    // A declared node behind the same relay agent gets its address, and one on the segment boots.
    let mut given = None;
    let began = Instant::now();
    while given.is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "a declared node starves");
        send(&mut Message::discover(7, "52:54:00:00:00:02".parse().unwrap()));
        while let Ok(length) = socket.recv(&mut buffer) {
            let packet = Packet::parse(&buffer[..length]).unwrap();
            given = given.or((packet.xid() == 7).then(|| packet.yiaddr()));
        }
    }
    assert_eq!(given, Some(Ipv4Addr::new(10, 88, 0, 12)));
    boots(&node);
    let grown = memory(&served).saturating_sub(before);
    assert!(grown < 100_000, "{grown} kB for 20,000 machines that do not exist");
    assert!(
        counter(&node, "bellwether_dhcp_suppressed_total") > 10_000,
        "the journal is not filled by them"
    );
}

#[test]
fn requests_with_forged_senders_bring_little_to_their_victim_and_take_nobodys_seat() {
    let (segment, served, node, evil) = stage();
    // Addresses that are routed to a station that answers nothing, not even that its port is closed.
    segment.ip("route add 10.99.0.0/16 via 10.77.0.66");
    evil.succeed(&["ip", "route", "add", "local", "10.99.0.0/16", "dev", "lo"]);
    let victim = evil.within(|| UdpSocket::bind((Ipv4Addr::new(10, 99, 0, 1), 2000)).unwrap());
    victim.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let plain = read("snponly.efi");
    victim.send_to(&plain, (SERVER, 69)).unwrap();
    let mut buffer = [0; 2048];
    let (mut heard, mut packets) = (0, 0);
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(12) {
        if let Ok((length, _)) = victim.recv_from(&mut buffer) {
            heard += length;
            packets += 1;
            quiet = Instant::now();
        }
    }
    assert!(
        packets <= 6 && heard <= 6 * 516,
        "{packets} packets, {heard} bytes for a request of {}",
        plain.len()
    );

    // More of them than there are seats, each from another address and port; nobody is there to say that it is closed.
    evil.succeed(&[
        "iptables",
        "-A",
        "INPUT",
        "-p",
        "udp",
        "-d",
        "10.99.0.0/16",
        "-j",
        "DROP",
    ]);
    let aborted = "bellwether_tftp_transfers_total{outcome=\"aborted\"}";
    let before = counter(&node, aborted);
    evil.within(|| {
        for port in 2000..2012 {
            for n in 0..900u32 {
                let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 99, 1, 0)) + n);
                let socket = UdpSocket::bind((address, port)).unwrap();
                socket.send_to(&plain, (SERVER, 69)).unwrap();
                // Not faster than a debug build takes them, or they are lost before the door.
                if n % 60 == 0 {
                    std::thread::park_timeout(Duration::from_millis(25));
                }
            }
        }
    });
    boots(&node);
    // All seats were taken, and the rest made room for each other.
    served.until("those that were silent longest made room", || {
        counter(&node, aborted) - before > 1000
    });
}

#[test]
fn idle_slow_and_endless_connections_hold_nobody_up() {
    let (_segment, _served, node, evil) = stage();
    let address = SocketAddr::from((SERVER, 80));
    // More than one client may have.
    let idle: Vec<TcpStream> = evil.within(|| {
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
        (0..2300).map(connect).collect()
    });
    let open = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let nothing = (&mut &*stream).read(&mut [0; 1]);
        matches!(nothing, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let began = Instant::now();
    while counter(&node, "bellwether_http_turned_away_total") < 200 {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::park_timeout(Duration::from_millis(30));
    }
    let held = idle.iter().filter(|stream| open(stream)).count();
    assert!((1000..=2048).contains(&held), "{held} connections of one client");
    boots(&node);
    // A head that comes a byte at a time is not waited for without end; the others of this client do not matter to it.
    drop(idle);
    let mut slow = evil.within(|| TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap());
    slow.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let began = Instant::now();
    let mut ended = false;
    while !ended && began.elapsed() < Duration::from_secs(60) {
        ended = slow.write_all(b"G").is_err() || matches!(slow.read(&mut [0; 64]), Ok(0));
    }
    assert!(
        ended,
        "a connection without a request lives on after {} s",
        began.elapsed().as_secs()
    );
}

#[test]
fn oversized_and_climbing_requests_are_refused_with_the_right_status() {
    let (_segment, _served, node, evil) = stage();
    let ask = |request: &[u8]| -> String {
        let mut stream = evil.within(|| TcpStream::connect((SERVER, 80)).unwrap());
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request).ok();
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let header = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    assert!(ask(header.as_bytes()).starts_with("HTTP/1.1 431"));
    let many: String = (0..200).map(|n| format!("X{n}: y\r\n")).collect();
    assert!(ask(format!("GET /healthz HTTP/1.1\r\n{many}\r\n").as_bytes()).starts_with("HTTP/1.1 431"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000));
    let told = ask(long.as_bytes());
    assert!(
        told.starts_with("HTTP/1.1 414") || told.starts_with("HTTP/1.1 431"),
        "{told}"
    );
    for path in [
        "/images/../../etc/passwd",
        "/images/%2e%2e/%2e%2e/journal.db",
        "/images/..%2f..%2fjournal.db/x",
        "/loaders/../../../../etc/passwd",
        "/loaders/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/media/%00/x",
        "/loaders/\\..\\..\\etc\\passwd",
    ] {
        let told = ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert!(
            told.starts_with("HTTP/1.1 404") || told.starts_with("HTTP/1.1 400"),
            "{path}: {told}"
        );
    }
    boots(&node);
}
