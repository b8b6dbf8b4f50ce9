//! A packet's way through nftables rules, as `nft -j` tells them (libnftables-json(5)).
//!
//! Invariant: pure. What a rule means that is not understood is taken for "perhaps", never guessed.

use std::collections::HashMap;

use serde_json::Value;

/// Chains that a packet may be sent through before it is taken to go in circles.
const DEPTH: usize = 16;

/// The first packet of somebody whom this host does not know yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub interface: &'a str,
    pub protocol: &'a str,
    pub port: u16,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Dropped {
        /// The chain, and the rule or its policy.
        by: String,
        /// Whether no rule before it could have let some in.
        certain: bool,
    },
}

#[derive(Debug, Default)]
struct Chain {
    hook: Option<String>,
    priority: i64,
    drops: bool,
    rules: Vec<Vec<Value>>,
}

type Key = (String, String, String);

/// All rules.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    tables: Vec<String>,
    chains: HashMap<Key, Chain>,
    sets: HashMap<Key, Vec<Value>>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Perhaps,
}

/// Where a rule sends a packet.
enum Way {
    On,
    Accept,
    Drop(String),
    Return,
}

impl Ruleset {
    pub fn read(listed: &Value) -> Self {
        let mut rules = Self::default();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
        let key = |value: &Value, name: &str| (text(value, "family"), text(value, "table"), text(value, name));
        for item in listed["nftables"].as_array().into_iter().flatten() {
            if let Some(table) = item.get("table") {
                rules.tables.push(text(table, "name"));
            } else if let Some(chain) = item.get("chain") {
                let of_filter = chain["type"] == "filter";
                let entry = rules.chains.entry(key(chain, "name")).or_default();
                entry.hook = chain["hook"].as_str().filter(|_| of_filter).map(str::to_string);
                entry.priority = chain["prio"].as_i64().unwrap_or(0);
                entry.drops = chain["policy"] == "drop";
            } else if let Some(rule) = item.get("rule") {
                let statements = rule["expr"].as_array().cloned().unwrap_or_default();
                rules
                    .chains
                    .entry(key(rule, "chain"))
                    .or_default()
                    .rules
                    .push(statements);
            } else if let Some(set) = item.get("set").or_else(|| item.get("map")) {
                let elements = set["elem"].as_array().cloned().unwrap_or_default();
                rules.sets.insert(key(set, "name"), elements);
            }
        }
        rules
    }

