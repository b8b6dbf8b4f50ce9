//! `bellwether-bench cluster N`: a cluster file with many nodes, for growth curves.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use wire::Mac;

/// Write a cluster file with many nodes to standard output.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Nodes, 0 to 10,000,000
    nodes: u32,
    /// The network's prefix
    #[arg(long, default_value = "10.78.0.0/15")]
    prefix: String,
    /// Addresses for machines that are not declared, `first-last`; without it there is no pool
    #[arg(long)]
    pool: Option<String>,
    /// Address of the first node; the others follow
    #[arg(long, default_value = "10.78.16.0")]
    first: Ipv4Addr,
    /// MAC of the first node; the others follow in its last three octets
    #[arg(long, default_value = "00:0c:01:02:03:04")]
    mac: Mac,
    /// Image that the nodes boot; without it they boot their disks
    #[arg(long)]
    image: Option<String>,
    /// One entry for all nodes, `nid[00001-10000]`, instead of one for each
    #[arg(long)]
    range: bool,
    /// More lines for the network's entry, such as `interface: eth0`
    #[arg(long)]
    network: Vec<String>,
    /// More lines for the file, such as `doors: { tftp: off }`
    #[arg(long)]
    line: Vec<String>,
}

/// Writes it.
///
/// # Errors
/// A text for the person at the terminal.
pub fn run(args: &Args) -> Result<bool, String> {
    print!("{}", text(args)?);
    Ok(true)
}

fn text(args: &Args) -> Result<String, String> {
    if args.nodes > 10_000_000 {
        return Err("10,000,000 nodes are the most".into());
    }
    let mut out = format!("cluster: bench\nnetworks:\n  bench:\n    prefix: {}\n", args.prefix);
    let mut line = |text: &str| out.push_str(&format!("{text}\n"));
    if let Some(pool) = &args.pool {
        line(&format!("    pool: {pool}"));
    }
    args.network.iter().for_each(|text| line(&format!("    {text}")));
    args.line.iter().for_each(|text| line(text));
    if let Some(image) = &args.image {
        line(&format!("defaults: {{ boot: image, image: {image} }}"));
    }
    if args.nodes > 0 {
        line("nodes:");
    }
    let width = args.nodes.to_string().len();
    if args.range && args.nodes > 0 {
        let last = args.nodes;
        line(&format!(
            "  nid[{:0width$}-{last:0width$}]: {{ mac: \"{}+\", address: {}+ }}",
            1, args.mac, args.first
        ));
        return Ok(out);
    }
    for number in 0..args.nodes {
        let name = number + 1;
        let (mac, address) = (nth_mac(args.mac, number), nth_address(args.first, number)?);
        writeln!(out, "  nid{name:0width$}: {{ mac: \"{mac}\", address: {address} }}")
            .expect("a String takes every text");
    }
    Ok(out)
}

/// The MAC so many after the first, counted in the last three octets as ranges of the cluster file are.
pub fn nth_mac(first: Mac, number: u32) -> Mac {
    let [a, b, c, d, e, f] = first.octets();
    let [_, d, e, f] = (u32::from_be_bytes([0, d, e, f]).wrapping_add(number) & 0xFF_FFFF).to_be_bytes();
    Mac::from([a, b, c, d, e, f])
}

fn nth_address(first: Ipv4Addr, number: u32) -> Result<Ipv4Addr, String> {
    let address = u32::from(first).checked_add(number);
    address
        .map(Ipv4Addr::from)
        .ok_or_else(|| format!("{number} addresses from {first} on leave IPv4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(nodes: u32, range: bool) -> Args {
        Args {
            nodes,
            prefix: "10.78.0.0/15".into(),
            pool: None,
            first: Ipv4Addr::new(10, 78, 0, 254),
            mac: Mac([0, 12, 1, 0, 0, 255]),
            image: None,
            range,
            network: Vec::new(),
            line: Vec::new(),
        }
    }

    #[test]
    fn nodes_follow_each_other_in_names_macs_and_addresses() {
        let text = text(&args(10, false)).unwrap();
        assert!(
            text.contains("  nid01: { mac: \"00:0c:01:00:00:ff\", address: 10.78.0.254 }\n"),
            "{text}"
        );
        assert!(
            text.ends_with("  nid10: { mac: \"00:0c:01:00:01:08\", address: 10.78.1.7 }\n"),
            "{text}"
        );
    }

    #[test]
    fn a_range_is_one_line() {
        let text = text(&args(1000, true)).unwrap();
        assert!(
            text.ends_with("  nid[0001-1000]: { mac: \"00:0c:01:00:00:ff+\", address: 10.78.0.254+ }\n"),
            "{text}"
        );
        assert!(self::text(&args(10_000_001, true)).is_err());
    }
}
