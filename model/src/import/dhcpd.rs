//! ISC's dhcpd.conf: statements that end with `;`, blocks in braces.

use super::found::{Machine, Network, Nic};
use super::gather::Gather;
use super::words;

/// Nesting of blocks.
const DEPTH: usize = 32;

pub(super) fn read(text: &str, gather: &mut Gather) {
    let tokens = tokens(text);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        global: Network::new("", ipnet::Ipv4Net::default(), gather.place(1)),
        gather,
    };
    reader.block(&mut Around::default(), 0);
    while reader.at < tokens.len() {
        let line = tokens[reader.at].line;
        reader.gather.note(line, "}", "a brace that closes nothing");
        reader.at += 1;
        reader.block(&mut Around::default(), 0);
    }
    // What is said outside of any network is said of all that say nothing themselves.
    let Reader { global, gather, .. } = reader;
    for network in &mut gather.networks {
        network.router = network.router.or(global.router);
        network.lease = network.lease.or(global.lease);
        network.mtu = network.mtu.or(global.mtu);
        for (own, all) in [(&mut network.dns, &global.dns), (&mut network.ntp, &global.ntp)] {
            if own.is_empty() {
                own.clone_from(all);
            }
        }
        if network.search.is_empty() {
            network.search.clone_from(&global.search);
        }
    }
    let line = global.place.line;
    if let Some(domain) = global.domain {
        gather.domain(line, &domain);
    }
}

struct Token<'a> {
    text: &'a str,
    quoted: bool,
    line: u32,
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let (length, token) = match next {
            '#' => (rest.find('\n').unwrap_or(rest.len()), None),
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |end| end + 2);
                (end, Some((rest[1..end].trim_end_matches('"'), true)))
            }
            '{' | '}' | ';' | ',' => (1, Some((&rest[..1], false))),
            c if c.is_whitespace() => (c.len_utf8(), None),
            _ => {
                let end = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | ',' | '"' | '#');
                let end = rest.find(end).unwrap_or(rest.len());
                (end, Some((&rest[..end], false)))
            }
        };
        if let Some((text, quoted)) = token {
            tokens.push(Token { text, quoted, line });
        }
        line += rest[..length].bytes().filter(|byte| *byte == b'\n').count() as u32;
        at += length;
    }
    tokens
}

/// The blocks that a statement stands in.
#[derive(Default)]
struct Around {
    /// The innermost subnet, as a position in the list of networks.
    network: Option<usize>,
    host: Option<Machine>,
}

struct Reader<'a, 'g> {
    tokens: &'a [Token<'a>],
    at: usize,
    global: Network,
    gather: &'g mut Gather,
}

