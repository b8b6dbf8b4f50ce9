//! What a client asks.

/// Something that is asked of nodes. Nodes are as they were written; `None`: all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Which nodes there are.
    Nodes,
    /// How the devices of nodes stand.
    Devices(Option<String>),
    /// Which are on.
    Power(Option<String>),
    /// How warm they are.
    Temperature(Option<String>),
    /// Whose identify lights shine.
    Beacon(Option<String>),
    /// Something is done to nodes.
    Do(Action, String),
}

/// What is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Switched on.
    On,
    /// Switched off.
    Off,
    /// Off and on again.
    Cycle,
    /// The reset button.
    Reset,
    /// The identify light on.
    Flash,
    /// The identify light off.
    Unflash,
}

/// A line that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Do(Request),
    Help,
    Telemetry,
    Expands,
    Quit,
    Unknown,
}

/// Reads a line: a word, and nodes where it takes some. Blanks between nodes are commas.
pub(super) fn parse(line: &str) -> Parsed {
    let mut words = line.split_whitespace();
    let word = words.next().unwrap_or_default().to_ascii_lowercase();
    let nodes = words.collect::<Vec<_>>().join(",");
    let some = (!nodes.is_empty()).then(|| nodes.clone());
    let action = |action| match nodes.is_empty() {
        true => Parsed::Unknown,
        false => Parsed::Do(Request::Do(action, nodes.clone())),
    };
    match word.as_str() {
        "help" => Parsed::Help,
        "telemetry" => Parsed::Telemetry,
        "exprange" => Parsed::Expands,
        "quit" => Parsed::Quit,
        "nodes" => Parsed::Do(Request::Nodes),
        "device" => Parsed::Do(Request::Devices(some)),
        "status" => Parsed::Do(Request::Power(some)),
        "temp" => Parsed::Do(Request::Temperature(some)),
        "beacon" => Parsed::Do(Request::Beacon(some)),
        "on" => action(Action::On),
        "off" => action(Action::Off),
        "cycle" => action(Action::Cycle),
        "reset" => action(Action::Reset),
        "flash" => action(Action::Flash),
        "unflash" => action(Action::Unflash),
        _ => Parsed::Unknown,
    }
}
