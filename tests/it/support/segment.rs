//! A network segment of its own: a namespace with a bridge for the server, and one namespace for each client.
//!
//! Nothing outside is touched; everything is gone when the value is dropped.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use super::client::{require, succeed};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A bridge in a namespace.
pub struct Segment {
    name: String,
    clients: std::cell::RefCell<Vec<String>>,
}

/// A machine on the segment: a namespace with one interface, `eth0`.
pub struct Station {
    /// Its namespace.
    pub name: String,
}

impl Segment {
    /// A segment on which the server has that address (`10.77.0.1/24`) on `br0`.
    pub fn new(address: &str) -> Self {
        require("ip", "iproute2");
        let name = format!("bw{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        succeed(&["ip", "netns", "add", &name]);
        let segment = Self {
            name,
            clients: Default::default(),
        };
        segment.ip("link set lo up");
        segment.ip("link add br0 type bridge stp_state 0 forward_delay 0");
        segment.ip(&format!("addr add {address} dev br0"));
        segment.ip("link set br0 up");
        segment
    }

    /// The network of this host itself: for servers that only use its loopback.
    pub fn host() -> Self {
        Self {
            name: String::new(),
            clients: Default::default(),
        }
    }

    /// Plugs in a machine with that MAC.
    pub fn plug(&self, mac: &str) -> Station {
        let number = self.clients.borrow().len();
        let name = format!("{}c{number}", self.name);
        succeed(&["ip", "netns", "add", &name]);
        self.clients.borrow_mut().push(name.clone());
        self.ip(&format!(
            "link add p{number} type veth peer name eth0 address {mac} netns {name}"
        ));
        self.ip(&format!("link set p{number} master br0 up"));
        let station = Station { name };
        station.succeed(&["ip", "link", "set", "lo", "up"]);
        station.succeed(&["ip", "link", "set", "eth0", "up"]);
        station
    }

    /// Runs `ip` with these words in the server's namespace.
    pub fn ip(&self, words: &str) {
        let mut line = vec!["ip", "-n", &self.name];
        line.extend(words.split(' '));
        succeed(&line);
    }

    /// A command that will run in the server's namespace.
    pub fn command(&self, program: &str) -> Command {
        inside(&self.name, program)
    }
}

impl Station {
    /// Runs a command there to its end.
    pub fn run(&self, words: &[&str]) -> Output {
        let mut command = inside(&self.name, words[0]);
        command.args(&words[1..]).output().unwrap()
    }

    /// Runs a command there that must succeed; returns what it wrote.
    pub fn succeed(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let text = super::client::said(&output);
        assert!(output.status.success(), "{words:?} failed: {text}");
        text
    }

    /// A command that will run there.
    pub fn command(&self, program: &str) -> Command {
        inside(&self.name, program)
    }

    /// Does something there: a socket that is opened stays there.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.name)).unwrap();
        // On a thread of its own: a namespace is a thread's.
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
                what()
            });
            inside.join().unwrap()
        })
    }
}

fn inside(namespace: &str, program: &str) -> Command {
    if namespace.is_empty() {
        return Command::new(program);
    }
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command
}

impl Drop for Segment {
    fn drop(&mut self) {
        let own = Some(&self.name).filter(|name| !name.is_empty());
        for name in self.clients.borrow().iter().chain(own) {
            Command::new("ip").args(["netns", "del", name]).output().ok();
        }
    }
}
