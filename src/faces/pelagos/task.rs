//! A task: one wish of a client, what became of it, and its log. Kept as a file, so that it outlives the server.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::event::Seq;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Simulation;

/// Lines of a task's own log; of what more is said the first and the last are kept.
const LINES: usize = 2000;
/// Longest line, in characters.
const LINE: usize = 1000;

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Number in the order in which they came; Pelagos had a thread for each.
    pub number: u64,
    /// The node as the client named it.
    pub node: String,
    /// The node that is meant, by the name that is shown; one task at a time is under way for it.
    pub meant: String,
    /// The system as the client named it.
    pub os: String,
    /// States that are applied beside those of the configuration.
    pub states: Vec<String>,
    /// Who asked for it, as the journal names him.
    pub actor: String,
    /// When it came.
    pub started: Timestamp,
    /// It is played.
    pub simulation: Option<Simulation>,
    /// The node as clients see it, once it was found.
    pub shown: Option<Map<String, Value>>,
    /// What was found for the system's name.
    pub resolved: Option<String>,
    /// The deployment that it waits for.
    pub deployment: Option<Seq>,
    /// A client or a later task stopped it.
    pub stopped: bool,
    /// How it ended, and when.
    pub end: Option<(Outcome, Timestamp)>,
    /// What it did.
    pub log: Vec<Line>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// HTTP status: 200, or of what kind the failure is.
    pub code: u16,
    /// What failed; empty for 200.
    pub message: String,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// `DEBUG`, `INFO`, `ERROR`.
    pub level: String,
    /// What.
    pub text: String,
}

impl Outcome {
    /// Everything went well.
    pub fn done() -> Self {
        Self {
            code: 200,
            message: String::new(),
        }
    }

    /// A failure.
    pub fn failed(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// It was stopped: by a client, or by the next task of its node.
    pub fn stopped() -> Self {
        Self::failed(410, "Stop provisioning thread by request")
    }

    /// What nobody foresaw.
    pub fn oops(why: impl std::fmt::Display) -> Self {
        Self::failed(501, format!("Oops! {why} occured."))
    }
}

impl Line {
    /// A line.
    pub fn new(at: Timestamp, level: &str, text: &str) -> Self {
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self {
            at,
            level: level.into(),
            text: text.take(LINE).collect(),
        }
    }

    /// As Pelagos' logs have it: time, process, thread, level, message.
    pub fn shown(&self, number: u64) -> String {
        let at = self.at.to_zoned(TimeZone::system());
        let thread = format!("Thread-{number}");
        format!(
            "{}| MainProcess| {thread:<11}| {:<5}| {}\n",
            at.strftime("%Y-%m-%d %H:%M:%S,%3f"),
            self.level,
            self.text
        )
    }
}

impl Task {
    /// Adds to its log.
    pub fn note(&mut self, level: &str, text: &str) {
        let line = Line::new(Timestamp::now(), level, text);
        if self.log.len() >= LINES {
            self.log.remove(LINES / 2);
        }
        self.log.push(line);
    }

    /// What a client gets of a task that went well.
    pub fn answer(&self) -> Value {
        json!({ "status": "done", "node": self.shown, "os": self.resolved })
    }

    /// Its entry in the list of all tasks. What Pelagos could not put there, the end of one that failed, is told by its code and
    /// its message.
    pub fn entry(&self) -> Value {
        let mut entry = json!({
            "start_time": self.started.as_second(),
            "end_time": self.end.as_ref().map_or(-1, |(_, at)| at.as_second()),
            "node": self.node,
            "os": self.os,
            "stopped": self.stopped,
            "status": if self.end.is_some() { "done" } else { "not completed" },
        });
        if let Some((outcome, _)) = &self.end {
            entry["rv"] = match outcome.code {
                200 => self.answer(),
                code => json!({ "code": code, "message": outcome.message }),
            };
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_pelagos_writes_it() {
        let line = Line::new(Timestamp::UNIX_EPOCH, "INFO", "Found os\n[sle]");
        let shown = line.shown(7);
        let (time, rest) = shown.split_at(23);
        assert!(time.ends_with(",000"), "{time}");
        assert_eq!(rest, "| MainProcess| Thread-7   | INFO | Found os [sle]\n");
    }
}
