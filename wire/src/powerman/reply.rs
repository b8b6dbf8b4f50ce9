//! What a client is told.

use std::fmt::Write as _;

use super::{Fold, one_line};

pub(super) const HELP: &str = "301 nodes              - query node list\r\n\
    301 device [<nodes>]   - query power control device status\r\n\
    301 status [<nodes>]   - query power status\r\n\
    301 on <nodes>         - power on\r\n\
    301 off <nodes>        - power off\r\n\
    301 cycle <nodes>      - power cycle\r\n\
    301 reset <nodes>      - hardware reset (if available)\r\n\
    301 temp [<nodes>]     - query temperature (if available)\r\n\
    301 beacon [<nodes>]   - query beacon status (if available)\r\n\
    301 flash <nodes>      - set beacon to ON (if available)\r\n\
    301 unflash <nodes>    - set beacon to OFF (if available)\r\n\
    301 telemetry          - toggle telemetry display\r\n\
    301 exprange           - toggle host range expansion\r\n\
    301 help               - display help\r\n\
    301 quit               - logout\r\n";

/// What came of what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The nodes that there are.
    Nodes(Vec<String>),
    /// Devices.
    Devices(Vec<Device>),
    /// What is on and what is off; `None`: it could not be found out.
    States(Vec<(String, Option<bool>)>),
    /// A value for each node; `None`: it could not be found out.
    Values(Vec<(String, Option<String>)>),
    /// It was done; `false`: not to all of them.
    Done(bool),
    /// The list of nodes makes no sense, and why.
    BadList(String),
    /// There are no such nodes.
    NoSuchNodes(Vec<String>),
}

/// What switches a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// It answered.
    pub is_connected: bool,
    /// What it speaks.
    pub kind: String,
    /// The node that it switches.
    pub node: String,
}

pub(super) fn text(answer: &Answer, fold: Fold, expands: bool) -> String {
    match answer {
        Answer::Nodes(names) if expands => {
            let lines = names.iter().map(|name| format!("307 {}\r\n", one_line(name)));
            lines.collect::<String>() + &complete(true)
        }
        Answer::Nodes(names) => format!("306 {}\r\n{}", folded(fold, names.iter()), complete(true)),
        Answer::Devices(devices) => devices.iter().map(device).collect::<String>() + &complete(true),
        Answer::States(states) => {
            states_text(states, fold, expands) + &complete(states.iter().all(|(_, on)| on.is_some()))
        }
        Answer::Values(values) => {
            let mut out = String::new();
            for (node, value) in values {
                if let Some(value) = value {
                    let _ = write!(out, "303 {}: {}\r\n", one_line(node), one_line(value));
                }
            }
            let unknown: Vec<_> = (values.iter())
                .filter(|(_, value)| value.is_none())
                .map(|(node, _)| node)
                .collect();
            if !unknown.is_empty() {
                let _ = write!(out, "303 {}: unknown\r\n", folded(fold, unknown.iter().copied()));
            }
            out + &complete(unknown.is_empty())
        }
        Answer::Done(true) => "102 Command completed successfully\r\n".into(),
        Answer::Done(false) => "210 Command completed with errors\r\n".into(),
        Answer::BadList(why) => format!("205 Hostlist error: {}\r\n", one_line(why)),
        Answer::NoSuchNodes(names) => format!("209 No such nodes: {}\r\n", folded(fold, names.iter())),
    }
}

fn states_text(states: &[(String, Option<bool>)], fold: Fold, expands: bool) -> String {
    let mut out = String::new();
    if expands {
        for (node, on) in states {
            let word = match on {
                Some(true) => "on",
                Some(false) => "off",
                None => "unknown",
            };
            let _ = write!(out, "303 {}: {word}\r\n", one_line(node));
        }
        return out;
    }
    for (word, wanted) in [
        ("on:      ", Some(true)),
        ("off:     ", Some(false)),
        ("unknown: ", None),
    ] {
        let those = states.iter().filter(|(_, on)| *on == wanted).map(|(node, _)| node);
        let _ = write!(out, "302 {word}{}\r\n", folded(fold, those));
    }
    out
}

fn folded<'a>(fold: Fold, names: impl Iterator<Item = &'a String>) -> String {
    one_line(&fold(&names.map(String::as_str).collect::<Vec<_>>()))
}

/// Each question is a session of its own here: nothing is ever connected again.
fn device(device: &Device) -> String {
    let (state, actions) = match device.is_connected {
        true => ("connected", 1),
        false => ("disconnected", 0),
    };
    format!(
        "304 {}: state={state} reconnects=000 actions={actions:03} type={} hosts={}\r\n",
        one_line(&device.name),
        one_line(&device.kind),
        one_line(&device.node)
    )
}

fn complete(well: bool) -> String {
    match well {
        true => "103 Query complete\r\n",
        false => "211 Query completed with errors\r\n",
    }
    .into()
}
