//! `bellwether bmc discover`: from a rack of machines without a list to entries for the cluster file.

use std::net::IpAddr;

use clap::Args;
use ipnet::IpNet;
use model::nodeset::NodeSet;
use serde_json::json;

use super::{Failure, Printer, output};
use crate::bmc::discover::{Found, Look, MOST, search};
use crate::secrets::Secrets;

/// `bmc discover`.
#[derive(Debug, Args)]
pub struct Discover {
    /// Where to look: 10.78.0.0/24, 10.78.0.[11-40], 10.78.0.5
    #[arg(required = true)]
    pub ranges: Vec<String>,
    /// User to log in as; without one it is only told who answers
    #[arg(long, short, requires = "password_from")]
    pub user: Option<String>,
    /// Where the password is: env:NAME or file:/path
    #[arg(long, value_name = "PLACE", requires = "user")]
    pub password_from: Option<String>,
    /// Ask Redfish alone
    #[arg(long)]
    pub from_redfish: bool,
    /// Name of the first node; its number counts up
    #[arg(long, value_name = "NAME", default_value = "nid001")]
    pub first: String,
    /// UDP port of IPMI
    #[arg(long, default_value_t = crate::bmc::IPMI_PORT)]
    pub ipmi_port: u16,
    /// TCP port of Redfish
    #[arg(long, default_value_t = crate::bmc::REDFISH_PORT)]
    pub redfish_port: u16,
}

/// Looks and prints.
pub async fn run(printer: &Printer, wanted: &Discover) -> Result<(), Failure> {
    let mut addresses = Vec::new();
    for range in &wanted.ranges {
        addresses.extend(expand(range)?);
        if addresses.len() > MOST {
            return Err(Failure::usage(format!(
                "that is more than {MOST} addresses: look at them in parts"
            )));
        }
    }
    let login = match (&wanted.user, &wanted.password_from) {
        (Some(user), Some(place)) => {
            let password = Secrets::default()
                .read(place)
                .map_err(|error| Failure::usage(error.to_string()))?;
            Some((user.clone(), password))
        }
        _ => None,
    };
    let look = Look {
        login,
        ipmi_port: wanted.ipmi_port,
        redfish_port: wanted.redfish_port,
        redfish_only: wanted.from_redfish,
    };
    let count = addresses.len();
    let found = search(addresses, &look).await;
    if found.is_empty() {
        return Err(Failure::new(format!("no BMC answers at any of {count} addresses")));
    }
    if printer.json() {
        return output::text(&super::pretty(&json!(found)));
    }
    output::text(&entries(&found, wanted, count))
}

fn expand(range: &str) -> Result<Vec<IpAddr>, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "{range} is no range of addresses: 10.78.0.0/24, 10.78.0.[11-40], 10.78.0.5"
        ))
    };
    if range.contains('/') {
        let network: IpNet = range.parse().map_err(|_| wrong())?;
        return Ok(network.hosts().take(MOST + 1).collect());
    }
    let set: NodeSet = range.parse().map_err(|_| wrong())?;
    let names = set.names().map_err(|_| wrong())?;
    names.iter().map(|name| name.parse().map_err(|_| wrong())).collect()
}

/// What goes below `nodes:`.
fn entries(found: &[Found], wanted: &Discover, count: usize) -> String {
    let mut out = format!(
        "# {} of {count} addresses have a BMC. Below `nodes:` in the cluster file:\n",
        found.len()
    );
    if let (Some(user), Some(place)) = (&wanted.user, &wanted.password_from) {
        out.push_str(&format!(
            "# (and once: defaults: {{ bmc: {{ user: {user}, password_from: \"{place}\" }} }})\n"
        ));
    }
    for (n, found) in found.iter().enumerate() {
        out.push_str(&entry(&named(&wanted.first, n), found, wanted));
    }
    out
}

fn entry(name: &str, found: &Found, wanted: &Discover) -> String {
    let info = found.info.clone().unwrap_or_default();
    let what: Vec<String> = [info.maker.clone(), info.product.clone()]
        .into_iter()
        .flatten()
        .collect();
    let mut out = format!("  {name}:");
    if !what.is_empty() {
        out.push_str(&format!("  # {}", what.join(" ")));
    }
    out.push('\n');
    if let Some(error) = &found.error {
        out.push_str(&format!("    # it told nothing: {error}\n"));
    }
    match info.macs.split_first() {
        Some((first, rest)) => {
            out.push_str(&format!("    mac: \"{first}\"\n"));
            if !rest.is_empty() {
                out.push_str(&format!("    # further NICs: {}\n", rest.join(", ")));
            }
        }
        None => out.push_str("    # mac: not known to the BMC; switch it on, and `bellwether machines` shows it\n"),
    }
    for (key, value) in [("serial", &info.serial), ("uuid", &info.uuid)] {
        if let Some(value) = value {
            out.push_str(&format!("    {key}: {}\n", json!(value)));
        }
    }
    let (protocol, port, usual) = match found.redfish {
        true => (", protocol: redfish", wanted.redfish_port, crate::bmc::REDFISH_PORT),
        false => ("", wanted.ipmi_port, crate::bmc::IPMI_PORT),
    };
    let port = if port == usual {
        String::new()
    } else {
        format!(", port: {port}")
    };
    out.push_str(&format!("    bmc: {{ address: {}{protocol}{port} }}\n", found.address));
    out
}

/// The name, its number counted up; a name without one gets one.
fn named(first: &str, n: usize) -> String {
    let digits = first.len() - first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (name, number) = first.split_at(first.len() - digits);
    let number: usize = number.parse().unwrap_or(1);
    format!("{name}{:0digits$}", number + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_prefixes_or_node_sets_of_addresses() {
        assert_eq!(expand("10.1.0.0/30").unwrap().len(), 2);
        assert_eq!(expand("10.1.0.[9-11]").unwrap()[2].to_string(), "10.1.0.11");
        assert_eq!(expand("10.1.0.5").unwrap().len(), 1);
        assert!(expand("10.1.0.[250-260]").is_err());
        assert!(expand("rack1").is_err());
        assert_eq!((named("nid009", 1), named("web", 0)), ("nid010".into(), "web1".into()));
    }
}
