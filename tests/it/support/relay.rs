//! A bad network between a TFTP client and a server, in user space: it needs neither privileges nor a kernel with netem.
//!
//! Both transfer identifiers are replaced, so that client and server talk to nobody but the relay.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A packet that was held back leaves after this much silence at the latest.
const LULL: Duration = Duration::from_millis(3);
/// A packet that is overtaken is overtaken by this many.
const OVERTAKERS: u32 = 2;

/// Chances in a thousand, for every packet in either direction.
#[derive(Clone, Copy)]
pub struct Faults {
    pub lost: u64,
    pub doubled: u64,
    pub overtaken: u64,
}

pub struct Relay {
    /// Where clients send their requests.
    pub address: SocketAddr,
    network: Arc<Network>,
    thread: Option<JoinHandle<()>>,
}

struct Network {
    faults: Faults,
    dice: AtomicU64,
    stop: AtomicBool,
}

impl Network {
    fn chance(&self, per_mille: u64) -> bool {
        // A counter through splitmix64: a run differs by nothing but the order of threads.
        let mut mixed = self.dice.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % 1000 < per_mille
    }

    /// Carries packets from one socket to another until the relay stops. `to` learns the sender and names the receiver.
    fn carry(&self, from: &UdpSocket, by: &UdpSocket, mut to: impl FnMut(SocketAddr) -> Option<SocketAddr>) {
        from.set_read_timeout(Some(LULL)).unwrap();
        let mut buffer = vec![0; 70_000];
        let mut held: Option<(u32, Vec<u8>, SocketAddr)> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let arrived = from.recv_from(&mut buffer).ok();
            if let Some((length, sender)) = arrived
                && let Some(receiver) = to(sender)
                && !self.chance(self.faults.lost)
            {
                let packet = &buffer[..length];
                if held.is_none() && self.chance(self.faults.overtaken) {
                    held = Some((OVERTAKERS, packet.to_vec(), receiver));
                    continue;
                }
                for _ in 0..1 + u32::from(self.chance(self.faults.doubled)) {
                    let _ = by.send_to(packet, receiver);
                }
            }
            if let Some((overtakers, packet, receiver)) = held.take() {
                if arrived.is_none() || overtakers == 0 {
                    let _ = by.send_to(&packet, receiver);
                } else {
                    held = Some((overtakers - 1, packet, receiver));
                }
            }
        }
    }
}

impl Relay {
    pub fn start(server: SocketAddr, faults: Faults) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        let network = Arc::new(Network {
            faults,
            dice: AtomicU64::new(1),
            stop: AtomicBool::new(false),
        });
        let shared = network.clone();
        let thread = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                // Each client's request goes on from a socket of its own.
                let mut sessions: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
                front.set_read_timeout(Some(LULL)).unwrap();
                let mut buffer = [0; 2000];
                while !shared.stop.load(Ordering::Relaxed) {
                    let Ok((length, client)) = front.recv_from(&mut buffer) else {
                        continue;
                    };
                    let back = sessions.entry(client).or_insert_with(|| {
                        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
                        let face = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
                        let transfer = Arc::new(Mutex::new(None));
                        let (network, learned) = (&shared, transfer.clone());
                        let (from, by) = (back.clone(), face.clone());
                        scope.spawn(move || {
                            network.carry(&from, &by, |sender| {
                                *learned.lock().unwrap() = Some(sender);
                                Some(client)
                            });
                        });
                        let by = back.clone();
                        scope.spawn(move || network.carry(&face, &by, |_| *transfer.lock().unwrap()));
                        back
                    });
                    if !shared.chance(shared.faults.lost) {
                        let _ = back.send_to(&buffer[..length], server);
                    }
                }
            });
        });
        Self {
            address,
            network,
            thread: Some(thread),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.network.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the relay panicked");
        }
    }
}
