//! Times as people type them.

/// A time in seconds: a number with `s`, `m`, `h` or `d`.
///
/// # Errors
/// It is none.
pub fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text} is no time: 90s, 10m, 2h, 3d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(i64::from(number) * unit)
}

/// A time in seconds between two others.
///
/// # Errors
/// It is none, or not between them.
pub fn between(text: &str, least: &str, most: &str) -> Result<i64, String> {
    let time = seconds(text)?;
    match (seconds(least)?..=seconds(most)?).contains(&time) {
        true => Ok(time),
        false => Err(format!("{text} is not from {least} to {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_bounds() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("3d"), Ok(259_200));
        for wrong in ["", "s", "5", "-5m", "5 m", "1w", "99999999999s", "5\u{e4}"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(between("24h", "1m", "31d"), Ok(86_400));
        assert_eq!(between("5s", "30s", "1d").unwrap_err(), "5s is not from 30s to 1d");
    }
}
