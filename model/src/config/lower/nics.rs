//! The interfaces and the BMC of the nodes of one declaration.

use std::net::{IpAddr, Ipv4Addr};

use super::network::{Placed, is_host};
use crate::cluster::{Bmc, Network, Nic, PRIVILEGES};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::scalar::Name;
use crate::config::series::{Countable, Series};
use crate::config::span::{At, Span};
use crate::config::suggest::did_you_mean;
use wire::Mac;

/// An interface of all nodes of a declaration.
pub(super) struct NicPlan<'a> {
    name: Option<String>,
    macs: Series<Mac>,
    addresses: Series<Ipv4Addr>,
    /// The network that was named, with the place where.
    named: Option<(&'a Placed, Span)>,
    /// A network was named, but there is none of that name.
    lost: bool,
    line: u32,
    told: Vec<&'static str>,
}

/// The BMC of all nodes of a declaration.
pub(super) struct BmcPlan {
    addresses: Series<IpAddr>,
    macs: Series<Mac>,
    /// What all of them have in common.
    common: Bmc,
    told: Vec<&'static str>,
}

/// An interface of one node, with the places of its parts.
pub(super) struct PlacedNic {
    pub nic: Nic,
    pub mac: Option<Span>,
    pub address: Option<Span>,
}

/// The plans of all interfaces of a declaration.
pub(super) fn nics<'a>(
    raw: &'a raw::Node,
    key: &At<String>,
    count: usize,
    networks: &'a [Placed],
    problems: &mut Problems,
) -> Vec<NicPlan<'a>> {
    let short = [
        ("mac", raw.mac.items.first().map(|v| v.span)),
        ("address", raw.address.items.first().map(|v| v.span)),
        ("network", raw.network.as_ref().map(|v| v.span)),
    ];
    let short = short.into_iter().find_map(|(key, span)| span.map(|span| (key, span)));
    if let (Some((short, span)), Some(nic)) = (short, raw.nics.first()) {
        problems.push(
            Diagnostic::error("two-forms", format!("`{}` has both `{short}` and `nics`", key.value))
                .at(span, "the short form, for a node with one interface")
                .at(nic.span, "the list of interfaces")
                .help("move it into the list"),
        );
    }
    let plan = |mac, address, network: &'a Option<At<Name>>, name: &Option<_>, span, problems: &mut Problems| {
        let named = network.as_ref().and_then(|name| find(name, networks, problems));
        let name: &Option<At<crate::config::scalar::Interface>> = name;
        NicPlan {
            name: name.as_ref().map(|v| v.value.0.clone()),
            macs: Series::of(mac, "mac", key, count, problems),
            addresses: Series::of(address, "address", key, count, problems),
            lost: network.is_some() && named.is_none(),
            named,
            line: problems.lines.line(span),
            told: Vec::new(),
        }
    };
    if raw.nics.is_empty() {
        return match short {
            Some((_, span)) => vec![plan(&raw.mac, &raw.address, &raw.network, &None, span, problems)],
            None => Vec::new(),
        };
    }
    raw.nics
        .iter()
        .map(|nic| plan(&nic.mac, &nic.address, &nic.network, &nic.name, nic.span, problems))
        .collect()
}

fn find<'a>(name: &At<Name>, networks: &'a [Placed], problems: &mut Problems) -> Option<(&'a Placed, Span)> {
    let found = networks.iter().find(|n| n.network.name == name.value.0);
    if found.is_none() {
        let names = networks.iter().map(|n| n.network.name.as_str());
        problems.push(unknown("network", name, names));
    }
    found.map(|placed| (placed, name.span))
}

/// A reference to something that is not declared.
pub(super) fn unknown<'a>(what: &str, name: &At<Name>, known: impl Iterator<Item = &'a str> + Clone) -> Diagnostic {
    let code = match what {
        "network" => "unknown-network",
        "group" => "unknown-group",
        _ => "unknown-profile",
    };
    let help = did_you_mean(&name.value.0, known.clone()).unwrap_or_else(|| {
        let names: Vec<&str> = known.take(8).collect();
        match names.is_empty() {
            true => format!("declare it under `{what}s`"),
            false => format!("declared are `{}`", names.join("`, `")),
        }
    });
    Diagnostic::error(code, format!("there is no {what} `{}`", name.value.0))
        .at(name.span, format!("not declared under `{what}s`"))
        .help(help)
}

