//! "did you mean": the nearest of the words that would have been right.

/// The nearest word, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A slip of the finger in a short word, up to three in a long one; long texts are no slips.
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let allowed = (length / 3).clamp(1, 3);
    let folded = fold(word);
    candidates
        .into_iter()
        .filter(|c| c.chars().count().abs_diff(length) <= allowed)
        .map(|c| (distance(&folded, &fold(c)), c))
        .filter(|(d, _)| *d <= allowed)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// "did you mean `x`?" for a help line.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|c| format!("did you mean `{c}`?"))
}

/// Hyphen, underscore and letter case are no difference to a person.
fn fold(word: &str) -> Vec<char> {
    word.chars()
        .map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

/// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_far_ones_are_not() {
        let words = ["kernel_args", "packages", "mac", "mtu", "compute"];
        let table = [
            ("kernel-args", Some("kernel_args")),
            ("kernal_arg", Some("kernel_args")),
            ("pakcages", Some("packages")),
            ("MAC", Some("mac")),
            ("mut", Some("mtu")),
            ("computer", Some("compute")),
            ("storage", None),
            ("", None),
        ];
        for (typed, meant) in table {
            assert_eq!(nearest(typed, words), meant, "{typed}");
        }
    }
}
