//! What can be typed about deployments.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Subcommand};

use crate::cli::span;

/// `deploy`.
#[derive(Debug, ClapArgs)]
pub struct Deploy {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// Another profile than the declared one
    #[arg(long, short)]
    pub profile: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How long the nodes may take to ask for their script: 30m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = within)]
    pub within: i64,
    /// How often an installation is tried [default: as declared, else 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10))]
    pub attempts: Option<u32>,
    /// Arm them and leave
    #[arg(long)]
    pub no_wait: bool,
    /// Switch no machine: somebody presses the buttons
    #[arg(long)]
    pub by_hand: bool,
    /// Restart a machine of which nothing was heard for that long, neither on the network nor on its console; three times
    /// at most: 90s, 10m [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = frozen)]
    pub frozen: Option<i64>,
}

/// `deployments`.
#[derive(Debug, ClapArgs)]
pub struct Deployments {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(default_value = "*", value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
    /// Earlier ones of each node too
    #[arg(long, short)]
    pub all: bool,
}

/// What to do with a deployment.
#[derive(Debug, Subcommand)]
pub enum DeploymentCommand {
    /// Show its steps, what it waits for, and its log if it failed
    Show(ShowDeployment),
}

/// `deployment show`.
#[derive(Debug, ClapArgs)]
pub struct ShowDeployment {
    /// Number of the deployment, or a node for its latest
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub id: String,
    /// The whole log of its installer
    #[arg(long, short)]
    pub log: bool,
    /// Go on with what the installer says from now
    #[arg(long, short)]
    pub follow: bool,
}

/// `dismiss`.
#[derive(Debug, ClapArgs)]
pub struct Dismiss {
    /// Nodes: nid[001-009,12], @compute, *, a,b, @x!nid003
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub nodes: String,
}

fn within(text: &str) -> Result<i64, String> {
    span::between(text, "1m", "31d")
}

fn frozen(text: &str) -> Result<i64, String> {
    span::between(text, "30s", "1d")
}
