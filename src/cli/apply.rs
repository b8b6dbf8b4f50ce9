//! `bellwether plan` and `bellwether apply`.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use model::plan::Plan;

use super::args::{Apply, File};
use super::client::Client;
use super::paths::Paths;
use super::{Failure, Printer, check, confirm, output};

/// How many changed nodes are shown with their differences before the rest is only named.
const SHOWN: usize = 10;

/// Shows what applying a file would change.
pub async fn plan(printer: &Printer, paths: &Paths, args: &File) -> Result<(), Failure> {
    let (_, plan) = ask(printer, paths, &args.file).await?;
    let value = serde_json::to_value(&plan).unwrap_or_default();
    printer.value(&value, || render(printer, &plan))
}

/// Shows the plan, asks, and makes the file take effect.
pub async fn apply(printer: &Printer, paths: &Paths, args: &Apply) -> Result<(), Failure> {
    let (text, plan) = ask(printer, paths, &args.file).await?;
    if !printer.json() {
        output::text(&render(printer, &plan))?;
    }
    if !args.yes && !plan.is_empty() && !confirm::confirmed(printer, "Apply?")? {
        return Err(Failure::new("nothing was changed"));
    }
    let value = Client::new(paths).post("/v1/apply", text).await?;
    printer.value(&value, || {
        if value["changed"] == true {
            format!("applied: {} nodes are declared\n", value["nodes"])
        } else {
            "this file is in force already\n".to_string()
        }
    })
}

async fn ask(printer: &Printer, paths: &Paths, file: &Path) -> Result<(String, Plan), Failure> {
    let text = check::read(file)?;
    // Mistakes are shown with the file's own name and in colour, before the server is asked.
    check::checked(printer, &file.display().to_string(), &text, model::config::read(&text))?;
    let value = Client::new(paths).post("/v1/plan", text.clone()).await?;
    let plan = serde_json::from_value(value).map_err(|error| {
        Failure::new(format!(
            "the server's plan cannot be read, is it of another version? {error}"
        ))
    })?;
    Ok((text, plan))
}

fn render(printer: &Printer, plan: &Plan) -> String {
    if plan.is_empty() {
        return format!("no node would see a difference ({} nodes)\n", plan.unchanged);
    }
    let paint = |color: AnsiColor| {
        if printer.color {
            Style::new().fg_color(Some(color.into()))
        } else {
            Style::new()
        }
    };
    let (green, red, yellow) = (paint(AnsiColor::Green), paint(AnsiColor::Red), paint(AnsiColor::Yellow));
    let mut out = String::new();
    for sentence in &plan.cluster {
        out += &format!("{yellow}~{yellow:#} {sentence}\n");
    }
    for (sign, style, names) in [("+", green, &plan.added), ("-", red, &plan.removed)] {
        if !names.is_empty() {
            let what = if sign == "+" { "new" } else { "gone" };
            out += &format!("{style}{sign} {}{style:#} {what}\n", model::nodeset::fold(names));
        }
    }
    for change in plan.changed.iter().take(SHOWN) {
        let documents: Vec<&str> = change.answers.iter().map(|a| a.document.as_str()).collect();
        out += &format!("{yellow}~ {}{yellow:#} {}\n", change.node, documents.join(", "));
        for answer in &change.answers {
            out += &indented(&answer.diff, green, red);
        }
    }
    if plan.changed.len() > SHOWN {
        let rest: Vec<String> = plan
            .changed
            .iter()
            .skip(SHOWN)
            .map(|change| change.node.clone())
            .collect();
        out += &format!(
            "{yellow}~ {}{yellow:#} change too (--output json shows each)\n",
            model::nodeset::fold(&rest)
        );
    }
    if let Some(diff) = &plan.hosts {
        out += &format!("{yellow}~{yellow:#} /etc/hosts of every node\n");
        out += &indented(diff, green, red);
    }
    out + &format!(
        "{} new, {} gone, {} changed, {} unchanged\n",
        plan.added.len(),
        plan.removed.len(),
        plan.changed.len(),
        plan.unchanged
    )
}

fn indented(diff: &str, green: Style, red: Style) -> String {
    // The two header lines say what the line above says already.
    diff.lines()
        .skip(2)
        .map(|line| match line.as_bytes().first() {
            Some(b'+') => format!("    {green}{line}{green:#}\n"),
            Some(b'-') => format!("    {red}{line}{red:#}\n"),
            _ => format!("    {line}\n"),
        })
        .collect()
}
