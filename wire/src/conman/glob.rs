//! Patterns of a shell (POSIX.1-2024 XCU 2.14): `*`, `?`, `[a-c]`, `[!x]`, and `\` before what is meant as it is.

/// Whether a name fits a pattern. Takes no more steps than the product of their lengths.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut read) = (0, 0);
    // The last star, and where what it stands for ends: if nothing else fits, it stands for one more.
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, read));
            at += 1;
            continue;
        }
        match (one(&pattern[at..], name[read]), star) {
            (Some(length), _) => {
                at += length;
                read += 1;
            }
            (None, Some((after, until))) => {
                star = Some((after, until + 1));
                (at, read) = (after, until + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// How many letters of a pattern stand for this one; `None`: they stand for another, or there are none.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern {
        [] => None,
        ['?', ..] => Some(1),
        ['\\', meant, ..] => (*meant == letter).then_some(2),
        ['[', rest @ ..] => match set(rest, letter) {
            Some((fits, length)) => fits.then_some(length + 1),
            // Without its end it is a bracket.
            None => (letter == '[').then_some(1),
        },
        [meant, ..] => (*meant == letter).then_some(1),
    }
}

/// A set after its bracket: whether it holds the letter, and its length with the bracket that ends it.
fn set(pattern: &[char], letter: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.first(), Some('!' | '^'));
    let mut at = usize::from(negated);
    let (mut holds, begin) = (false, at);
    loop {
        match pattern[at..] {
            [] => return None,
            // A bracket that stands first is meant as it is.
            [']', ..] if at > begin => return Some((holds != negated, at + 1)),
            [from, '-', to, ..] if to != ']' => {
                holds |= (from..=to).contains(&letter);
                at += 3;
            }
            ['\\', meant, ..] => {
                holds |= meant == letter;
                at += 2;
            }
            [meant, ..] => {
                holds |= meant == letter;
                at += 1;
            }
        }
    }
}
