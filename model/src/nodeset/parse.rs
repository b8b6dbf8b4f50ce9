//! Reading the text of a node set.

use std::ops::Range;

use super::pattern::{Numbers, Pattern, Piece};
use super::{NodeSet, NodeSetError, NodeSetErrorKind as Kind, Operand, Operator};

pub(super) fn parse(text: &str) -> Result<NodeSet, NodeSetError> {
    let mut first = None;
    let mut rest = Vec::new();
    let mut operator = Operator::Union;
    let mut start = 0;
    let mut bracket = None;
    for (at, letter) in text.char_indices() {
        match letter {
            '[' if bracket.is_some() => return Err(error(at..at + 1, Kind::Bracket('['))),
            '[' => bracket = Some(at),
            ']' if bracket.take().is_none() => return Err(error(at..at + 1, Kind::Bracket(']'))),
            ',' | '!' | '&' | '^' if bracket.is_none() => {
                let found = operand(text, start..at)?;
                match first {
                    None => first = Some(found),
                    Some(_) => rest.push((operator, found)),
                }
                operator = match letter {
                    ',' => Operator::Union,
                    '!' => Operator::Difference,
                    '&' => Operator::Intersection,
                    _ => Operator::Either,
                };
                start = at + 1;
            }
            _ => {}
        }
    }
    if let Some(at) = bracket {
        return Err(error(at..at + 1, Kind::Bracket('[')));
    }
    let last = operand(text, start..text.len())?;
    let first = match first {
        None => last,
        Some(first) => {
            rest.push((operator, last));
            first
        }
    };
    Ok(NodeSet {
        text: text.trim().to_string(),
        first,
        rest,
    })
}

fn operand(text: &str, span: Range<usize>) -> Result<Operand, NodeSetError> {
    let part = &text[span.clone()];
    let lead = part.len() - part.trim_start().len();
    let span = span.start + lead..span.start + lead + part.trim().len();
    let part = part.trim();
    let (group, name) = match part.strip_prefix('@') {
        Some(name) => (true, name),
        None => (false, part),
    };
    if name.is_empty() {
        return Err(error(
            span.start..span.end.max((span.start + 1).min(text.len())),
            Kind::Missing,
        ));
    }
    let begin = span.end - name.len();
    Ok(Operand {
        pattern: pattern(name, begin)?,
        group,
        span,
    })
}

fn pattern(name: &str, begin: usize) -> Result<Pattern, NodeSetError> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let at = begin + name.len() - rest.len();
        if let Some(inside) = rest.strip_prefix('[') {
            // The brackets were matched before the text was cut into operands.
            let end = inside.find(']').unwrap_or(inside.len());
            pieces.push(Piece::Numbers(ranges(&inside[..end], at + 1)?));
            rest = inside.get(end + 1..).unwrap_or("");
        } else {
            let end = rest.find('[').unwrap_or(rest.len());
            let part = &rest[..end];
            if let Some((i, bad)) = part.char_indices().find(|(_, c)| !allowed(*c)) {
                return Err(error(at + i..at + i + bad.len_utf8(), Kind::Character(bad)));
            }
            pieces.push(Piece::Text(part.to_string()));
            rest = &rest[end..];
        }
    }
    Ok(Pattern { pieces })
}

/// Letters of node and group names, of addresses, and the two that make a glob.
fn allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':' | '*' | '?')
}

fn ranges(inside: &str, begin: usize) -> Result<Vec<Numbers>, NodeSetError> {
    let mut found = Vec::new();
    let mut at = begin;
    for part in inside.split(',') {
        found.push(numbers(part, at)?);
        at += part.len() + 1;
    }
    Ok(found)
}

fn numbers(part: &str, at: usize) -> Result<Numbers, NodeSetError> {
    let span = at..(at + part.len()).max(at + 1);
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, number(step.trim())),
        None => (part, Some(1)),
    };
    let (low, high) = range.split_once('-').unwrap_or((range, range));
    let (low, high) = (low.trim(), high.trim());
    let (Some(first), Some(last), Some(step)) = (number(low), number(high), step) else {
        return Err(error(span, Kind::NotARange(part.to_string())));
    };
    if step == 0 {
        return Err(error(span, Kind::Step));
    }
    if first > last {
        return Err(error(span, Kind::Backwards(low.to_string(), high.to_string())));
    }
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    let width = if padded(low) || padded(high) { low.len() } else { 0 };
    if width > 0 && low.len() != high.len() {
        return Err(error(span, Kind::Padding(low.to_string(), high.to_string())));
    }
    Ok(Numbers {
        first,
        last,
        step,
        width,
    })
}

/// At most 18 digits, so that counting cannot overflow.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn error(span: Range<usize>, kind: Kind) -> NodeSetError {
    NodeSetError { span, kind }
}