impl NicPlan<'_> {
    /// The interface of the `n`th node.
    pub fn nic(&mut self, n: usize, node: &str, networks: &[Placed], problems: &mut Problems) -> PlacedNic {
        let mac = counted(&self.macs, n, node, "MAC", &mut self.told, problems);
        let address = counted(&self.addresses, n, node, "address", &mut self.told, problems);
        let mut network = self.named.map(|(placed, _)| placed.network.name.clone());
        if let Some(address) = &address
            && !self.lost
        {
            let placed = self
                .named
                .map(|(placed, _)| placed)
                .or_else(|| networks.iter().find(|n| n.network.prefix.contains(&address.value)));
            match placed {
                Some(placed) => {
                    self.check(address, node, placed, problems);
                    network.get_or_insert_with(|| placed.network.name.clone());
                }
                None if self.tell("address-without-network") => {
                    problems.push(self.homeless(n, address, node, networks))
                }
                None => {}
            }
        }
        PlacedNic {
            mac: mac.as_ref().map(|m| m.span),
            address: address.as_ref().map(|a| a.span),
            nic: Nic {
                name: self.name.clone(),
                mac: mac.map(|m| m.value),
                network,
                address: address.map(|a| a.value),
                line: self.line,
            },
        }
    }

    /// Whether this is the first time: a thousand nodes of a range make the same mistake once.
    fn tell(&mut self, code: &'static str) -> bool {
        let new = !self.told.contains(&code);
        if new {
            self.told.push(code);
        }
        new
    }

    fn check(&mut self, address: &At<Ipv4Addr>, node: &str, placed: &Placed, problems: &mut Problems) {
        let Network {
            name, prefix, router, ..
        } = &*placed.network;
        if !prefix.contains(&address.value) {
            if self.tell("address-outside-network") {
                let message = format!(
                    "the address {} of `{node}` is outside the network `{name}`",
                    address.value
                );
                let mut problem = Diagnostic::error("address-outside-network", message)
                    .at(address.span, format!("not in {prefix}"))
                    .at(placed.prefix, format!("the prefix of `{name}`"));
                if let Some((_, span)) = self.named {
                    problem = problem.at(span, "the network is named here");
                }
                problems.push(problem.help("correct the address or the network"));
            }
        } else if !is_host(*prefix, address.value) {
            if self.tell("unusable-address") {
                problems.push(
                    Diagnostic::error(
                        "unusable-address",
                        format!("`{node}` cannot have the address {}", address.value),
                    )
                    .at(
                        address.span,
                        "the first or last address of the prefix: the network itself, or everybody",
                    )
                    .at(placed.prefix, format!("the prefix of `{name}`")),
                );
            }
        } else if *router == Some(address.value) && self.tell("address-of-router") {
            problems.push(
                Diagnostic::warning(
                    "address-of-router",
                    format!("`{node}` has the address of the router of `{name}`"),
                )
                .at(address.span, "the network's router has it")
                .help("this is right only if the node is the router"),
            );
        }
    }

    fn homeless(&self, n: usize, address: &At<Ipv4Addr>, node: &str, networks: &[Placed]) -> Diagnostic {
        let start = self.addresses.get(0).ok().flatten();
        let begun = start.and_then(|start| networks.iter().find(|p| p.network.prefix.contains(&start.value)));
        if let Some(placed) = begun.filter(|_| n > 0) {
            let name = &placed.network.name;
            return Diagnostic::error(
                "range-runs-out",
                format!("the addresses run out of the network `{name}` at `{node}`"),
            )
            .at(address.span, format!("`{node}` would have {}", address.value))
            .at(placed.prefix, format!("the prefix of `{name}`"))
            .help("take a wider prefix or begin lower");
        }
        let known: Vec<String> = networks
            .iter()
            .take(8)
            .map(|p| format!("`{}` ({})", p.network.name, p.network.prefix))
            .collect();
        let help = match known.is_empty() {
            true => "declare its network under `networks`".to_string(),
            false => format!("declared are {}", known.join(", ")),
        };
        let message = format!("the address {} of `{node}` is in no declared network", address.value);
        Diagnostic::error("address-without-network", message)
            .at(address.span, "no prefix holds it")
            .help(help)
    }
}

