//! `bellwether-bench`: load for provisioning servers, Bellwether or any other. The manual is `docs/bench.md`.
#![forbid(unsafe_code)]
// Tests may read their fixtures.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod addresses;
mod cluster;
mod limits;
mod spread;
mod storm;
mod tftp;

use std::process::ExitCode;

use clap::Parser;

/// Load for provisioning servers: TFTP clients, storms of booting machines, large cluster files
#[derive(Debug, Parser)]
#[command(version)]
enum Command {
    /// Fetch a file with many TFTP clients at once; exit status 1 if any failed
    Tftp(tftp::Args),
    /// Switch many simulated machines on and boot them through the whole chain; exit status 1 if any failed
    Storm(storm::Args),
    /// Write a cluster file with many nodes
    Cluster(cluster::Args),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Tftp(args) => tftp::run(&args),
        Command::Storm(args) => storm::run(&args),
        Command::Cluster(args) => cluster::run(&args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            eprintln!("bellwether-bench: {why}");
            ExitCode::from(2)
        }
    }
}
