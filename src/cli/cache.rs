//! `bellwether cache`: how the package cache stands, what is in it, filling and emptying it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, segment};
use super::listing::{ago, text};
use super::output::{self, Failure, Printer};
use super::paths::Paths;
use crate::images::build::native;

/// Look after the package cache
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show how full it is, what it saved, its upstreams and what it downloads now
    Status,
    /// List the files in it
    List {
        /// Only those whose URL or path begins so: debian, debian/pool/main/h/, http://mirror.example/
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Remove files from it; nodes that are reading them read on
    Purge(Purge),
    /// Download into it before nodes ask
    Warm(Warm),
}

/// `cache purge`.
#[derive(Debug, Args)]
pub struct Purge {
    /// URLs, paths or beginnings of them: debian/dists/, http://mirror.example/debian/pool/x.deb
    #[arg(required_unless_present = "all")]
    pub prefixes: Vec<String>,
    /// Everything
    #[arg(long, conflicts_with = "prefixes")]
    pub all: bool,
    /// Only what nobody asked for during so many days
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    pub unused: u64,
}

/// `cache warm`.
#[derive(Debug, Args)]
pub struct Warm {
    /// Names of packages, URLs, paths (debian/pool/…) or folders (debian/pool/main/h/htop/)
    #[arg(required = true)]
    pub items: Vec<String>,
    /// Upstream of the packages that are named
    #[arg(long, default_value = "debian")]
    pub upstream: String,
    /// Suite to look in; may be repeated [default: those that this host's apt uses of the upstream]
    #[arg(long = "suite", value_name = "SUITE", value_delimiter = ',')]
    pub suites: Vec<String>,
    /// Component to look in; may be repeated
    #[arg(
        long = "component",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "main"
    )]
    pub components: Vec<String>,
    /// Architecture [default: this host's]
    #[arg(long, value_name = "ARCH")]
    pub architecture: Option<String>,
    /// Also everything that the packages need
    #[arg(long)]
    pub depends: bool,
}

/// Runs a cache command against the server.
pub async fn run(printer: &Printer, paths: &Paths, command: &CacheCommand) -> Result<(), Failure> {
    let client = Client::new(paths);
    match command {
        CacheCommand::Status => {
            let value = client.get("/v1/cache").await?;
            printer.value(&value, || status(printer, &value))
        }
        CacheCommand::List { prefix } => {
            let value = client
                .get(&format!("/v1/cache/files?prefix={}", segment(prefix)))
                .await?;
            printer.value(&value, || list(printer, &value))
        }
        CacheCommand::Purge(args) => {
            let body = json!({ "prefixes": args.prefixes, "all": args.all, "unused_days": args.unused });
            let value = client.post("/v1/cache/purge", body.to_string()).await?;
            printer.value(&value, || {
                format!("removed {} files, {}\n", value["files"], size(&value["bytes"]))
            })
        }
        CacheCommand::Warm(args) => warm(printer, &client, args).await,
    }
}

async fn warm(printer: &Printer, client: &Client, args: &Warm) -> Result<(), Failure> {
    let named = args.items.iter().any(|item| !item.contains('/') || item.ends_with('/'));
    let suites = if args.suites.is_empty() && named {
        suites(client, &args.upstream).await?
    } else {
        args.suites.clone()
    };
    let body = json!({
        "items": args.items, "upstream": args.upstream, "suites": suites, "components": args.components,
        "architecture": args.architecture.as_deref().unwrap_or_else(|| native()), "depends": args.depends,
    });
    let (mut files, mut bytes, mut failed) = (0u64, 0u64, 0u64);
    client
        .post_lines("/v1/cache/warm", body.to_string(), |line| {
            if line["outcome"] == "failed" {
                failed += 1;
            } else {
                files += 1;
                bytes += line["bytes"].as_u64().unwrap_or_default();
            }
            if printer.json() {
                return output::text(&format!("{line}\n"));
            }
            output::text(&match line["outcome"].as_str() {
                Some("failed") => format!("failed   {}: {}\n", text(&line["item"]), text(&line["why"])),
                outcome => format!(
                    "{:<8} {} ({})\n",
                    outcome.unwrap_or_default(),
                    text(&line["item"]),
                    size(&line["bytes"])
                ),
            })
        })
        .await?;
    if failed > 0 {
        return Err(Failure::new(format!(
            "{failed} of {} could not be fetched",
            files + failed
        )));
    }
    match printer.json() {
        true => Ok(()),
        false => output::text(&format!("{files} files, {}\n", model::measure::size(bytes))),
    }
}

