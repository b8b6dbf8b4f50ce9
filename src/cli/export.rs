//! `bellwether export`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args as ClapArgs;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser as _};
use jiff::Timestamp;
use model::cluster::Cluster;
use model::export::{Exported, File, Format, Request, ansible_dynamic, export};
use serde_json::{Value, json};

use super::client::{Client, segment};
use super::paths::Paths;
use super::{Failure, Printer, check, output};

/// `export`.
#[derive(Debug, ClapArgs)]
pub struct Export {
    /// Format
    #[arg(value_name = "FORMAT", value_parser = format_parser())]
    format: Format,
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(default_value = "*", value_parser = NonEmptyStringValueParser::new())]
    nodes: String,
    /// Cluster file; without it what the server has in force
    #[arg(long, short = 'f', value_name = "FILE")]
    cluster: Option<PathBuf>,
    /// File to write, for `bind` a folder [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Of `prometheus`: port of the targets
    #[arg(long, default_value_t = 9100, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Of `ansible`: answer as a dynamic inventory
    #[arg(long, conflicts_with_all = ["host", "write"])]
    list: bool,
    /// Of `ansible`: answer as a dynamic inventory for one host
    #[arg(long, value_name = "NAME", conflicts_with = "write")]
    host: Option<String>,
}

fn format_parser() -> impl clap::builder::TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::as_str))
        .map(|word| Format::parse(&word).expect("only words of formats get past the list"))
}

/// Writes the cluster in another program's format.
pub fn run(printer: &Printer, paths: &Paths, args: &Export) -> Result<(), Failure> {
    if args.list || args.host.is_some() {
        if args.format != Format::Ansible {
            return Err(Failure::usage(
                "--list and --host are what Ansible asks a dynamic inventory",
            ));
        }
        let value = match &args.cluster {
            Some(file) => ansible_dynamic(&request(&read(printer, file)?, args)?, args.host.as_deref()),
            None => super::block_on_value(async {
                let host = args
                    .host
                    .as_ref()
                    .map_or_else(String::new, |host| format!("&host={}", segment(host)));
                let path = format!("/v1/inventory?nodes={}{host}", segment(&args.nodes));
                Client::new(paths).get(&path).await
            })?,
        };
        return output::text(&super::pretty(&value));
    }
    let exported = match &args.cluster {
        Some(file) => {
            let cluster = read(printer, file)?;
            export(args.format, &request(&cluster, args)?).map_err(|error| Failure::usage(error.to_string()))?
        }
        None => super::block_on_value(ask(paths, args))?,
    };
    // Where the text cannot say it, and where nobody looks at the text now.
    if !printer.json() && (!args.format.has_comments() || args.write.is_some()) {
        for note in &exported.notes {
            anstream::eprintln!("not in the export: {note}");
        }
    }
    match &args.write {
        Some(to) => write(printer, args.format, to, &exported),
        None => print(printer, &exported),
    }
}

fn read(printer: &Printer, file: &Path) -> Result<Cluster, Failure> {
    let text = check::read(file)?;
    check::checked(printer, &file.display().to_string(), &text, model::config::read(&text))
}

fn request<'a>(cluster: &'a Cluster, args: &Export) -> Result<Request<'a>, Failure> {
    let names = cluster.select(&args.nodes).map_err(Failure::usage)?;
    let nodes: Vec<Arc<_>> = names.iter().filter_map(|name| cluster.node(name).cloned()).collect();
    Ok(Request {
        cluster,
        nodes,
        now: Timestamp::now(),
        port: args.port,
    })
}

async fn ask(paths: &Paths, args: &Export) -> Result<Exported, Failure> {
    let path = format!(
        "/v1/export/{}?nodes={}&port={}",
        args.format.as_str(),
        segment(&args.nodes),
        args.port
    );
    let value = Client::new(paths).get(&path).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let list = |key: &str| value[key].as_array().cloned().unwrap_or_default();
    let file = |value: &Value| File {
        name: text(&value["name"]),
        text: text(&value["text"]),
    };
    Ok(Exported {
        files: list("files").iter().map(file).collect(),
        notes: list("notes").iter().map(text).collect(),
    })
}

fn print(printer: &Printer, exported: &Exported) -> Result<(), Failure> {
    if printer.json() {
        let files = exported
            .files
            .iter()
            .map(|file| json!({ "name": file.name, "text": file.text }));
        let value = json!({ "files": files.collect::<Vec<_>>(), "notes": exported.notes });
        return output::text(&super::pretty(&value));
    }
    let mut out = String::new();
    for file in &exported.files {
        if exported.files.len() > 1 {
            out += &format!("==> {} <==\n", file.name);
        }
        out += &file.text;
    }
    output::text(&out)
}

fn write(printer: &Printer, format: Format, to: &Path, exported: &Exported) -> Result<(), Failure> {
    let put = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|source| Failure::io("write", path, source))?;
        Ok::<_, Failure>(path.display().to_string())
    };
    let written = match exported.files.as_slice() {
        [file] if format != Format::Bind => vec![put(to, &file.text)?],
        files => {
            std::fs::create_dir_all(to).map_err(|source| Failure::io("make", to, source))?;
            let each = files.iter().map(|file| put(&to.join(&file.name), &file.text));
            each.collect::<Result<_, _>>()?
        }
    };
    let value = json!({ "files": written, "notes": exported.notes });
    printer.value(&value, || {
        let lines = written.iter().map(|path| format!("{path} is written\n"));
        lines.collect()
    })
}
