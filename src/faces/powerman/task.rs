//! What is asked, carried out: orders to the desk, and what came of them.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use model::cluster::Node;
use serde_json::Value;
use wire::powerman::{Action, Answer, Device, Request, Session};

use super::super::Guest;
use super::nodes;
use crate::bmc::Order;
use crate::bmc::batch::Pace;

/// BMCs that are only asked something, at once.
const ASKED_AT_ONCE: usize = 512;

/// What a request became.
pub(super) enum Begun {
    /// It is answered already.
    Answer(Answer),
    /// It goes on.
    Task(Task),
}

/// What the results become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Devices,
    Power,
    Temperature,
    Beacon,
    Done,
}

/// Orders that are being carried out.
pub(super) struct Task {
    wanted: Wanted,
    /// What is said to each BMC, for who wants to know.
    words: String,
    nodes: Vec<Arc<Node>>,
    lines: Pin<Box<dyn Stream<Item = Value> + Send>>,
    found: HashMap<String, Value>,
}

/// Begins what is asked.
pub(super) fn begin(guest: &Guest, request: Request) -> Begun {
    let world = guest.engine.journal.world();
    let cluster = &world.cluster;
    let (wanted, list, order) = match request {
        Request::Nodes => {
            let names = nodes::all(cluster).map(|node| node.name.to_string());
            return Begun::Answer(Answer::Nodes(names.collect()));
        }
        Request::Devices(list) => (Wanted::Devices, list, power("status")),
        Request::Power(list) => (Wanted::Power, list, power("status")),
        Request::Temperature(list) => (Wanted::Temperature, list, Order::Sensors),
        Request::Beacon(list) => (Wanted::Beacon, list, Order::Light),
        Request::Do(action, list) => (Wanted::Done, Some(list), order(action)),
    };
    let nodes = match list {
        None => nodes::all(cluster).cloned().collect(),
        Some(list) => match nodes::listed(cluster, &list) {
            Ok(nodes) => nodes,
            Err(answer) => return Begun::Answer(answer),
        },
    };
    let mut pace = Pace::default();
    if wanted != Wanted::Done {
        pace.at_once = ASKED_AT_ONCE;
    }
    let words = words(&order);
    let desk = &guest.engine.desk;
    let lines = desk.carry_out_all(&guest.actor("powerman"), nodes.clone(), order, pace);
    Begun::Task(Task {
        wanted,
        words,
        nodes,
        lines: Box::pin(lines),
        found: HashMap::new(),
    })
}

fn power(action: &str) -> Order {
    Order::Power {
        action: action.into(),
        grace_seconds: None,
    }
}

fn order(action: Action) -> Order {
    match action {
        Action::On => power("on"),
        Action::Off => power("off"),
        Action::Cycle => power("cycle"),
        Action::Reset => power("reset"),
        Action::Flash => Order::Identify { seconds: None },
        Action::Unflash => Order::Identify { seconds: Some(0) },
    }
}

fn words(order: &Order) -> String {
    match order {
        Order::Power { action, .. } => format!("power {action}"),
        Order::Identify { seconds: Some(0) } => "identify off".into(),
        Order::Identify { .. } => "identify on".into(),
        Order::Light => "identify status".into(),
        _ => "sensors".into(),
    }
}

impl Task {
    /// The next result; `None`: all are there.
    pub(super) async fn next(&mut self) -> Option<Value> {
        self.lines.next().await
    }

    /// Keeps a result; what is said about it at once.
    pub(super) fn told(&mut self, session: &Session, line: &Value) -> String {
        let node = line["node"].as_str().unwrap_or_default();
        let failed = line["error"].as_str();
        let mut told = String::new();
        if session.wants_telemetry() {
            let heard = failed.map_or_else(|| self.heard(line), str::to_string);
            told = session.telemetry(node, &self.words, &heard);
        }
        if let Some(why) = failed.filter(|_| self.wanted != Wanted::Devices) {
            told.push_str(&session.failed(node, why));
        }
        self.found.insert(node.to_string(), line.clone());
        told
    }

    fn heard(&self, line: &Value) -> String {
        let word = |value: &Value| value.as_str().map(str::to_string);
        match self.wanted {
            Wanted::Temperature => warmest(line),
            Wanted::Beacon => line["light"].as_bool().map(|on| if on { "on" } else { "off" }.into()),
            Wanted::Devices | Wanted::Power => word(&line["power"]),
            Wanted::Done => word(&line["how"])
                .or_else(|| word(&line["power"]))
                .or(Some("done".into())),
        }
        .unwrap_or_else(|| "unknown".into())
    }

    /// What is answered in the end.
    pub(super) fn answer(&self) -> Answer {
        let line = |node: &Arc<Node>| self.found.get(&*node.name).unwrap_or(&Value::Null);
        let with_states = |state: &dyn Fn(&Value) -> Option<bool>| {
            let states = self.nodes.iter().map(|node| (node.name.to_string(), state(line(node))));
            Answer::States(states.collect())
        };
        match self.wanted {
            Wanted::Power => with_states(&|line| line["power"].as_str().map(|power| power == "on")),
            Wanted::Beacon => with_states(&|line| line["light"].as_bool()),
            Wanted::Temperature => {
                let values = self
                    .nodes
                    .iter()
                    .map(|node| (node.name.to_string(), warmest(line(node))));
                Answer::Values(values.collect())
            }
            Wanted::Devices => {
                let devices = self.nodes.iter().map(|node| Device {
                    name: node.name.to_string(),
                    is_connected: line(node)["ok"] == true,
                    kind: node.bmc.as_ref().map_or("none".into(), |bmc| bmc.protocol.clone()),
                    node: node.name.to_string(),
                });
                Answer::Devices(devices.collect())
            }
            Wanted::Done => Answer::Done(self.nodes.iter().all(|node| line(node)["ok"] == true)),
        }
    }
}

/// The highest temperature that a BMC reads.
fn warmest(line: &Value) -> Option<String> {
    let sensors = line["sensors"].as_array()?;
    let temperatures = sensors.iter().filter(|sensor| sensor["kind"] == "temperature");
    let highest = temperatures
        .filter_map(|sensor| sensor["value"].as_f64())
        .reduce(f64::max)?;
    // Half degrees are told, whole ones look whole.
    Some(format!("{}", (highest * 10.0).round() / 10.0))
}
