//! `bellwether-bench tftp`: many clients fetch a file at once; how fast, how fairly, and at what cost.
//!
//! Invariant: a network's faults are simulated in the clients, so the server under test needs no netem and no privileges.

mod download;
mod faults;
mod swarm;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use download::{Download, Manner, Wish};
use faults::Faults;
use swarm::{Orders, Tally};

use crate::addresses::AddressRange;
use crate::spread::{Spread, without_numbers};

/// Fetch a file with many TFTP clients at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server: address, or address:port
    server: String,
    /// Name of the file on the server
    file: String,
    /// Clients at the same time, 1 to 60000 for each address that they speak from
    #[arg(long, short = 'n', default_value_t = 1)]
    clients: usize,
    /// Files that each client fetches, one after the other
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Bytes in a block, 8 to 65464; 0 leaves the option out (RFC 2348)
    #[arg(long, default_value_t = 1468)]
    blksize: u16,
    /// Blocks in a window; 1 leaves the option out (RFC 7440)
    #[arg(long, default_value_t = 1)]
    windowsize: u16,
    /// Share of datagrams that get lost, in either direction: 0.01 is 1 %
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Share of received datagrams that are overtaken by later ones
    #[arg(long, default_value_t = 0.0)]
    reorder: f64,
    /// By how many datagrams one is overtaken
    #[arg(long, default_value_t = 2)]
    overtaken_by: u32,
    /// Seed of the losses and of the order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How clients answer a block that they do not expect
    #[arg(long, value_enum, default_value = "rfc7440")]
    manner: Manner,
    /// Milliseconds of silence after which a client repeats itself
    #[arg(long, default_value_t = 1000)]
    patience: u64,
    /// Seconds after which a transfer has failed
    #[arg(long, default_value_t = 60)]
    deadline: u64,
    /// Milliseconds over which the clients begin
    #[arg(long, default_value_t = 0)]
    ramp: u64,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Addresses of this host that the clients speak from in turn: one, or `first-last`
    #[arg(long, default_value = "0.0.0.0")]
    source: AddressRange,
    /// The file as it should be: every byte is compared
    #[arg(long)]
    compare: Option<PathBuf>,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    clients: usize,
    transfers: usize,
    failed: usize,
    /// Failures by their text, with numbers taken out.
    failures: BTreeMap<String, usize>,
    /// From the first request to the last block.
    seconds: f64,
    /// Bytes of complete files.
    bytes: u64,
    /// Payload of complete files per second, in 10^6 bytes.
    megabytes_per_second: f64,
    /// Seconds for each complete transfer.
    time: Spread,
    /// The slowest over the median: 1 is fair.
    slowest_over_median: f64,
    /// Payload that arrived, over bytes of the files: 1 is perfect, more are repetitions.
    storm: f64,
    duplicates: u64,
    early: u64,
    repeated_by_clients: u64,
    lost_on_purpose: u64,
    /// Processor time of this generator, in seconds.
    own_cpu: f64,
}

/// Runs it; prints one JSON object.
///
/// # Errors
/// A text for the person at the terminal.
pub fn run(args: &Args) -> Result<bool, String> {
    if args.clients == 0 || args.count == 0 || args.threads == 0 {
        return Err("clients, count and threads are at least 1".into());
    }
    crate::limits::raise_open_files((args.clients * 2 + 100) as u64)?;
    let orders = orders(args)?;
    let began = Instant::now();
    let share = args.clients.div_ceil(args.threads);
    let tally = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads)
            .map(|number| {
                let mut mine = orders.clone();
                mine.clients = (number * share).min(args.clients)..((number + 1) * share).min(args.clients);
                scope.spawn(move || swarm::run(&mine))
            })
            .collect();
        let mut all = Tally::default();
        for thread in threads {
            let tally = thread
                .join()
                .map_err(|_| "a thread of the generator broke".to_string())?;
            all.add(tally.map_err(|error| format!("the generator cannot go on: {error}"))?);
        }
        Ok::<_, String>(all)
    })?;
    let report = report(args, &tally, began);
    let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    println!("{text}");
    Ok(report.failed == 0)
}

fn orders(args: &Args) -> Result<Orders, String> {
    let server = match args.server.parse::<SocketAddrV4>() {
        Ok(server) => server,
        Err(_) => match args.server.parse::<Ipv4Addr>() {
            Ok(address) => SocketAddrV4::new(address, 69),
            Err(_) => return Err(format!("{} is no address, and no address:port", args.server)),
        },
    };
    let content: Option<Arc<[u8]>> = match &args.compare {
        None => None,
        Some(path) => match std::fs::read(path) {
            Ok(bytes) => Some(bytes.into()),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        },
    };
    Ok(Orders {
        server,
        sources: args.source,
        wish: Wish {
            path: args.file.clone(),
            block_size: Some(args.blksize).filter(|&size| size > 0),
            window: Some(args.windowsize),
            manner: args.manner,
        },
        content,
        clients: 0..args.clients,
        count: args.count,
        faults: Faults {
            loss: args.loss,
            reorder: args.reorder,
            by: args.overtaken_by,
        },
        seed: args.seed,
        patience: Duration::from_millis(args.patience),
        deadline: Duration::from_secs(args.deadline),
        ramp: Duration::from_millis(args.ramp),
    })
}

fn report(args: &Args, tally: &Tally, began: Instant) -> Report {
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for why in tally.done.iter().filter_map(|done| done.failure.as_ref()) {
        *failures.entry(without_numbers(why)).or_default() += 1;
    }
    let complete: Vec<_> = tally.done.iter().filter(|done| done.failure.is_none()).collect();
    let bytes: u64 = complete.iter().map(|done| done.bytes).sum();
    let all_bytes: u64 = tally.done.iter().map(|done| done.bytes).sum();
    let seconds = tally.ended.map_or(0.0, |ended| (ended - began).as_secs_f64());
    let time = Spread::of(complete.iter().map(|done| done.time.as_secs_f64()).collect());
    let over = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    Report {
        clients: args.clients,
        transfers: tally.done.len(),
        failed: tally.done.len() - complete.len(),
        failures,
        seconds,
        bytes,
        megabytes_per_second: over(bytes as f64 / 1e6, seconds),
        slowest_over_median: over(time.max, time.p50),
        time,
        storm: over(tally.arrived as f64, all_bytes as f64),
        duplicates: tally.duplicates,
        early: tally.early,
        repeated_by_clients: tally.repeated,
        lost_on_purpose: tally.lost,
        own_cpu: crate::limits::own_cpu(),
    }
}
