//! What the machine itself says on its console.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use crate::console::{RULES, Weight};

/// It said something bad after the last that was heard of it otherwise.
pub(super) fn said(case: &Case) -> Option<Finding> {
    let said = case.state.console.as_ref()?;
    let rule = RULES.iter().find(|rule| rule.name == said.rule)?;
    let heard = case.state.last_seen;
    let power = case.state.power.as_ref().map(|(_, at)| *at);
    if rule.weight != Weight::Bad || heard > Some(said.at) || power > Some(said.at) {
        return None;
    }
    let name = &case.node.name;
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("is stuck: {}", rule.means),
            "It says so on its console, and nothing was heard of it since.",
        )
        .fact(said.at, format!("its console: {}", said.line))
        .advise(rule.advice)
        .advise(format!("look at its console: bellwether console {name}")),
    )
}
