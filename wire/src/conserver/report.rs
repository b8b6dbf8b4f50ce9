//! How consoles stand and who is at them, in conserver's columns.

use std::fmt::Write as _;

/// A console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Console {
    /// Its name.
    pub name: String,
    /// How it is got at.
    pub kind: Kind,
    /// It is connected.
    pub is_up: bool,
    /// Who is at it.
    pub people: Vec<Person>,
}

/// How a console is got at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Through the BMC at this address.
    Ipmi(String),
    /// A Unix socket.
    Unix(String),
    /// A port of a host.
    Network(String),
}

/// Somebody at a console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// His name.
    pub name: String,
    /// He writes.
    pub writes: bool,
}

/// A text of at most so many letters, without what would end its line.
fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// `console -u`: how each stands, and who writes. `at`: the one at which who asks is.
pub fn hosts(consoles: &[Console], at: Option<&str>) -> String {
    let mut out = String::new();
    for console in consoles {
        let writer = console.people.iter().find(|person| person.writes);
        let who = match (writer, console.people.is_empty()) {
            (Some(writer), _) => cut(&writer.name, 40),
            (None, false) => "<spies>".into(),
            (None, true) => "<none>".into(),
        };
        let (name, up) = (cut(&console.name, 24), if console.is_up { "up" } else { "down" });
        let mark = if at == Some(&*console.name) { '*' } else { ' ' };
        let _ = write!(out, " {name:<24} {mark} {up:<4} {who}\r\n");
    }
    out
}

/// `console -w`: who is at which. How long each was silent is not known here.
pub fn people(consoles: &[Console], own: Option<&str>) -> String {
    let mut out = String::new();
    for console in consoles {
        for person in &console.people {
            let mark = if own == Some(&*person.name) { '*' } else { ' ' };
            let mode = if person.writes { "attach" } else { "spy" };
            let (who, name) = (cut(&person.name, 32), cut(&console.name, 255));
            let _ = write!(out, " {who:<32} {mark} {mode:<7} {:>6} {name}\r\n", "-");
        }
    }
    out
}

/// `console -x`: where each is.
pub fn examined(consoles: &[Console]) -> String {
    let mut out = String::new();
    for console in consoles {
        let (place, how) = match &console.kind {
            Kind::Ipmi(place) => (place, "IPMI"),
            Kind::Unix(place) => (place, "UDS"),
            Kind::Network(place) => (place, "Netwk"),
        };
        let (name, place) = (cut(&console.name, 24), cut(place, 32));
        let _ = write!(out, " {name:<24} on {place:<32} at {how:>7} \r\n");
    }
    out
}

/// `console -i`: fields between colons, for programs. `server`: its host, its process and its port.
pub fn info(consoles: &[Console], server: (&str, u32, u16)) -> String {
    let (host, pid, port) = server;
    let mut out = String::new();
    for console in consoles {
        let kind = match &console.kind {
            Kind::Ipmi(place) => format!("@:{},0", cut(place, 255)),
            Kind::Unix(place) => format!("%:{},0", cut(place, 255)),
            Kind::Network(place) => format!("!:{},raw,0", cut(place, 255).replace(':', ",")),
        };
        // Who writes stands first.
        let (writers, others): (Vec<_>, Vec<_>) = console.people.iter().partition(|person| person.writes);
        let people = writers.iter().chain(&others).map(|person| match person.writes {
            true => format!("w@{}@0", cut(&person.name, 128)),
            false => format!("r@{}@0@ro", cut(&person.name, 128)),
        });
        let people = people.collect::<Vec<_>>().join(",");
        let up = if console.is_up { "up" } else { "down" };
        let _ = write!(
            out,
            "{}:{host},{pid},{port}:{kind}:{people}:{up}:rw:,log,noact,nobrk,notask,0,-1:0:autoup::login::0:\r\n",
            cut(&console.name, 255),
        );
    }
    out
}