/// The `n`th value; tells once if counting came to its end.
fn counted<A: Countable>(
    series: &Series<A>,
    n: usize,
    node: &str,
    what: &str,
    told: &mut Vec<&'static str>,
    problems: &mut Problems,
) -> Option<At<A>> {
    match series.get(n) {
        Ok(value) => value,
        Err(span) => {
            if !told.contains(&"range-runs-out") {
                told.push("range-runs-out");
                problems.push(
                    Diagnostic::error("range-runs-out", format!("there is no {what} left for `{node}`"))
                        .at(span, "counting up from here comes to its end before"),
                );
            }
            None
        }
    }
}

/// The plan of the BMCs of a declaration.
pub(super) fn bmc(
    raw: &raw::Node,
    defaults: Option<&raw::BmcAccess>,
    key: &At<String>,
    count: usize,
    problems: &mut Problems,
) -> Option<BmcPlan> {
    let bmc = raw.bmc.as_ref()?;
    if bmc.address.items.is_empty() && !bmc.address.faulty {
        super::settings::missing(
            "address",
            &format!("the BMC of `{}`", key.value),
            bmc.span,
            &bmc.faulty,
            problems,
        );
    }
    Some(BmcPlan {
        addresses: Series::of(&bmc.address, "address", key, count, problems),
        macs: Series::of(&bmc.mac, "mac", key, count, problems),
        common: common(&bmc.access, defaults),
        told: Vec::new(),
    })
}

/// How BMCs are got at: each key of the node's own, else of the defaults.
fn common(own: &raw::BmcAccess, defaults: Option<&raw::BmcAccess>) -> Bmc {
    let layers = || std::iter::once(own).chain(defaults);
    let quirks = layers()
        .map(|layer| &layer.quirks.items)
        .find(|items| !items.is_empty());
    let suites = layers()
        .map(|layer| &layer.cipher_suites.items)
        .find(|items| !items.is_empty());
    Bmc {
        address: std::net::Ipv4Addr::UNSPECIFIED.into(),
        port: layers().find_map(|layer| layer.port.as_ref()).map(|v| v.value.0),
        protocol: (layers().find_map(|layer| layer.protocol.as_ref()))
            .map_or_else(|| "ipmi".to_string(), |v| v.value.0.clone()),
        user: layers()
            .find_map(|layer| layer.user.as_ref())
            .map(|v| v.value.0.clone()),
        password_from: (layers().find_map(|layer| layer.password_from.as_ref())).map(|v| v.value.0.clone()),
        kg_from: layers()
            .find_map(|layer| layer.kg_from.as_ref())
            .map(|v| v.value.0.clone()),
        suites: suites.into_iter().flatten().map(|v| v.value.0).collect(),
        privilege: (layers().find_map(|layer| layer.privilege.as_ref()))
            .map_or_else(|| PRIVILEGES[0].to_string(), |v| v.value.0.clone()),
        quirks: quirks.into_iter().flatten().map(|v| v.value.0.clone()).collect(),
        mac: None,
    }
}

impl BmcPlan {
    /// The BMC of the `n`th node, with the places of its address and its MAC.
    pub fn bmc(&mut self, n: usize, node: &str, problems: &mut Problems) -> Option<(Bmc, Span, Option<Span>)> {
        let mac = counted(&self.macs, n, node, "MAC for the BMC", &mut self.told, problems);
        let address = counted(
            &self.addresses,
            n,
            node,
            "address for the BMC",
            &mut self.told,
            problems,
        )?;
        let bmc = Bmc {
            address: address.value,
            mac: mac.as_ref().map(|m| m.value),
            ..self.common.clone()
        };
        Some((bmc, address.span, mac.map(|m| m.span)))
    }
}
