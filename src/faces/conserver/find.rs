//! Which console is meant: by its name, by its name with a domain, or by a beginning that only one name has.

use std::sync::Arc;

use super::super::Engine;
use crate::console::Hub;

/// Names that are told when several begin so.
const TOLD: usize = 16;

/// The console of a name.
///
/// # Errors
/// What the client is told instead.
pub(super) fn console(engine: &Engine, name: &str) -> Result<(Arc<str>, Hub), String> {
    let name = name.trim().to_ascii_lowercase();
    let mut all = engine.consoles.all();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let world = engine.journal.world();
    let fits = |console: &str| {
        let node = world.cluster.node(console);
        console == name || node.is_some_and(|node| world.cluster.fqdn(node) == name)
    };
    let exact = all.iter().position(|(console, _)| fits(console));
    if let Some(at) = exact {
        return Ok(all.swap_remove(at));
    }
    let printable: String = name.chars().filter(|c| !c.is_control()).collect();
    all.retain(|(console, _)| console.starts_with(&name));
    match all.len() {
        0 => Err(format!("console `{printable}' not found\r\n")),
        1 => Ok(all.swap_remove(0)),
        _ => {
            let choices: Vec<_> = all.iter().take(TOLD).map(|(console, _)| &**console).collect();
            Err(format!(
                "ambiguous console abbreviation, `{printable}'\r\n\tchoices are {}\r\n",
                choices.join(", ")
            ))
        }
    }
}