/// The suites that this host's apt uses of an upstream.
async fn suites(client: &Client, upstream: &str) -> Result<Vec<String>, Failure> {
    let status = client.get("/v1/cache").await?;
    let url = status["upstreams"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == upstream))
        .and_then(|one| one["url"].as_str())
        .ok_or_else(|| {
            Failure::usage(format!(
                "there is no upstream `{upstream}`: bellwether cache status lists them"
            ))
        })?
        .trim_end_matches('/')
        .to_string();
    let mut suites: Vec<String> = crate::apt::of_host()
        .into_iter()
        .filter(|source| source.uri.trim_end_matches('/') == url)
        .map(|source| source.suite)
        .collect();
    suites.dedup();
    match suites.is_empty() {
        true => Err(Failure::usage(format!(
            "say in which suite of {url} the packages are: --suite bookworm"
        ))),
        false => Ok(suites),
    }
}

fn status(printer: &Printer, value: &Value) -> String {
    let counters = &value["counters"];
    let of = |name: &str| counters[name].as_u64().unwrap_or_default();
    let served = of("hits") + of("joined") + of("current") + of("stale");
    let all = served + of("misses") + of("direct") + of("failed");
    let share = (served * 100)
        .checked_div(all)
        .map(|share| format!(" ({share} %)"))
        .unwrap_or_default();
    let offline = if value["offline"] == true { ", offline" } else { "" };
    let mut out = format!(
        "{} files, {} of {}{offline}\n{served} of {all} requests without a download of their own{share}; {} from upstream, {} to clients\n\n",
        value["files"],
        size(&value["bytes"]),
        size(&value["limit"]),
        size(&counters["bytes_in"]),
        size(&counters["bytes_out"]),
    );
    let upstreams = value["upstreams"].as_array().cloned().unwrap_or_default();
    let troubles = value["troubles"].as_array().cloned().unwrap_or_default();
    let standing = |url: &str| {
        let of_host = |trouble: &&Value| trouble["upstream"].as_str().is_some_and(|host| url.starts_with(host));
        troubles
            .iter()
            .find(of_host)
            .map_or("-".to_string(), |trouble| text(&trouble["why"]))
    };
    out += &printer.table(
        ["UPSTREAM", "URL", "TROUBLE"],
        upstreams.iter().map(|upstream| {
            let url = text(&upstream["url"]);
            let standing = standing(&url);
            [text(&upstream["name"]), url, standing]
        }),
    );
    for trouble in troubles.iter().filter(|trouble| {
        let host = trouble["upstream"].as_str().unwrap_or_default();
        !upstreams
            .iter()
            .any(|upstream| upstream["url"].as_str().is_some_and(|url| url.starts_with(host)))
    }) {
        out += &format!("\ntrouble: {}\n", text(&trouble["why"]));
    }
    let downloads = value["downloads"].as_array().cloned().unwrap_or_default();
    if !downloads.is_empty() {
        out.push('\n');
        out += &printer.table(
            ["DOWNLOAD", "SO FAR", "OF", "WAITING"],
            downloads.iter().map(|one| {
                let total = if one["total"].is_null() {
                    "?".to_string()
                } else {
                    size(&one["total"])
                };
                [text(&one["url"]), size(&one["bytes"]), total, text(&one["waiting"])]
            }),
        );
    }
    out
}

fn list(printer: &Printer, value: &Value) -> String {
    let files = value.as_array().cloned().unwrap_or_default();
    if files.is_empty() {
        return "nothing is stored there\n".to_string();
    }
    printer.table(
        ["URL", "KIND", "SIZE", "LAST ASKED FOR"],
        files.iter().map(|file| {
            let used = ago(&file["unused_seconds"]).unwrap_or_default();
            [text(&file["url"]), text(&file["kind"]), size(&file["bytes"]), used]
        }),
    )
}

fn size(value: &Value) -> String {
    model::measure::size(value.as_u64().unwrap_or_default())
}
