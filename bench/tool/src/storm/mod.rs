//! `bellwether-bench storm`: many machines are switched on and boot through the whole chain: DHCP, loader over TFTP, DHCP of
//! iPXE, script, kernel, initrd, root image, cloud-init's documents, ready.
//!
//! Invariant: machines are told apart by what a server can see: MAC, UUID, transaction, address.

mod http;
mod lease;
mod loader;
mod node;
mod relay;
mod script;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;
use wire::Mac;

use crate::cluster::nth_mac;
use crate::spread::Spread;
use node::{Habits, Node, Step, Story};
use relay::Relay;

/// Switch many simulated machines on and watch them boot through the whole chain.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The DHCP server's address
    server: Ipv4Addr,
    /// Address of this host that is the machines' relay agent; it tells the server their network
    #[arg(long)]
    relay: Ipv4Addr,
    /// Machines
    #[arg(long, short = 'n', default_value_t = 1000)]
    nodes: u32,
    /// Machines that are switched on in a second; 0: all at once
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// MAC of the first machine; the others follow in its last three octets
    #[arg(long, default_value = "00:0c:01:02:03:04")]
    mac: Mac,
    /// Bytes of the root image that each machine fetches
    #[arg(long, default_value_t = 1 << 20)]
    root_bytes: u64,
    /// Steps to leave out
    #[arg(long, value_enum, value_delimiter = ',')]
    skip: Vec<Skip>,
    /// Speak TFTP and HTTP from this address instead of each machine from the one that it leased
    #[arg(long)]
    source: Option<Ipv4Addr>,
    /// Seconds after which a machine has failed
    #[arg(long, default_value_t = 240)]
    deadline: u64,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// A step that may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Skip {
    Loader,
    Kernel,
    Initrd,
    Root,
    Answers,
    Ready,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    nodes: u32,
    ready: usize,
    failed: usize,
    /// Failures by step and text, with numbers taken out.
    failures: BTreeMap<String, usize>,
    /// From the first power-on to the last machine's end.
    seconds: f64,
    /// Seconds that each machine took.
    total: Spread,
    /// Seconds of each step.
    steps: Vec<StepReport>,
    /// DHCP messages and TFTP packets that machines repeated.
    repeated: u64,
    /// DHCP answers that came when nobody waited for them any more.
    late_answers: u64,
    /// Addresses that two machines were given.
    given_twice: usize,
    bytes: u64,
    megabytes_per_second: f64,
    /// Processor time of this generator, in seconds.
    own_cpu: f64,
}

#[derive(Debug, Serialize)]
struct StepReport {
    step: &'static str,
    #[serde(flatten)]
    time: Spread,
}

/// Runs it; prints one JSON object.
///
/// # Errors
/// A text for the person at the terminal.
pub fn run(args: &Args) -> Result<bool, String> {
    // A node does one thing after the other, so it has one socket at a time.
    crate::limits::raise_open_files(u64::from(args.nodes) + 1000)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.max(1))
        .enable_all()
        .build()
        .map_err(|error| format!("the generator cannot start: {error}"))?;
    let report = runtime.block_on(storm(args))?;
    let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    println!("{text}");
    Ok(report.failed == 0 && report.given_twice == 0)
}

async fn storm(args: &Args) -> Result<Report, String> {
    let relay = Relay::bind(args.relay, args.server)?;
    let receiving = tokio::spawn(relay.clone().run());
    let habits = Arc::new(Habits {
        skip: args.skip.iter().map(|skip| skip.step()).collect(),
        root: args.root_bytes,
        from: args.source,
    });
    let deadline = Duration::from_secs(args.deadline);
    let mut booting = JoinSet::new();
    let began = Instant::now();
    for number in 0..args.nodes {
        if args.rate > 0 {
            let due = began + Duration::from_secs_f64(f64::from(number) / f64::from(args.rate));
            tokio::time::sleep_until(due.into()).await;
        }
        let node = Node {
            relay: relay.clone(),
            mac: nth_mac(args.mac, number),
            habits: habits.clone(),
        };
        booting.spawn(node.boot(deadline));
    }
    let stories = booting.join_all().await;
    let seconds = began.elapsed().as_secs_f64();
    if receiving.is_finished() {
        return Err("the relay agent's socket broke".into());
    }
    receiving.abort();
    Ok(report(args, &stories, seconds, relay.late.load(Ordering::Relaxed)))
}

fn report(args: &Args, stories: &[Story], seconds: f64, late_answers: u64) -> Report {
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    let mut steps: BTreeMap<Step, Vec<f64>> = BTreeMap::new();
    let mut owners: HashMap<Ipv4Addr, usize> = HashMap::new();
    for story in stories {
        if let Some((step, why)) = &story.failure {
            let alike = crate::spread::without_numbers(why);
            *failures.entry(format!("{}: {alike}", step.name())).or_default() += 1;
        }
        for (step, time) in &story.steps {
            steps.entry(*step).or_default().push(time.as_secs_f64());
        }
        if let Some(address) = story.address {
            *owners.entry(address).or_default() += 1;
        }
    }
    let ready = stories.iter().filter(|story| story.failure.is_none());
    let total = Spread::of(ready.map(|story| story.total.as_secs_f64()).collect());
    let bytes = stories.iter().map(|story| story.bytes).sum();
    Report {
        nodes: args.nodes,
        ready: total.count,
        failed: stories.len() - total.count,
        failures,
        seconds,
        total,
        steps: steps
            .into_iter()
            .map(|(step, times)| StepReport {
                step: step.name(),
                time: Spread::of(times),
            })
            .collect(),
        repeated: stories.iter().map(|story| u64::from(story.repeated)).sum(),
        late_answers,
        given_twice: owners.values().filter(|&&owners| owners > 1).count(),
        bytes,
        megabytes_per_second: bytes as f64 / 1e6 / seconds,
        own_cpu: crate::limits::own_cpu(),
    }
}

impl Skip {
    fn step(self) -> Step {
        match self {
            Self::Loader => Step::Loader,
            Self::Kernel => Step::Kernel,
            Self::Initrd => Step::Initrd,
            Self::Root => Step::Root,
            Self::Answers => Step::Answers,
            Self::Ready => Step::Ready,
        }
    }
}
