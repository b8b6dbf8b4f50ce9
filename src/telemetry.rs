//! Logs and metrics.

use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use model::world::{Boot, Serving, World};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `RUST_LOG` chooses levels, `info` by default.
pub fn logs(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // To standard error, and with a panic if even that cannot be written: on a full disk that would be the end.
        .log_internal_errors(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // A second start in one process (tests) keeps the first.
    if json {
        builder.json().flatten_event(true).try_init().ok();
    } else {
        builder.try_init().ok();
    }
}

/// Writes a text of several lines beside the log, as it is.
pub fn tell(text: &str) {
    // `eprint!` would panic where standard error cannot be written.
    std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes()).ok();
}

/// Media type of the metrics text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Reads the counters of one service: name of the metric, labels, value.
pub type Reading = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// One counted thing.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Name without the prefix `bellwether_` and without `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// Label and value, if it has one.
    pub label: Option<(&'static str, String)>,
    /// The count since the start.
    pub value: u64,
}

impl Sample {
    /// A counter without label.
    pub fn of(name: &'static str, help: &'static str, counter: &AtomicU64) -> Self {
        Self {
            name,
            help,
            label: None,
            value: counter.load(Ordering::Relaxed),
        }
    }

    /// With a label.
    #[must_use]
    pub fn labelled(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.label = Some((name, value.into()));
        self
    }
}

/// Everything that is counted. Services count in plain atomics of their own; this is the one place where they meet.
#[derive(Default)]
pub struct Metrics {
    readings: RwLock<Vec<Reading>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Adds the counters of a service.
    pub fn add(&self, reading: impl Fn() -> Vec<Sample> + Send + Sync + 'static) {
        self.readings
            .write()
            .expect("nobody panics while holding it")
            .push(Box::new(reading));
    }

    /// The OpenMetrics text of all counters and of what the world holds.
    pub fn render(&self, world: &World) -> String {
        let readings = self.readings.read().expect("nobody panics while holding it");
        let mut samples: Vec<Sample> = readings.iter().flat_map(|read| read()).collect();
        samples.sort_by_key(|sample| sample.name);
        let mut registry = Registry::with_prefix("bellwether");
        registry.register_collector(Box::new(Counters(samples)));
        registry.register_collector(Box::new(Gauges(gauges(world))));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to a String cannot fail");
        text
    }
}

fn gauges(world: &World) -> Vec<(&'static str, &'static str, i64)> {
    let boots = || world.nodes.values().filter_map(|state| state.boot.as_ref());
    let served = world
        .networks
        .values()
        .filter(|n| matches!(n.serving, Serving::Yes { .. }))
        .count();
    let parked = world.nodes.keys().filter_map(|node| world.deployments.latest(node));
    let parked = parked.filter(|latest| latest.parks()).count();
    [
        ("nodes", "Declared nodes", world.cluster.nodes.len()),
        (
            "nodes_ready",
            "Nodes whose last boot became ready",
            boots().filter(|boot| boot.is_ready()).count(),
        ),
        (
            "nodes_in_trouble",
            "Nodes whose last boot reported trouble",
            boots().filter(|b| in_trouble(b)).count(),
        ),
        (
            "machines",
            "Machines that asked and are not declared",
            world.machines.len(),
        ),
        ("leases", "Leases, ended ones included", world.leases.len()),
        ("networks_served", "Networks on which DHCP answers", served),
        (
            "deployments_active",
            "Deployments that have not ended",
            world.deployments.active().count(),
        ),
        ("nodes_parked", "Nodes whose deployment failed too often", parked),
        ("images", "Images that can be booted", world.images.len()),
    ]
    .map(|(name, help, value)| (name, help, i64::try_from(value).unwrap_or(i64::MAX)))
    .into_iter()
    .chain([(
        "journal_seq",
        "Position of the last event",
        i64::try_from(world.seq).unwrap_or(i64::MAX),
    )])
    .collect()
}

fn in_trouble(boot: &Boot) -> bool {
    boot.trouble.is_some() && !boot.is_ready()
}

#[derive(Debug)]
struct Counters(Vec<Sample>);

impl Collector for Counters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for group in self.0.chunk_by(|a, b| a.name == b.name) {
            let mut metric = encoder.encode_descriptor(group[0].name, group[0].help, None, MetricType::Counter)?;
            for sample in group {
                let counter = ConstCounter::new(sample.value);
                match &sample.label {
                    Some((name, value)) => counter.encode(metric.encode_family(&[(*name, value.as_str())])?)?,
                    None => counter.encode(metric.encode_family(&Vec::<(&str, &str)>::new())?)?,
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Gauges(Vec<(&'static str, &'static str, i64)>);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in &self.0 {
            let gauge = ConstGauge::new(*value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
