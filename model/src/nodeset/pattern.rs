//! A name with ranges in it, `rack[1-2]n[01-04]`.

use std::fmt::Write as _;

/// Texts and ranges in turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pattern {
    pub pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Numbers(Vec<Numbers>),
}

/// `first-last/step`, each number padded with zeros to `width` digits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    pub first: u64,
    pub last: u64,
    pub step: u64,
    pub width: usize,
}

impl Numbers {
    fn count(&self) -> u128 {
        u128::from((self.last - self.first) / self.step) + 1
    }
}

impl Pattern {
    /// The text, if there are no ranges in it.
    pub fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it stands for all nodes that look like it.
    pub fn is_glob(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Text(text) if text.contains(['*', '?'])))
    }

    /// How many names it stands for.
    pub fn count(&self) -> u128 {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(_) => 1,
                Piece::Numbers(ranges) => ranges.iter().map(Numbers::count).sum(),
            })
            .fold(1, u128::saturating_mul)
    }

    /// All its names; the last range counts fastest.
    pub fn expand(&self) -> Vec<String> {
        let mut names = vec![String::new()];
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => names.iter_mut().for_each(|name| name.push_str(text)),
                Piece::Numbers(ranges) => {
                    let mut longer = Vec::with_capacity(names.len() * ranges.len());
                    for name in &names {
                        for range in ranges {
                            let mut number = range.first;
                            loop {
                                let mut next = String::with_capacity(name.len() + 8);
                                next.push_str(name);
                                let _ = write!(next, "{number:0width$}", width = range.width);
                                longer.push(next);
                                match number.checked_add(range.step) {
                                    Some(after) if after <= range.last => number = after,
                                    _ => break,
                                }
                            }
                        }
                    }
                    names = longer;
                }
            }
        }
        names
    }
}

/// Whether a name looks like a pattern of `*` (any letters) and `?` (one letter).
pub(super) fn matches(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.as_bytes(), name.as_bytes());
    let (mut g, mut n) = (0, 0);
    // Where to go on when a letter does not fit: the last star swallows one more.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[n] => {
                g += 1;
                n += 1;
            }
            _ => match star {
                Some((at, swallowed)) => {
                    star = Some((at, swallowed + 1));
                    g = at + 1;
                    n = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|letter| *letter == b'*')
}
