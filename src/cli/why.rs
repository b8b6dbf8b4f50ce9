//! `bellwether why`: how a node stands, and what to do.

use anstyle::Style;
use model::measure;
use model::why::{Verdict, Why};

use super::sheet::{self, Sheet};

/// All that is known of one node.
pub fn render(why: &Why, sheet: &Sheet) -> String {
    let mut out = headline(why, sheet);
    out.push('\n');
    sheet::hang(&mut out, "", 0, &sheet.spell(&why.cause), sheet.width);
    if let Some(awaited) = awaited(why, sheet) {
        out.push('\n');
        sheet::hang(&mut out, "Awaited: ", 9, &awaited, sheet.width);
    }
    let now = sheet.date(why.now);
    let today = now.split(' ').next().unwrap_or_default();
    if !why.evidence.is_empty() {
        title(&mut out, "Known", sheet);
        for fact in &why.evidence {
            let at = fact.at.map(|at| {
                let date = sheet.date(at);
                match date.strip_prefix(today) {
                    Some(time) => time.trim().to_string(),
                    None => date.get(5..16).unwrap_or(&date).to_string(),
                }
            });
            let at = sheet.paint(sheet::DIM, &format!("{:>11}", at.unwrap_or_default()));
            sheet::hang(&mut out, &format!("{at}  "), 13, &sheet.spell(&fact.text), sheet.width);
        }
    }
    if !why.advice.is_empty() {
        title(&mut out, "What to do", sheet);
        for (n, advice) in why.advice.iter().enumerate() {
            sheet::hang(
                &mut out,
                &format!("  {}. ", n + 1),
                5,
                &sheet.spell(advice),
                sheet.width,
            );
        }
    }
    if !why.benign.is_empty() {
        title(&mut out, "Harmless", sheet);
        for benign in &why.benign {
            for (n, line) in sheet::wrap(&sheet.spell(benign), sheet.width - 4).iter().enumerate() {
                let mark = if n == 0 { "  - " } else { "    " };
                out.push_str(&sheet.paint(sheet::DIM, &format!("{mark}{line}")));
                out.push('\n');
            }
        }
    }
    out
}

/// One line, for a list of many nodes.
pub fn headline(why: &Why, sheet: &Sheet) -> String {
    let style = match why.verdict {
        Verdict::Ready => sheet::GOOD,
        Verdict::OnItsWay => sheet::TALK,
        Verdict::Stuck | Verdict::Failed => sheet::BAD,
        Verdict::Never => sheet::WATCH,
        Verdict::Idle => Style::new(),
    };
    format!("{}\n", sheet.paint(style.bold(), &sheet.spell(&why.headline)))
}

fn title(out: &mut String, text: &str, sheet: &Sheet) {
    out.push('\n');
    out.push_str(&sheet.paint(Style::new().bold(), text));
    out.push('\n');
}

fn awaited(why: &Why, sheet: &Sheet) -> Option<String> {
    let (step, limit) = (why.awaited?, why.limit?);
    let due = why.since.checked_add(limit.deadline()).unwrap_or(why.since);
    let late = if why.overdue { "overdue since" } else { "overdue from" };
    Some(format!(
        "{} since {}, usually there after {}, {late} {}",
        step.as_str(),
        sheet.time(why.since),
        measure::span(limit.usual()),
        sheet.time(due)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::why;
    use super::super::sheet::sheet;
    use super::*;

    #[test]
    fn a_node_without_a_second_dhcp_at_80_columns() {
        insta::assert_snapshot!(render(&why("loader", 101), &sheet(80)));
    }

    #[test]
    fn a_node_on_its_way_at_100_columns() {
        insta::assert_snapshot!(render(&why("loader", 3), &sheet(100)));
    }

    #[test]
    fn a_ready_node_a_day_later() {
        insta::assert_snapshot!(render(&why("uefi", 90_000), &sheet(100)));
    }

    #[test]
    fn a_missing_kernel_at_140_columns() {
        insta::assert_snapshot!(render(&why("trouble", 2), &sheet(140)));
    }

    #[test]
    fn colours_change_no_letter() {
        let painted = render(
            &why("loader", 101),
            &Sheet {
                color: true,
                ..sheet(80)
            },
        );
        let plain = render(&why("loader", 101), &sheet(80));
        assert_ne!(painted, plain);
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
    }
}
