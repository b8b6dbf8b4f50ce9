//! What a server goes through: it is killed, its disk lies, its clock jumps, its network goes. After each of these
//! nothing that was acknowledged is lost, no address is given twice, and service comes back without hands.
//!
//! `BELLWETHER_KILLS=300` kills so often; `make faults` does, and prints the figures of docs/reliability.md.

mod clock;
mod disk;
mod kills;
mod network;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wire::Mac;
use wire::dhcp4::{Message, MessageType, Packet};

use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

/// A network behind a relay agent: every address of a machine there can be told by one socket.
const CLUSTER: &str = "
cluster: test
domain: test.example
networks:
  lab: { prefix: 10.77.0.0/24, router_advertisements: false }
  far: { prefix: 10.88.0.0/16, pool: 10.88.1.0-10.88.250.255, lease: 1h }
nodes:
  n1: { mac: \"52:54:00:00:00:01\", address: 10.77.0.11 }
";

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);

/// What the server has acknowledged.
#[derive(Default)]
struct Book {
    given: HashMap<Mac, Ipv4Addr>,
    /// When the last one came.
    last: Option<Instant>,
    count: u64,
}

impl Book {
    /// Notes an acknowledged address; two machines with one address, or one machine with another than before, is what
    /// must never be.
    fn note(&mut self, mac: Mac, address: Ipv4Addr) {
        self.last = Some(Instant::now());
        self.count += 1;
        let before = self.given.insert(mac, address);
        assert!(
            before.is_none_or(|before| before == address),
            "{mac} had {before:?} and got {address}"
        );
    }

    fn is_without_doubles(&self) {
        let mut owner: HashMap<Ipv4Addr, Mac> = HashMap::new();
        for (mac, address) in &self.given {
            let other = owner.insert(*address, *mac);
            assert_eq!(other, None, "{address} was given to {mac} as well");
        }
    }
}

/// Machines behind a relay agent that ask without end, some dozens at a time.
struct Crowd {
    book: Arc<Mutex<Book>>,
    stop: Arc<AtomicBool>,
    asking: Option<JoinHandle<()>>,
}

/// A segment, and a station on it that is the relay agent of the network behind it.
fn behind_relay() -> (Segment, Station) {
    let segment = Segment::new("10.77.0.1/24");
    let relay = segment.plug("52:54:00:00:00:fe");
    relay.succeed(&["ip", "addr", "add", "10.77.0.254/24", "dev", "eth0"]);
    relay.succeed(&["ip", "addr", "add", "10.88.0.1/32", "dev", "lo"]);
    segment.ip("route add 10.88.0.0/16 via 10.77.0.254");
    (segment, relay)
}

impl Crowd {
    /// Begins to ask.
    fn begin(relay: &Station) -> Self {
        let socket = relay.within(|| UdpSocket::bind((RELAY, 67)).unwrap());
        let (book, stop) = (Arc::new(Mutex::new(Book::default())), Arc::new(AtomicBool::new(false)));
        let (noted, stopped) = (book.clone(), stop.clone());
        let asking = std::thread::spawn(move || {
            static NEXT: AtomicU32 = AtomicU32::new(1);
            while !stopped.load(Ordering::Relaxed) {
                let first = NEXT.fetch_add(BATCH, Ordering::Relaxed);
                // Some that have an address come again: they must be given the same one.
                let old = noted.lock().unwrap().given.keys().take(4).copied().collect::<Vec<_>>();
                let new = (first..first + BATCH).map(mac);
                ask(&socket, old.into_iter().chain(new), &noted);
            }
        });
        Self {
            book,
            stop,
            asking: Some(asking),
        }
    }

    /// How many addresses were acknowledged.
    fn count(&self) -> u64 {
        self.book.lock().unwrap().count
    }

    /// Waits until that many more were acknowledged; how long it took.
    fn until_more(&self, more: u64, patience: Duration) -> Duration {
        let (began, before) = (Instant::now(), self.count());
        while self.count() < before + more {
            assert!(began.elapsed() < patience, "no answer for {} s", patience.as_secs());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        began.elapsed()
    }

    /// Ends, and gives what was acknowledged.
    fn end(mut self) -> Book {
        self.stop.store(true, Ordering::Relaxed);
        // A book that was found wrong is a panic of that thread.
        self.asking.take().unwrap().join().unwrap();
        std::mem::take(&mut self.book.lock().unwrap())
    }
}

/// Machines that ask at the same time.
const BATCH: u32 = 60;

fn mac(number: u32) -> Mac {
    let [a, b, c, d] = number.to_be_bytes();
    Mac([2, 0, a, b, c, d])
}

/// One DISCOVER, OFFER, REQUEST, ACK of each; machines give up when none of them hears anything for a while.
fn ask(socket: &UdpSocket, macs: impl Iterator<Item = Mac>, book: &Mutex<Book>) {
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut bytes = Vec::new();
    let mut send = |message: &mut Message| {
        message.header.giaddr = RELAY;
        message.encode(1400, &mut bytes);
        // Without a server the kernel may say that nobody listens.
        socket.send_to(&bytes, SocketAddr::from((SERVER, 67))).ok();
    };
    let mut open = 0;
    for mac in macs {
        send(&mut Message::discover(
            u32::from_be_bytes(mac.octets()[2..].try_into().unwrap()),
            mac,
        ));
        open += 1;
    }
    let mut buffer = [0; 2048];
    let mut heard = Instant::now();
    while open > 0 && heard.elapsed() < Duration::from_millis(900) {
        let Ok((length, _)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        heard = Instant::now();
        let packet = Packet::parse(&buffer[..length]).unwrap();
        let mac = packet.mac().unwrap();
        match packet.message_type().unwrap().unwrap() {
            MessageType::Offer => {
                let mut request = Message::from_client(MessageType::Request, packet.xid(), mac);
                request
                    .requested_address(packet.yiaddr())
                    .server_id(packet.server_id().unwrap().unwrap());
                send(&mut request);
            }
            MessageType::Ack => {
                book.lock().unwrap().note(mac, packet.yiaddr());
                open -= 1;
            }
            _ => open -= 1,
        }
    }
}

/// Waits until the network that is no relay agent's is served.
fn lab_is_served(served: &Served) {
    served.until("the network is served", || {
        let status = served.json(&["status"]);
        let mut networks = status["networks"].as_array().unwrap().iter();
        networks.any(|network| network["name"] == "lab" && network["serving"]["state"] == "served")
    });
}

/// Everything in the book is in the server's.
fn is_remembered(served: &Served, book: &Book) {
    let leases = served.json(&["leases"]);
    let known: HashMap<String, String> = leases
        .as_array()
        .unwrap()
        .iter()
        .map(|lease| {
            (
                lease["mac"].as_str().unwrap().into(),
                lease["address"].as_str().unwrap().into(),
            )
        })
        .collect();
    for (mac, address) in &book.given {
        let kept = known.get(&mac.to_string());
        assert_eq!(
            kept,
            Some(&address.to_string()),
            "what was acknowledged to {mac} is lost"
        );
    }
}
