//! Numbers in a row: percentiles.

use serde::Serialize;

/// How values are spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The least.
    pub min: f64,
    /// Half are at or below this.
    pub p50: f64,
    /// Nine in ten are at or below this.
    pub p90: f64,
    /// Ninety-nine in a hundred are at or below this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of some values; zeros if there are none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Self::default();
        };
        // Nearest rank: a value that was measured, never one in between.
        let at = |share: f64| values[((values.len() as f64 * share).ceil() as usize).clamp(1, values.len()) - 1];
        Self {
            count: values.len(),
            min,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max,
        }
    }
}

/// A text whose numbers are replaced, so that failures that differ only in them count as one.
pub fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let spread = Spread::of((1..=200).map(f64::from).rev().collect());
        let all = (spread.min, spread.p50, spread.p90, spread.p99, spread.max);
        assert_eq!(all, (1.0, 100.0, 180.0, 198.0, 200.0));
        assert_eq!(Spread::of(vec![7.0]).p99, 7.0);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn failures_that_differ_only_in_numbers_are_alike() {
        assert_eq!(without_numbers("block 17 of 4 is late"), "block # of # is late");
    }
}
