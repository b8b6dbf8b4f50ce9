//! Durations, sizes and rates in the words of people.
//!
//! Invariant: a text holds two or three significant figures: what is read at a glance, not what is computed with.

use jiff::SignedDuration;

/// `40 ms`, `3.8 s`, `41 s`, `2 min 5 s`, `3 h 20 min`, `5 d 2 h`. Negative durations read as nothing at all: `0 s`.
pub fn span(duration: SignedDuration) -> String {
    let ms = duration.as_millis().max(0);
    let two = |big: i128, unit: &str, small: i128, part: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {part}"),
    };
    match ms {
        0 => "0 s".into(),
        1..1_000 => format!("{ms} ms"),
        1_000..9_950 => {
            let tenths = (ms + 50) / 100;
            match tenths % 10 {
                0 => format!("{} s", tenths / 10),
                tenth => format!("{}.{tenth} s", tenths / 10),
            }
        }
        9_950..59_500 => format!("{} s", (ms + 500) / 1_000),
        59_500..3_600_000 => {
            let s = (ms + 500) / 1_000;
            two(s / 60, "min", s % 60, "s")
        }
        3_600_000..86_400_000 => two(ms / 3_600_000, "h", ms / 60_000 % 60, "min"),
        _ => two(ms / 86_400_000, "d", ms / 3_600_000 % 24, "h"),
    }
}

/// `812 B`, `1.2 kB`, `174 kB`, `1.15 MB`, `14.2 MB`, `1.8 GB`: decimal units, as disks and networks are sold.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if unit == 0 => usize::from(v < 9.95),
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// Bytes over a duration, `62.3 MB/s`; `None` for what took no measurable time.
pub fn rate(bytes: u64, took: SignedDuration) -> Option<String> {
    let ms = u64::try_from(took.as_millis()).ok().filter(|ms| *ms > 0)?;
    Some(format!("{}/s", size(bytes.saturating_mul(1_000) / ms)))
}

/// `1 boot`, `3 boots`.
pub fn count(n: usize, thing: &str) -> String {
    match n {
        1 => format!("1 {thing}"),
        _ => format!("{n} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (ms, text) in [
            (-5, "0 s"),
            (0, "0 s"),
            (40, "40 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (3_840, "3.8 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (41_200, "41 s"),
            (59_600, "1 min"),
            (125_000, "2 min 5 s"),
            (12_000_000, "3 h 20 min"),
            (439_200_000, "5 d 2 h"),
        ] {
            assert_eq!(span(SignedDuration::from_millis(ms)), text, "{ms} ms");
        }
    }

    #[test]
    fn sizes_have_three_figures_at_most() {
        for (bytes, text) in [
            (0, "0 B"),
            (812, "812 B"),
            (1_236, "1.2 kB"),
            (33_300, "33 kB"),
            (174_080, "174 kB"),
            (999_600, "1.00 MB"),
            (1_150_000, "1.15 MB"),
            (14_200_000, "14.2 MB"),
            (174_000_000, "174 MB"),
            (1_800_000_000, "1.80 GB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes} bytes");
        }
    }

    #[test]
    fn an_instant_has_no_rate() {
        assert_eq!(rate(174_000, SignedDuration::ZERO), None);
        assert_eq!(
            rate(14_200_000, SignedDuration::from_millis(240)).as_deref(),
            Some("59.2 MB/s")
        );
    }
}
