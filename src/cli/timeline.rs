//! `bellwether timeline`: a boot as a waterfall.

use anstyle::Style;
use jiff::SignedDuration;
use model::measure;
use model::timeline::{Ended, Kind, Row, Timeline};

use super::sheet::{self, Sheet};

/// Columns of the offset and of the step.
const OFFSET: usize = 7;
const STEP: usize = 11;

/// The waterfall. Harmless detours are shown if `all` is set, else only counted.
pub fn render(timeline: &Timeline, all: bool, sheet: &Sheet) -> String {
    let mut out = head(timeline, sheet);
    out.push('\n');
    let scale = Scale::new(timeline.total, sheet);
    let mut hidden = 0;
    for row in &timeline.rows {
        if row.benign.is_some() && !all {
            hidden += row.times as usize;
            continue;
        }
        self::row(&mut out, row, &scale, sheet);
    }
    out.push('\n');
    out.push_str(&summary(timeline, sheet));
    if hidden > 0 {
        let text = format!(
            "{} not shown, known to be harmless (--all shows them)",
            measure::count(hidden, "detour")
        );
        out.push_str(&sheet.paint(sheet::DIM, &text));
        out.push('\n');
    }
    out
}

fn head(timeline: &Timeline, sheet: &Sheet) -> String {
    let target = match (&timeline.target, &timeline.image) {
        (Some(target), Some(image)) => format!(", {target} {image}"),
        (Some(target), None) => format!(", {target}"),
        (None, _) => String::new(),
    };
    format!(
        "{}  boot {}{target}, began {}\n",
        sheet.paint(Style::new().bold(), &timeline.node),
        timeline.boot,
        sheet.date(timeline.started)
    )
}

fn row(out: &mut String, row: &Row, scale: &Scale, sheet: &Sheet) {
    let style = style(row);
    let text_at = OFFSET + 1 + scale.cells + 1 + STEP + 1;
    let step = row.step.map(|s| s.as_str()).unwrap_or_default();
    let head = format!(
        "{} {} {} ",
        sheet.paint(sheet::DIM, &format!("{:>OFFSET$}", scale.offset(row.at))),
        sheet.paint(bar_style(row), &scale.bar(row)),
        sheet.paint(style, &format!("{step:<STEP$}")),
    );
    let room = sheet.width.saturating_sub(text_at);
    let text = sentence(row, room);
    let lines = sheet::wrap(&sheet.spell(&text), room.max(20));
    for (n, line) in lines.iter().enumerate() {
        if n == 0 {
            out.push_str(&head);
        } else {
            out.push_str(&" ".repeat(text_at));
        }
        out.push_str(&sheet.paint(style, line));
        out.push('\n');
    }
}

/// What happened, with as many figures as there is room for.
fn sentence(row: &Row, room: usize) -> String {
    let span = row.duration.map(measure::span);
    if row.kind == Kind::Gap {
        return format!("{}: {} {}", span.unwrap_or_default(), row.who, row.what);
    }
    let mut text = format!("{} {}", row.who, row.what);
    if row.times > 1 {
        text += &format!(" ×{}", row.times);
    }
    if let (Kind::Transfer, Some(bytes)) = (row.kind, row.detail.bytes) {
        text += &format!(", {}", measure::size(bytes));
        if let Some(span) = span {
            text += &format!(" in {span}");
        }
        if let Some(rate) = row.detail.rate {
            let rate = format!(" ({}/s)", measure::size(rate));
            if text.chars().count() + rate.chars().count() <= room {
                text += &rate;
            }
        }
    }
    if let Some(why) = &row.benign {
        text += &format!(" (harmless: {why})");
    }
    text
}

fn style(row: &Row) -> Style {
    match row.kind {
        _ if row.trouble => sheet::BAD,
        _ if row.benign.is_some() => sheet::DIM,
        Kind::Gap => sheet::DIM,
        _ if row.step == Some(model::world::Step::Ready) => sheet::GOOD,
        Kind::Question | Kind::Answer | Kind::Transfer | Kind::Note => Style::new(),
    }
}

fn bar_style(row: &Row) -> Style {
    match (style(row), row.kind) {
        (plain, Kind::Transfer) if plain == Style::new() => sheet::FILE,
        (plain, Kind::Answer | Kind::Question) if plain == Style::new() => sheet::TALK,
        (dim, Kind::Gap) if dim == sheet::DIM => sheet::WATCH.dimmed(),
        (style, _) => style,
    }
}

