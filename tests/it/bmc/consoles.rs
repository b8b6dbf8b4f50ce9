//! Consoles: what machines said, who looks and who writes.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::emulators::{IpmiSim, PASSWORD, Running, until};
use super::virtuals::bmcs;
use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

/// Somebody at a console.
pub struct Person {
    process: Running,
    heard: std::sync::mpsc::Receiver<String>,
    all: String,
}

impl Person {
    pub fn at(server: &Served, words: &[&str]) -> Self {
        let mut process = spawn(server, words);
        let mut stdout = process.stdout.take().unwrap();
        let (sender, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                sender
                    .send(String::from_utf8_lossy(&buffer[..length]).into_owned())
                    .ok();
            }
        });
        Self {
            process: Running(process),
            heard,
            all: String::new(),
        }
    }

    pub fn types(&mut self, text: &str) {
        let stdin = self.process.0.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    pub fn sees(&mut self, wanted: &str) {
        let began = Instant::now();
        while !self.all.contains(wanted) {
            let in_time = began.elapsed() < Duration::from_secs(30);
            assert!(in_time, "waited 30 s for {wanted}; all that was seen: {}", self.all);
            std::thread::park_timeout(Duration::from_millis(50));
            self.all.extend(self.heard.try_iter());
        }
    }
}

fn spawn(server: &Served, words: &[&str]) -> Child {
    Command::new(PROGRAM)
        .arg("--state")
        .arg(server.folder())
        .arg("console")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn cluster(nodes: &str) -> String {
    super::emulators::cluster("", nodes).replace("user: root", "user: admin")
}

pub fn open(server: &Served, node: &str) -> bool {
    let list = server.json(&["console", "list"]);
    let consoles = list["consoles"].as_array().unwrap();
    consoles
        .iter()
        .any(|console| console["node"] == node && console["state"] == "open")
}

#[test]
fn one_writes_others_look_on_and_what_matters_is_an_event() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.3.0.1"]);
    let cluster = cluster("  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.3.0.1 } }\n");
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", "lab")]);
    server.until("the console is open", || open(&server, "n1"));
    server.text(&["power", "on", "n1"]);
    let mut writer = Person::at(&server, &["n1"]);
    writer.sees("connected");
    let mut looker = Person::at(&server, &["n1", "--watch"]);
    looker.sees("connected");
    writer.types("hello machine\r\n");
    writer.sees("hello machine");
    looker.sees("hello machine");
    looker.types("not me\r\n");
    looker.sees("you look on only");
    writer.types("&B");
    writer.sees("[break]");
    // A second one who wants to write is told who does, joins, and takes it.
    let refused = server.cli(&["console", "n1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("root writes to this console"));
    let mut second = Person::at(&server, &["n1", "--join"]);
    writer.sees("joined by root");
    second.types("both of us\r\n");
    writer.sees("both of us");
    second.types("&F");
    writer.sees("taken by root");
    second.types("&L");
    second.sees("hello machine");
    second.types("[ 1.0] Kernel panic - not syncing: Attempted to kill init!\r\n");
    server.until("the panic is an event", || !server.events("console.said").is_empty());
    let said = &server.events("console.said")[0];
    assert_eq!(
        (&said["body"]["rule"], &said["body"]["weight"]),
        (&"kernel-panic".into(), &"bad".into())
    );
    let why = server.json(&["why", "n1"]);
    assert_eq!(why["rule"], "console", "{why}");
    assert!(why.to_string().contains("Attempted to kill init"), "{why}");
    let found = server.text(&["console", "grep", "kernel PANIC", "*", "-i"]);
    assert!(
        found.starts_with("n1  ") && found.ends_with("Attempted to kill init!\n"),
        "{found}"
    );
    assert!(
        !server
            .cli(&["console", "grep", "nobody ever said this"])
            .status
            .success()
    );
    second.types("&.");
    until("he has left", || {
        second
            .process
            .0
            .try_wait()
            .unwrap()
            .is_some_and(|status| status.success())
    });
}

#[test]
fn no_line_is_lost_and_a_killed_server_takes_its_consoles_up_again() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.3.1.1", "20", "--chatter", "20"]);
    let cluster = cluster("  n[01-20]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.3.1.1+ } }\n");
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", "lab")]);
    server.until("the consoles are open", || {
        (1..=20).all(|n| open(&server, &format!("n{n:02}")))
    });
    server.text(&["power", "on", "*"]);
    let lines = |server: &Served, node: &str| -> Vec<u64> {
        let log = server.text(&["console", "log", node]);
        let numbers = log
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.parse().ok());
        numbers.collect()
    };
    server.until("they have said much", || lines(&server, "n20").len() > 200);
    for n in 1..=20 {
        let numbers = lines(&server, &format!("n{n:02}"));
        let without_gap = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
        assert!(without_gap && numbers.len() > 100, "n{n:02}: {numbers:?}");
    }
    let folder = server.kill();
    let server = Served::start_in_with(&segment, folder, &[("BMC_PASSWORD", "lab")]);
    // The BMC keeps the session of the dead one for a minute; it is taken from it.
    server.until("the consoles are open again", || {
        (1..=20).all(|n| open(&server, &format!("n{n:02}")))
    });
    let before = lines(&server, "n07");
    server.until("they go on", || lines(&server, "n07").len() > before.len() + 100);
    assert!(
        lines(&server, "n07").windows(2).all(|pair| pair[1] > pair[0]),
        "nothing is there twice"
    );
}

#[test]
fn the_console_of_a_bmc_that_we_did_not_write() {
    let segment = Segment::new("10.77.0.1/24");
    let _simulator = IpmiSim::start(&segment, 9626);
    let defaults = "port: 9626, quirks: [nobootcheck]";
    let nodes = "  n1: { mac: 52:54:00:00:00:01, bmc: { address: 127.0.0.1 } }\n";
    let cluster = super::emulators::cluster(defaults, nodes);
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", PASSWORD)]);
    server.until("the console is open", || open(&server, "n1"));
    let mut person = Person::at(&server, &["n1"]);
    person.sees("connected");
    // The simulator takes its time until it has its serial port.
    until("an echo", || {
        person.types(".");
        person.all.extend(person.heard.try_iter());
        person.all.contains('.')
    });
    // More than fifteen packets: their numbers go round.
    let text = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(40);
    for piece in text.as_bytes().chunks(36) {
        person.types(std::str::from_utf8(piece).unwrap());
    }
    person.sees(&text);
}
