//! `bellwether secret`: the server's store of passwords and tokens.

use std::io::{BufRead as _, Read as _};

use clap::Subcommand;
use serde_json::Value;

use super::client::{Client, segment};
use super::listing::{text, time};
use super::paths::Paths;
use super::{Failure, Printer};
use crate::secrets::LONGEST;
use crate::terminal::Silent;

/// `secret`.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Put a secret into the store: asked for on a terminal, else the first line of standard input
    Set {
        /// Name; the cluster file calls it store:NAME
        name: String,
    },
    /// List the names in the store
    List,
    /// Remove a secret from the store
    Remove {
        /// Name
        name: String,
    },
}

/// Does it.
pub async fn run(printer: &Printer, paths: &Paths, command: &SecretCommand) -> Result<(), Failure> {
    let client = Client::new(paths);
    match command {
        SecretCommand::Set { name } => {
            let secret = read(name)?;
            let value = client.put(&format!("/v1/secrets/{}", segment(name)), secret).await?;
            printer.value(&value, || {
                format!("{name} is in the store: `password_from: store:{name}`\n")
            })
        }
        SecretCommand::List => {
            let value = client.get("/v1/secrets").await?;
            printer.value(&value, || {
                let rows = value.as_array().into_iter().flatten();
                let rows = rows.map(|secret: &Value| [text(&secret["name"]), time(&secret["since"])]);
                printer.table(["NAME", "SINCE"], rows) + "\n"
            })
        }
        SecretCommand::Remove { name } => {
            let value = client.delete(&format!("/v1/secrets/{}", segment(name))).await?;
            printer.value(&value, || format!("{name} is removed\n"))
        }
    }
}

/// The secret: never an argument, which everybody on this host could read.
fn read(name: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot read the secret: {error}"));
    let silent = Silent::switch(&format!("secret {name}: ")).map_err(failed)?;
    let mut line = Vec::new();
    let stdin = std::io::stdin().lock();
    stdin
        .take(LONGEST as u64 + 2)
        .read_until(b'\n', &mut line)
        .map_err(failed)?;
    drop(silent);
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(line)
}