fn summary(timeline: &Timeline, sheet: &Sheet) -> String {
    let total = measure::span(timeline.total);
    let (style, text) = match &timeline.end {
        Ended::Ready => (sheet::GOOD, format!("ready after {total}")),
        Ended::Installed => (sheet::GOOD, format!("installed after {total}")),
        Ended::Underway => (sheet::TALK, format!("under way for {total}")),
        Ended::Local => (sheet::GOOD, format!("handed over to its own disk after {total}")),
        Ended::Failed(why) => {
            let why = why.trim().lines().next().unwrap_or_default();
            (sheet::BAD, format!("failed after {total}: {why}"))
        }
        Ended::Restarted => (sheet::BAD, format!("not ready when it started anew after {total}")),
        Ended::Off => (sheet::WATCH, format!("switched off after {total}")),
    };
    let spent = timeline.spent;
    let parts: Vec<String> = [
        ("firmware", spent.firmware),
        ("loader", spent.loader),
        ("transfers", spent.transfers),
        ("kernel and initramfs", spent.kernel),
        ("system", spent.system),
    ]
    .into_iter()
    .filter(|(_, part)| *part >= SignedDuration::from_millis(1))
    .map(|(name, part)| format!("{name} {}", measure::span(part)))
    .collect();
    let mut out = String::new();
    let mut lines = sheet::wrap(&text, sheet.width).into_iter();
    let first = lines.next().unwrap_or_default();
    out.push_str(&sheet.paint(style.bold(), &first));
    out.push('\n');
    for line in lines {
        out.push_str(&sheet.paint(style.bold(), &line));
        out.push('\n');
    }
    if !parts.is_empty() {
        sheet::hang(&mut out, "  ", 2, &parts.join(", "), sheet.width);
    }
    out
}

/// How time becomes columns.
struct Scale {
    total: SignedDuration,
    cells: usize,
    unicode: bool,
}

impl Scale {
    fn new(total: SignedDuration, sheet: &Sheet) -> Self {
        let cells = (sheet.width * 3 / 10).saturating_sub(11).clamp(8, 48);
        Self {
            total,
            cells,
            unicode: sheet.unicode,
        }
    }

    /// Seconds with two decimals; minutes and seconds in a boot of more than ten minutes.
    fn offset(&self, at: SignedDuration) -> String {
        if self.total < SignedDuration::from_mins(10) {
            return format!("{:.2}", at.as_millis() as f64 / 1000.0);
        }
        format!("{}:{:02}", at.as_secs() / 60, at.as_secs() % 60)
    }

    /// The bar of a row, `cells` wide.
    fn bar(&self, row: &Row) -> String {
        let total = self.total.as_millis().max(1) as f64;
        let place = |at: SignedDuration| at.as_millis() as f64 / total * self.cells as f64;
        let begin = place(row.at).clamp(0.0, self.cells as f64 - 0.001);
        let length = (row.duration.map_or(0.0, place)).min(self.cells as f64 - begin);
        let first = begin.floor() as usize;
        let whole = (length.round() as usize).min(self.cells - first);
        let drawn = match (row.kind, self.unicode) {
            (Kind::Gap, true) => "·".repeat(whole.max(1)),
            (Kind::Gap, false) => ".".repeat(whole.max(1)),
            // What takes less than a cell is as thick as it is long.
            (_, true) if whole == 0 => ["▏", "▎", "▍", "▌"][((length * 8.0) as usize).min(3)].to_string(),
            (_, true) => "█".repeat(whole),
            (_, false) if whole == 0 => "|".to_string(),
            (_, false) => "#".repeat(whole),
        };
        let after = self.cells - first - drawn.chars().count();
        format!("{}{drawn}{}", " ".repeat(first), " ".repeat(after))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::timeline;
    use super::super::sheet::sheet;
    use super::*;

    #[test]
    fn a_boot_fits_80_columns() {
        insta::assert_snapshot!(render(&timeline("uefi"), false, &sheet(80)));
    }

    #[test]
    fn a_boot_fits_100_columns_with_all_its_detours() {
        insta::assert_snapshot!(render(&timeline("uefi"), true, &sheet(100)));
    }

    #[test]
    fn a_boot_fills_140_columns() {
        insta::assert_snapshot!(render(&timeline("uefi"), false, &sheet(140)));
    }

    #[test]
    fn trouble_in_ascii() {
        let ascii = Sheet {
            unicode: false,
            ..sheet(100)
        };
        let text = render(&timeline("trouble"), true, &ascii);
        assert!(text.is_ascii(), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn no_line_is_wider_than_the_sheet() {
        for width in [60, 80, 97, 100, 140, 200] {
            for name in ["uefi", "trouble"] {
                for line in render(&timeline(name), true, &sheet(width)).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn colours_change_no_letter() {
        let plain = render(&timeline("uefi"), true, &sheet(100));
        let painted = render(
            &timeline("uefi"),
            true,
            &Sheet {
                color: true,
                ..sheet(100)
            },
        );
        assert_ne!(painted, plain);
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
    }
}