    pub fn has_table(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table == name)
    }

    pub fn has_chain(&self, name: &str) -> bool {
        self.chains.keys().any(|(_, _, chain)| chain == name)
    }

    /// What becomes of a packet: every base chain must let it through.
    pub fn verdict(&self, packet: &Packet<'_>) -> Verdict {
        self.walk(packet).map_or(Verdict::Accepted, |(_, verdict)| verdict)
    }

    /// `family table chain` of the base chain that drops a packet.
    pub fn dropping_chain(&self, packet: &Packet<'_>) -> Option<String> {
        let ((family, table, chain), _) = self.walk(packet)?;
        Some(format!("{family} {table} {chain}"))
    }

    fn walk(&self, packet: &Packet<'_>) -> Option<(&Key, Verdict)> {
        let of_packets_for_us = |hook: &str| hook == "prerouting" || hook == "input";
        let mut bases: Vec<(&Key, &Chain)> = self
            .chains
            .iter()
            .filter(|((family, _, _), chain)| {
                matches!(&**family, "ip" | "inet") && chain.hook.as_deref().is_some_and(of_packets_for_us)
            })
            .collect();
        bases.sort_by_key(|(key, chain)| (chain.hook.as_deref() == Some("input"), chain.priority, *key));
        bases.into_iter().find_map(|(key, chain)| {
            let mut certain = true;
            let name = format!("chain {} of table {} {}", key.2, key.0, key.1);
            let by = match self.through(key, packet, &mut certain, 0) {
                Way::Accept => return None,
                Way::Drop(by) => by,
                Way::On | Way::Return if chain.drops => format!("the policy of {name}"),
                Way::On | Way::Return => return None,
            };
            Some((key, Verdict::Dropped { by, certain }))
        })
    }

    fn through(&self, key: &Key, packet: &Packet<'_>, certain: &mut bool, depth: usize) -> Way {
        let Some(chain) = self.chains.get(key).filter(|_| depth < DEPTH) else {
            return Way::On;
        };
        for statements in &chain.rules {
            match self.rule(key, statements, packet, certain, depth) {
                Way::On => {}
                way => return way,
            }
        }
        Way::On
    }

    fn rule(&self, key: &Key, statements: &[Value], packet: &Packet<'_>, certain: &mut bool, depth: usize) -> Way {
        let mut holds = Holds::Yes;
        for statement in statements {
            let Some((kind, value)) = statement.as_object().and_then(|object| object.iter().next()) else {
                continue;
            };
            let way = match kind.as_str() {
                "match" => match self.matches(key, value, packet) {
                    Holds::No => return Way::On,
                    Holds::Perhaps => {
                        holds = Holds::Perhaps;
                        continue;
                    }
                    Holds::Yes => continue,
                },
                // An extension of iptables that nft has no words for, or a rate.
                "xt" | "limit" | "quota" | "connlimit" | "ct count" => {
                    holds = Holds::Perhaps;
                    continue;
                }
                "vmap" => match self.mapped(key, value, packet) {
                    Some(verdict) => self.target(key, &verdict, packet, certain, depth),
                    None => return Way::On,
                },
                _ => self.target(key, statement, packet, certain, depth),
            };
            match (way, holds) {
                (Way::On, _) => {}
                (way, Holds::Yes) => return way,
                // Perhaps accepted: who is dropped later is dropped perhaps. Perhaps dropped: some are, so it counts.
                (Way::Accept | Way::Return, _) => {
                    *certain = false;
                    return Way::On;
                }
                // A rate limit or a list of foreign addresses drops some; that is what it is for.
                (Way::Drop(_), _) => return Way::On,
            }
        }
        Way::On
    }

    fn target(&self, key: &Key, statement: &Value, packet: &Packet<'_>, certain: &mut bool, depth: usize) -> Way {
        let Some((kind, value)) = statement.as_object().and_then(|object| object.iter().next()) else {
            return Way::On;
        };
        match kind.as_str() {
            "accept" | "queue" => Way::Accept,
            "drop" | "reject" => Way::Drop(format!("a rule in chain {} of table {} {}", key.2, key.0, key.1)),
            "return" => Way::Return,
            "jump" | "goto" => {
                let target = value["target"].as_str().unwrap_or_default().to_string();
                let next = (key.0.clone(), key.1.clone(), target);
                match (self.through(&next, packet, certain, depth + 1), kind.as_str()) {
                    (Way::On | Way::Return, "jump") => Way::On,
                    (Way::On | Way::Return, _) => Way::Return,
                    (way, _) => way,
                }
            }
            _ => Way::On,
        }
    }

    fn matches(&self, key: &Key, condition: &Value, packet: &Packet<'_>) -> Holds {
        let Some(value) = self.value(&condition["left"], packet) else {
            return Holds::Perhaps;
        };
        let Known::Is(value) = value else { return Holds::No };
        let found = self.among(key, &value, &condition["right"]);
        match condition["op"].as_str() {
            Some("!=") if found == Holds::Yes => Holds::No,
            Some("!=") if found == Holds::No => Holds::Yes,
            Some("==" | "in" | "!=") => found,
            _ => Holds::Perhaps,
        }
    }

    /// What the left side of a condition is for this packet; `None` if that depends on who sent it.
    fn value(&self, left: &Value, packet: &Packet<'_>) -> Option<Known> {
        let is = |text: &str| Some(Known::Is(Value::from(text)));
        if let Some(payload) = left.get("payload") {
            let protocol = payload["protocol"].as_str()?;
            return match (protocol, payload["field"].as_str()?) {
                ("tcp" | "udp", _) if protocol != packet.protocol => Some(Known::Other),
                ("tcp" | "udp" | "th", "dport") => Some(Known::Is(Value::from(packet.port))),
                ("ip", "protocol") => is(packet.protocol),
                ("ip6" | "icmp" | "icmpv6", _) => Some(Known::Other),
                _ => None,
            };
        }
        if let Some(meta) = left.get("meta") {
            return match meta["key"].as_str()? {
                "iifname" | "iif" => is(packet.interface),
                "l4proto" => is(packet.protocol),
                "nfproto" => is("ipv4"),
                _ => None,
            };
        }
        // The first packet of a conversation is always new, whatever came before.
        (left["ct"]["key"] == "state").then(|| Known::Is(Value::from("new")))
    }

    fn among(&self, key: &Key, value: &Value, right: &Value) -> Holds {
        if let Some(set) = right.as_str().and_then(|name| name.strip_prefix('@')) {
            let elements = self.sets.get(&(key.0.clone(), key.1.clone(), set.to_string()));
            return elements.map_or(Holds::Perhaps, |elements| self.any(key, value, elements));
        }
        if let Some(elements) = right.get("set").or(Some(right)).and_then(Value::as_array) {
            return self.any(key, value, elements);
        }
        if let Some(range) = right.get("range").and_then(Value::as_array) {
            let number = |at: usize| range.get(at).and_then(Value::as_u64);
            return match (value.as_u64(), number(0), number(1)) {
                (Some(value), Some(first), Some(last)) => yes_if((first..=last).contains(&value)),
                _ => Holds::Perhaps,
            };
        }
        // `eth*` in nft's words.
        if let (Some(value), Some(start)) = (value.as_str(), right.as_str().and_then(|r| r.strip_suffix('*'))) {
            return yes_if(value.starts_with(start));
        }
        match right.get("elem") {
            Some(element) => self.among(key, value, &element["val"]),
            None if right.is_object() => Holds::Perhaps,
            None => yes_if(value == right),
        }
    }

    fn any(&self, key: &Key, value: &Value, elements: &[Value]) -> Holds {
        let all = elements.iter().map(|element| self.among(key, value, element));
        all.fold(Holds::No, |so_far, holds| match (so_far, holds) {
            (Holds::Yes, _) | (_, Holds::Yes) => Holds::Yes,
            (Holds::Perhaps, _) | (_, Holds::Perhaps) => Holds::Perhaps,
            _ => Holds::No,
        })
    }

    /// The verdict that a map has for a packet.
    fn mapped(&self, key: &Key, map: &Value, packet: &Packet<'_>) -> Option<Value> {
        let Some(Known::Is(value)) = self.value(&map["key"], packet) else {
            return None;
        };
        let data = &map["data"];
        let pairs = match data.as_str().and_then(|name| name.strip_prefix('@')) {
            Some(name) => self.sets.get(&(key.0.clone(), key.1.clone(), name.to_string()))?,
            None => data["set"].as_array()?,
        };
        let pair = pairs
            .iter()
            .find(|pair| self.among(key, &value, &pair[0]) == Holds::Yes)?;
        Some(pair[1].clone())
    }
}

/// What is known of a part of a packet.
enum Known {
    Is(Value),
    /// The packet has no such part.
    Other,
}

fn yes_if(so: bool) -> Holds {
    if so { Holds::Yes } else { Holds::No }
}

#[cfg(test)]
mod tests;
