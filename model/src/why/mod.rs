//! Why a node is where it is: what is awaited, since when, what most likely keeps it, and what to do.
//!
//! Invariant: `Stuck` is computed, never guessed: a deadline has passed, or the journal holds a refusal.
//! Invariant: every rule is named in `docs/why.md`.

mod case;
mod limits;
mod rules;
#[cfg(test)]
mod tests;

pub use limits::{Limit, limit};

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cluster::Node;
use crate::event::{Event, Seq};
use crate::world::{Step, World};
use case::Case;

/// The answer to `bellwether why NODE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Name of the node.
    pub node: String,
    /// How it stands.
    pub verdict: Verdict,
    /// One sentence without a full stop that names the node and says how it stands.
    pub headline: String,
    /// Name of the rule that found the answer; `docs/why.md` explains each.
    pub rule: Cow<'static, str>,
    /// Number of the boot that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Seq>,
    /// Where the boot stands: the furthest step since it last started over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub furthest: Option<Step>,
    /// The step that is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<Step>,
    /// Since when it stands there.
    pub since: Timestamp,
    /// How long the awaited step takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Whether the awaited step is later than its deadline.
    pub overdue: bool,
    /// The likely cause.
    pub cause: String,
    /// What is known, by time.
    pub evidence: Vec<Fact>,
    /// What to do, the most promising first.
    pub advice: Vec<String>,
    /// What looks like trouble in this boot and is none.
    pub benign: Vec<String>,
    /// When this was said.
    pub now: Timestamp,
}

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It said that it is ready.
    Ready,
    /// It boots, and nothing is late.
    OnItsWay,
    /// It waits for something that will not come by itself.
    Stuck,
    /// It said that it failed, or boots again and again.
    Failed,
    /// Nothing was ever heard from it.
    Never,
    /// Nothing is awaited from it.
    Idle,
}

impl Verdict {
    /// The word of the CLI and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::OnItsWay => "on its way",
            Self::Stuck => "stuck",
            Self::Failed => "failed",
            Self::Never => "never heard",
            Self::Idle => "idle",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// When it happened; `None` for what holds at all times, as a declaration does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What.
    pub text: String,
}

/// What a rule found out.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    verdict: Verdict,
    headline: String,
    cause: String,
    facts: Vec<Fact>,
    advice: Vec<String>,
}

impl Finding {
    fn new(verdict: Verdict, headline: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            verdict,
            headline: headline.into(),
            cause: cause.into(),
            facts: Vec::new(),
            advice: Vec::new(),
        }
    }

    fn fact(mut self, at: impl Into<Option<Timestamp>>, text: impl Into<String>) -> Self {
        self.facts.push(Fact {
            at: at.into(),
            text: text.into(),
        });
        self
    }

    fn facts(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }

    fn advise(mut self, what: impl Into<String>) -> Self {
        self.advice.push(what.into());
        self
    }
}

/// Why `node` is where it is at `now`.
///
/// `recent` are the latest events of the journal in its order, those of other subjects included or not; the more of
/// the node's present boot is among them, the more can be said. The verdict on time needs none of them.
pub fn why(world: &World, node: &Node, now: Timestamp, recent: &[Event]) -> Why {
    let state = world.state(&node.name);
    let case = Case::new(world, node, &state, now, recent);
    let (rule, finding) = rules::RULES
        .iter()
        .find_map(|(name, rule)| rule(&case).map(|finding| (*name, finding)))
        .unwrap_or_else(|| ("on-its-way", rules::on_its_way(&case)));
    let mut evidence: Vec<Fact> = case.trail();
    for fact in finding.facts {
        if !evidence.contains(&fact) {
            evidence.push(fact);
        }
    }
    let mut advice = finding.advice;
    if matches!(finding.verdict, Verdict::Stuck | Verdict::Failed) && !world.upstream_troubles.is_empty() {
        // Packages that do not come look like anything on the node's side.
        evidence.extend(world.upstream_troubles.values().map(|(at, why)| Fact {
            at: Some(*at),
            text: format!("the package cache has trouble: {why}"),
        }));
        advice.push("does it wait for packages? bellwether cache status".to_string());
    }
    evidence.sort_by_key(|fact| fact.at);
    let awaits = matches!(finding.verdict, Verdict::OnItsWay | Verdict::Stuck);
    Why {
        node: node.name.to_string(),
        verdict: finding.verdict,
        headline: format!("{} {}", node.name, finding.headline),
        rule: Cow::Borrowed(rule),
        boot: case.boot.map(|b| b.id),
        furthest: case.position,
        awaited: case.awaited.filter(|_| awaits),
        since: case.since,
        limit: case.limit.filter(|_| awaits),
        overdue: awaits && case.overdue,
        cause: finding.cause,
        evidence,
        advice,
        benign: case.benign(),
        now,
    }
}
