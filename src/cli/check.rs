//! `bellwether check`.

use std::path::Path;

use model::config::{Reading, Severity};
use serde_json::json;

use super::args::File;
use super::{Failure, Printer, diagnostics, output};

/// Checks a cluster file and shows every mistake.
pub fn run(printer: &Printer, args: &File) -> Result<(), Failure> {
    let text = read(&args.file)?;
    let reading = model::config::read(&text);
    let shown = args.file.display().to_string();
    if printer.json() {
        let newlines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |at: usize| newlines.partition_point(|newline| *newline < at) + 1;
        let problems: Vec<_> = reading
            .diagnostics
            .iter()
            .map(|d| {
                json!({
                    "severity": if d.severity == Severity::Error { "error" } else { "warning" },
                    "code": d.code, "message": d.message, "help": d.help,
                    "labels": d.labels.iter().map(|l| json!({
                        "line": line(l.span.start), "start": l.span.start, "end": l.span.end, "text": l.text,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        output::text(&super::pretty(&json!({
            "file": shown, "valid": reading.cluster.is_some(), "problems": problems,
            "nodes": reading.cluster.as_ref().map(|c| c.nodes.len()),
        })))?;
    }
    let cluster = checked(printer, &shown, &text, reading)?;
    if printer.json() {
        return Ok(());
    }
    let nodes = cluster.nodes.len();
    let plural = |n: usize, word: &str| {
        if n == 1 {
            format!("1 {word}")
        } else {
            format!("{n} {word}s")
        }
    };
    output::text(&format!(
        "{shown} is fine: {}, {}, {}, {}\n",
        plural(nodes, "node"),
        plural(cluster.networks.len(), "network"),
        plural(cluster.groups.len(), "group"),
        plural(cluster.profiles.len(), "profile")
    ))
}

/// Reads a cluster file.
pub fn read(path: &Path) -> Result<String, Failure> {
    crate::cluster_file::text(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::InvalidData {
            return Failure::usage(format!(
                "{} is no cluster file: it is not text in UTF-8",
                path.display()
            ));
        }
        let failure = Failure::io("read", path, source);
        if path == Path::new("cluster.yaml") {
            failure.with_detail("Name the cluster file: bellwether check FILE")
        } else {
            failure
        }
    })
}

/// The cluster, or its mistakes; warnings are shown either way.
pub fn checked(
    printer: &Printer,
    name: &str,
    text: &str,
    reading: Reading,
) -> Result<model::cluster::Cluster, Failure> {
    let shown = diagnostics::render(name, text, &reading.diagnostics, printer.color);
    let errors = reading
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    match reading.cluster {
        Some(cluster) => {
            if !reading.diagnostics.is_empty() && !printer.json() {
                anstream::eprint!("{shown}");
            }
            Ok(cluster)
        }
        None => {
            if !printer.json() {
                anstream::eprint!("{shown}");
            }
            let what = if errors == 1 {
                "one mistake".to_string()
            } else {
                format!("{errors} mistakes")
            };
            Err(Failure::usage(format!("{name} has {what}")))
        }
    }
}
