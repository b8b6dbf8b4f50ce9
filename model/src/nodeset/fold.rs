//! Folding names into a short node set.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// A name's numbers, one set per place; names that differ in one place only are put together.
type Block = Vec<BTreeSet<Number>>;

/// A number as it was written. Ordered by value, so that ranges can be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Number {
    value: u64,
    width: usize,
}

/// The names as a short node set, sorted. Empty for no names.
pub fn fold<I>(names: I) -> String
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut shapes: BTreeMap<Vec<String>, Vec<Block>> = BTreeMap::new();
    for name in names {
        let (texts, numbers) = split(name.as_ref());
        shapes
            .entry(texts)
            .or_default()
            .push(numbers.into_iter().map(|n| BTreeSet::from([n])).collect());
    }
    let mut out = String::new();
    for (texts, mut boxes) in shapes {
        boxes.sort();
        boxes.dedup();
        merge(&mut boxes, texts.len() - 1);
        for numbers in boxes {
            if !out.is_empty() {
                out.push(',');
            }
            for (i, text) in texts.iter().enumerate() {
                out.push_str(text);
                if let Some(set) = numbers.get(i) {
                    write_set(&mut out, set);
                }
            }
        }
    }
    out
}

/// Cuts a name into the texts around its numbers (always one more than numbers) and the numbers.
fn split(name: &str) -> (Vec<String>, Vec<Number>) {
    let mut texts = vec![String::new()];
    let mut numbers = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (part, after) = if digits > 0 {
            rest.split_at(digits)
        } else {
            rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()))
        };
        rest = after;
        match part.parse::<u64>() {
            Ok(value) if digits > 0 && digits <= 18 => {
                numbers.push(Number { value, width: digits });
                texts.push(String::new());
            }
            _ => texts.last_mut().expect("begun with one text").push_str(part),
        }
    }
    (texts, numbers)
}

/// Puts boxes together that are equal in all places but one, until none are left.
fn merge(boxes: &mut Vec<Block>, places: usize) {
    loop {
        let before = boxes.len();
        for place in (0..places).rev() {
            let mut order: Vec<Block> = Vec::new();
            let mut known: HashMap<Block, usize> = HashMap::new();
            for mut numbers in boxes.drain(..) {
                let own = std::mem::take(&mut numbers[place]);
                match known.get(&numbers) {
                    Some(at) => order[*at][place].extend(own),
                    None => {
                        known.insert(numbers.clone(), order.len());
                        numbers[place] = own;
                        order.push(numbers);
                    }
                }
            }
            *boxes = order;
        }
        if boxes.len() == before {
            return;
        }
    }
}

fn write_set(out: &mut String, set: &BTreeSet<Number>) {
    if let Some(only) = set.first().filter(|_| set.len() == 1) {
        let _ = write!(out, "{:0width$}", only.value, width = only.width);
        return;
    }
    let mut left = set.clone();
    let mut separator = '[';
    while let Some(first) = left.pop_first() {
        // With leading zeros a range ends where the digits do; without them it grows from 9 to 10.
        let padded = is_padded(&first);
        let mut last = first.clone();
        while let Some(value) = last.value.checked_add(1) {
            let width = if padded { first.width } else { digits(value) };
            let next = Number { value, width };
            if digits(value) > width || !left.remove(&next) {
                break;
            }
            last = next;
        }
        let _ = write!(out, "{separator}{:0w$}", first.value, w = first.width);
        if last.value > first.value {
            let _ = write!(out, "-{:0w$}", last.value, w = last.width);
        }
        separator = ',';
    }
    out.push(']');
}

fn is_padded(number: &Number) -> bool {
    number.width > digits(number.value)
}

fn digits(value: u64) -> usize {
    value.checked_ilog10().unwrap_or(0) as usize + 1
}
