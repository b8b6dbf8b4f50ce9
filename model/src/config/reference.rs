//! The manual of the cluster file, made from the same declarations as its reader.

use std::fmt::Write as _;

use super::raw::ClusterFile;
use super::read::{SectionInfo, Shape};
use super::schema::text;
use super::section::Section;

const HEAD: &str = include_str!("reference.md");

/// The manual of the cluster file in Markdown, as it stands in `docs/cluster-file.md`.
pub fn reference() -> String {
    let mut out = HEAD.to_string();
    let mut known = Vec::new();
    write_section(&mut out, ClusterFile::info(), &mut known);
    out
}

fn write_section(out: &mut String, info: SectionInfo, known: &mut Vec<&'static str>) {
    if known.contains(&info.name) {
        return;
    }
    known.push(info.name);
    let _ = write!(out, "\n## {}\n\n{}\n\n", title(info.name), text(info.doc));
    out.push_str("| key | value | meaning |\n|---|---|---|\n");
    for field in &info.fields {
        let required = if field.required { ", required" } else { "" };
        let meaning = text(field.doc).replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{}` | {}{required} | {meaning} |",
            field.key,
            value(&field.shape)
        );
    }
    if let Some(with) = &info.with {
        let _ = writeln!(
            out,
            "| … | | every key of [{}](#{}) |",
            title(with.name),
            anchor(with.name)
        );
    }
    let mut below: Vec<SectionInfo> = info.fields.into_iter().filter_map(|field| inner(field.shape)).collect();
    below.extend(info.with.map(|with| *with));
    for section in below {
        write_section(out, section, known);
    }
}

/// "a package source" -> "Package source".
fn title(name: &str) -> String {
    let name = ["the ", "an ", "a "]
        .iter()
        .find_map(|article| name.strip_prefix(article))
        .unwrap_or(name);
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn anchor(name: &str) -> String {
    title(name).to_lowercase().replace(' ', "-")
}

fn value(shape: &Shape) -> String {
    match shape {
        Shape::Scalar { noun, .. } => (*noun).to_string(),
        Shape::Section(info) => format!("[{}](#{})", title(info.name).to_lowercase(), anchor(info.name)),
        Shape::List(item) => format!("list, each {}", value(item)),
        Shape::Many(item) => format!("{}, or a list", value(item)),
        Shape::Map(item) => format!("by name, each {}", value(item)),
    }
}

fn inner(shape: Shape) -> Option<SectionInfo> {
    match shape {
        Shape::Scalar { .. } => None,
        Shape::Section(info) => Some(info),
        Shape::List(item) | Shape::Many(item) | Shape::Map(item) => inner(*item),
    }
}
