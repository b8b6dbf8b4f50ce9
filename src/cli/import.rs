//! `bellwether import`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use model::import::{Format, Imported, SIZE, Source, Wishes, import};
use serde_json::json;

use super::{Failure, Printer};

/// `import`.
#[derive(Debug, ClapArgs)]
pub struct Import {
    /// Format
    #[arg(value_name = "FORMAT", value_parser = format_parser())]
    format: Format,
    /// Files, which are put together; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Name of the cluster
    #[arg(long, default_value = "imported", value_parser = cluster_name)]
    name: String,
    /// Cluster file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Take the place of a file that is there
    #[arg(long)]
    force: bool,
}

fn format_parser() -> impl clap::builder::TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str))
        .map(|word| Format::parse(&word).expect("only words of formats get past the list"))
}

/// A host name, as the cluster file takes it.
fn cluster_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits =
        (1..=63).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-') && !text.ends_with('-');
    match fits {
        true => Ok(text.to_string()),
        false => Err("a name has lower-case letters, digits and hyphens inside, 63 at most".to_string()),
    }
}

/// Makes a cluster file of other programs' files.
pub fn run(printer: &Printer, args: &Import) -> Result<(), Failure> {
    if let Some(file) = args.write.as_deref().filter(|file| file.exists() && !args.force) {
        return Err(Failure::usage(format!(
            "{} is there already: name another file, or add --force",
            file.display()
        )));
    }
    let sources = args
        .files
        .iter()
        .map(|file| source(file))
        .collect::<Result<Vec<_>, _>>()?;
    let wishes = Wishes {
        name: &args.name,
        ..Wishes::default()
    };
    let imported = import(args.format, &wishes, &sources);
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    if !printer.json() {
        for note in &notes {
            anstream::eprintln!("{note}");
        }
    }
    if imported.is_empty() {
        return Err(Failure::new(format!(
            "nothing of {} could be read as {}",
            named(&args.files),
            args.format.as_str()
        )));
    }
    if let Some(file) = &args.write {
        std::fs::write(file, &imported.text).map_err(|source| Failure::io("write", file, source))?;
    }
    show(printer, args.write.as_deref(), &imported)
}

/// At most a little more than is read, so that a huge file is told from a large one without being taken into memory.
fn source(file: &Path) -> Result<Source, Failure> {
    let failed = |source| Failure::io("read", file, source);
    let most = SIZE as u64 + 1;
    let mut octets = Vec::new();
    match file.as_os_str() == "-" {
        true => std::io::stdin().lock().take(most).read_to_end(&mut octets),
        false => std::fs::File::open(file)
            .map_err(failed)?
            .take(most)
            .read_to_end(&mut octets),
    }
    .map_err(failed)?;
    Ok(Source {
        name: file.display().to_string(),
        text: String::from_utf8_lossy(&octets).into_owned(),
    })
}

fn named(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

fn show(printer: &Printer, written: Option<&Path>, imported: &Imported) -> Result<(), Failure> {
    let notes = imported
        .notes
        .iter()
        .map(|note| json!({ "file": note.file, "line": note.line, "text": note.text, "why": note.why }));
    let value = json!({
        "written": written, "nodes": imported.nodes, "networks": imported.networks,
        "notes": notes.collect::<Vec<_>>(), "text": imported.text,
    });
    printer.value(&value, || match written {
        None => imported.text.clone(),
        Some(file) => format!(
            "{file} is written: {} nodes, {} networks, {} notes. Read it through, then: bellwether check {file}\n",
            imported.nodes,
            imported.networks,
            imported.notes.len(),
            file = file.display()
        ),
    })
}
