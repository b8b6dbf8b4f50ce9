//! What follows an installation: from what is written to what is meant.

use crate::cluster::{Act, NodeStep, Origin, Settings, Sourced};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::span::Span;

use super::settings::one;

/// How long a step may take where nothing is said.
const WITHIN: u32 = 600;

/// Adds how a node is known to be ready, and what is done on it then.
pub(super) fn ready(
    settings: &mut Settings,
    raw: &raw::Settings,
    origin: &impl Fn(Span) -> Origin,
    problems: &mut Problems,
) {
    settings.ready_when = one(&raw.ready_when, origin, |v| *v);
    settings.ssh_key_from = one(&raw.ssh_key_from, origin, |v| v.0.clone());
    for written in &raw.after_ready {
        let Some((act, span)) = act(written, problems) else {
            continue;
        };
        let step = NodeStep {
            act,
            within_seconds: written.within.as_ref().map_or(WITHIN, |within| within.value.0),
        };
        settings.after_ready.push(Sourced {
            value: step,
            origin: origin(span),
        });
    }
}

fn act(written: &raw::Step, problems: &mut Problems) -> Option<(Act, Span)> {
    match (&written.run, &written.step) {
        (Some(run), Some(step)) => {
            problems.push(
                Diagnostic::error("no-use", "a step is a command or a known step, not both")
                    .at(step.span, "this is one step")
                    .at(run.span, "and this another")
                    .help("make two items of the list of them"),
            );
            None
        }
        (Some(run), None) if run.value.0.trim().is_empty() => {
            problems.push(Diagnostic::error("wrong-value", "this command is empty").at(run.span, "expected a command"));
            None
        }
        (Some(run), None) => Some((Act::Run(run.value.0.clone()), run.span)),
        (None, Some(step)) => Some((step.value.0.clone(), step.span)),
        (None, None) if written.faulty.contains(&"step") => None,
        (None, None) => {
            super::settings::missing("run", "this step", written.span, &written.faulty, problems);
            None
        }
    }
}
