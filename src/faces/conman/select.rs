//! Which consoles are meant.

use std::collections::HashSet;
use std::sync::Arc;

use wire::conman::{Command, Error, Request, in_order, matches};

use super::words;
use crate::console::{Consoles, Hub};

/// Most patterns with signs in them: each is held against every name.
const PATTERNS: usize = 64;
/// Most letters of such a pattern, and of a regular expression: a name has 63 at most.
const LETTERS: usize = 256;
/// What a regular expression may become, in octets.
const COMPILED: usize = 1 << 20;

/// Whether a name is meant.
type Fits = Box<dyn Fn(&str) -> bool>;

/// The consoles that a request is about, in order.
///
/// # Errors
/// What the client is told instead.
pub(super) async fn consoles(consoles: &Consoles, request: &Request) -> Result<Vec<(Arc<str>, Hub)>, String> {
    let (all, request) = (consoles.clone(), request.clone());
    // Patterns may be made to be slow: nobody else waits.
    let chosen = tokio::task::spawn_blocking(move || chosen(&all, &request));
    chosen
        .await
        .unwrap_or_else(|_| Err(Error::BadRequest.text("Invalid request", &[])))
}

fn chosen(consoles: &Consoles, request: &Request) -> Result<Vec<(Arc<str>, Hub)>, String> {
    let fits = fits(request)?;
    let mut found: Vec<_> = consoles.all().into_iter().filter(|(name, _)| fits(name)).collect();
    found.sort_by(|(a, _), (b, _)| in_order(a, b));
    let many = request.command == Command::Query || (request.command == Command::Connect && request.broadcast);
    match found.len() {
        0 => Err(Error::NoConsoles.text("Found no matching consoles", &[])),
        1 => Ok(found),
        _ if many => Ok(found),
        _ => Err(words::too_many(
            &found.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
        )),
    }
}

/// What a request's patterns mean.
fn fits(request: &Request) -> Result<Fits, String> {
    if request.consoles.is_empty() {
        let all = request.command == Command::Query;
        return Ok(Box::new(move |_| all));
    }
    if request.regex {
        return expression(&request.consoles.join("|"));
    }
    let has_signs = |pattern: &String| pattern.contains(['*', '?', '[', '\\']);
    let (patterns, names): (Vec<_>, Vec<_>) = request.consoles.iter().cloned().partition(has_signs);
    if patterns.len() > PATTERNS || patterns.iter().any(|pattern| pattern.len() > LETTERS) {
        let told = format!("Invalid request: at most {PATTERNS} patterns of {LETTERS} letters");
        return Err(Error::BadRequest.text(&told, &[]));
    }
    let names: HashSet<String> = names.into_iter().collect();
    Ok(Box::new(move |name| {
        names.contains(name) || patterns.iter().any(|pattern| matches(pattern, name))
    }))
}

/// A regular expression that fits a whole name, in any letters.
fn expression(pattern: &str) -> Result<Fits, String> {
    let bad = |why: &str| Error::BadRegex.text(why, &[]);
    if pattern.len() > PATTERNS * LETTERS {
        return Err(bad("Regular expression too big"));
    }
    let built = regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .case_insensitive(true)
        .size_limit(COMPILED)
        .build();
    match built {
        Ok(regex) => Ok(Box::new(move |name| regex.is_match(name))),
        Err(regex::Error::CompiledTooBig(_)) => Err(bad("Regular expression too big")),
        Err(_) => Err(bad("Invalid regular expression")),
    }
}