impl<'a> Reader<'a, '_> {
    /// Statements up to the brace that closes the block, which is left to the caller.
    fn block(&mut self, around: &mut Around, depth: usize) {
        loop {
            let from = self.at;
            let end = |token: &Token<'_>| !token.quoted && matches!(token.text, "{" | "}" | ";");
            while self.tokens.get(self.at).is_some_and(|token| !end(token)) {
                self.at += 1;
            }
            let words = &self.tokens[from..self.at];
            let Some(stop) = self.tokens.get(self.at) else {
                if let Some(first) = words.first() {
                    self.gather
                        .note(first.line, &joined(words), "the file ends in the middle of this");
                }
                return;
            };
            match stop.text {
                "}" => {
                    if let Some(first) = words.first() {
                        self.gather
                            .note(first.line, &joined(words), "a `;` is missing behind this");
                        self.statement(words, around);
                    }
                    return;
                }
                ";" => {
                    self.at += 1;
                    self.statement(words, around);
                }
                _ => {
                    self.at += 1;
                    self.opened(words, around, depth + 1);
                    // The closing brace.
                    if self.at < self.tokens.len() {
                        self.at += 1;
                    }
                }
            }
        }
    }

    /// A block whose head has just been read.
    fn opened(&mut self, head: &'a [Token<'a>], around: &mut Around, depth: usize) {
        let line = head.first().map_or(1, |token| token.line);
        let text: Vec<&str> = head.iter().map(|token| token.text).collect();
        if depth > DEPTH {
            self.gather.note(line, &joined(head), "nested too deeply");
            return self.skip();
        }
        match text.as_slice() {
            ["subnet", address, "netmask", mask] => match words::network(address, mask) {
                Some(prefix) => {
                    let name = format!("net-{}", prefix.network().to_string().replace('.', "-"));
                    if self.gather.network(&name, prefix, line).is_none() {
                        return self.skip();
                    }
                    let network = self.gather.networks.iter().position(|network| network.prefix == prefix);
                    self.block(&mut Around { network, host: None }, depth);
                }
                None => {
                    self.gather.note(line, &joined(head), "no network");
                    self.skip();
                }
            },
            ["host", name] => {
                let mut inner = Around {
                    network: around.network,
                    host: Some(Machine {
                        name: (*name).to_string(),
                        line,
                        ..Machine::default()
                    }),
                };
                self.block(&mut inner, depth);
                if let Some(machine) = inner.host {
                    self.gather.machine(machine);
                }
            }
            ["group", ..] => self.block(around, depth),
            ["pool"] => self.block(around, depth),
            ["shared-network", name] => {
                self.gather
                    .note(line, name, "networks on one wire: each is a network of its own here");
                self.block(&mut Around::default(), depth);
            }
            _ => {
                self.gather.note(
                    line,
                    &joined(head),
                    "a rule of dhcpd itself, most often about what machines boot: Bellwether says that",
                );
                self.skip();
            }
        }
    }

    /// To the brace that closes the block.
    fn skip(&mut self) {
        let mut open = 0usize;
        while let Some(token) = self.tokens.get(self.at) {
            match token.text {
                "{" if !token.quoted => open += 1,
                "}" if !token.quoted && open == 0 => return,
                "}" if !token.quoted => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn statement(&mut self, tokens: &[Token<'_>], around: &mut Around) {
        let Some(first) = tokens.first() else { return };
        let line = first.line;
        let words: Vec<&str> = tokens
            .iter()
            .map(|token| token.text)
            .filter(|text| *text != ",")
            .collect();
        let understood = match &mut around.host {
            Some(machine) => host(machine, &words),
            None => {
                let network = match around.network.and_then(|at| self.gather.networks.get_mut(at)) {
                    Some(network) => network,
                    None => {
                        self.global.place = self.gather.place(line);
                        &mut self.global
                    }
                };
                set(network, &words)
            }
        };
        if let Err(why) = understood {
            self.gather.note(line, &joined(tokens), why);
        }
    }
}

fn joined(tokens: &[Token<'_>]) -> String {
    let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    words.join(" ").replace(" ,", ",")
}

fn host(machine: &mut Machine, words: &[&str]) -> Result<(), &'static str> {
    let mut nic = machine.nics.pop().unwrap_or_default();
    let understood = match words {
        ["hardware", "ethernet", mac] => {
            nic.mac = words::mac(mac);
            nic.mac.map(|_| ()).ok_or("no MAC")
        }
        ["fixed-address", address, ..] => {
            nic.address = address.parse().ok();
            match (nic.address, words.len()) {
                (None, _) => Err("an address that a name server is asked for: write the address"),
                (_, 2) => Ok(()),
                _ => Err("several addresses: the first one stays"),
            }
        }
        // What a machine is told that it is called is what it is called.
        ["option", "host-name", name] => {
            machine.name = (*name).to_string();
            Ok(())
        }
        ["option", "dhcp-client-identifier", id] => {
            machine.client_id = words::client_id(id);
            machine
                .client_id
                .as_ref()
                .map(|_| ())
                .ok_or("no client identifier in hexadecimal")
        }
        _ => Err("nothing that a machine has here, or what it boots: Bellwether says that"),
    };
    machine.nics.extend(Some(nic).filter(|nic| *nic != Nic::default()));
    understood
}

fn set(network: &mut Network, words: &[&str]) -> Result<(), &'static str> {
    let addresses = |list: &[&str]| {
        list.iter()
            .map(|word| word.parse().ok())
            .collect::<Option<Vec<std::net::Ipv4Addr>>>()
    };
    let wrong = "it was not understood";
    match words {
        ["authoritative"] | ["option", "broadcast-address" | "subnet-mask", _] => Ok(()),
        ["range", "dynamic-bootp", first, last] | ["range", first, last] => {
            network
                .pool
                .push(words::range(first, last).ok_or("no range of addresses")?);
            Ok(())
        }
        ["range", one] => {
            network
                .pool
                .push(words::range(one, one).ok_or("no range of addresses")?);
            Ok(())
        }
        ["default-lease-time", time] => {
            network.lease = Some(words::lease(time).ok_or("a lease is from 2 minutes to a year long here")?);
            Ok(())
        }
        ["option", "routers", list @ ..] => {
            let list = addresses(list).ok_or(wrong)?;
            network.router = list.first().copied();
            if list.len() > 1 {
                Err("several routers: the first one stays")
            } else {
                Ok(())
            }
        }
        ["option", "domain-name-servers", list @ ..] => {
            network.dns = addresses(list).ok_or("names of servers: write their addresses")?;
            Ok(())
        }
        ["option", "ntp-servers", list @ ..] => {
            network.ntp = addresses(list).ok_or("names of servers: write their addresses")?;
            Ok(())
        }
        ["option", "domain-name", domain] => {
            network.domain = Some(words::domain(domain).ok_or("no domain")?);
            Ok(())
        }
        ["option", "domain-search", list @ ..] => {
            let list: Option<Vec<String>> = list.iter().map(|word| words::domain(word)).collect();
            network.search = list.ok_or("no domains")?;
            Ok(())
        }
        ["option", "interface-mtu", mtu] => {
            let mtu = mtu.parse().ok().filter(|mtu| *mtu >= 576);
            network.mtu = Some(mtu.ok_or("no MTU")?);
            Ok(())
        }
        ["option", name, "code", ..] if name.contains("classless") => Ok(()),
        ["option", name, list @ ..] if name.contains("classless") && list.first() != Some(&"code") => {
            let routes = words::routes(&list.join(",")).ok_or("no routes as RFC 3442 has them")?;
            network.routes = routes.into_iter().filter(|(to, _)| to.prefix_len() > 0).collect();
            Ok(())
        }
        ["next-server" | "filename", ..] => Err("what machines boot: Bellwether says that"),
        ["max-lease-time" | "min-lease-time", _] => Err("there is one lease time, the default one"),
        _ => Err("a setting of dhcpd itself"),
    }
}
