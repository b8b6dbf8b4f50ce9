//! powerman.conf: which BMC switches which machine, and aliases as groups.

use std::collections::HashMap;
use std::net::IpAddr;

use super::found::{Bmc, Machine};
use super::gather::Gather;
use super::words;

/// What is known of a device.
#[derive(Default)]
struct Device {
    access: Bmc,
    /// Hosts of its command line: the address of a device with one machine.
    hosts: Vec<String>,
    bmc: bool,
}

pub(super) fn read(text: &str, gather: &mut Gather) {
    let mut devices: HashMap<String, Device> = HashMap::new();
    let mut aliases = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let at = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let words = words_of(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["include" | "listen" | "tcpwrappers" | "plug_log_level", ..] => {}
            ["device", name, kind, command, ..] => {
                let device = device(kind, command, at, gather);
                devices.insert((*name).to_string(), device);
            }
            ["node", nodes, device, plugs @ ..] => {
                node(nodes, device, plugs.first().copied(), at, line, &devices, gather)
            }
            ["alias", name, nodes] => aliases.push((at, (*name).to_string(), (*nodes).to_string())),
            _ => gather.note(at, line, "this was not understood"),
        }
    }
    for (line, name, nodes) in aliases {
        match gather.hosts(&nodes) {
            Some(members) => {
                let names = members
                    .iter()
                    .filter_map(|member| words::host(member))
                    .map(|(name, _)| name);
                // Aliases may name aliases; of machines that are not here nothing is known.
                let (known, unknown): (Vec<String>, Vec<String>) = names.partition(|name| gather.knows(name));
                if !unknown.is_empty() {
                    let why = format!("no machines of this file, but in the alias {name}");
                    gather.note(line, &unknown.join(","), why);
                }
                if !known.is_empty() {
                    gather.group(&name, line, known);
                }
            }
            None => gather.note(line, &format!("alias {name} {nodes}"), "no list of machines"),
        }
    }
}

/// Words and texts in quotes, up to a comment.
fn words_of(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '#' => break,
            '"' => rest[1..].split_once('"').unwrap_or((&rest[1..], "")),
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_string());
        rest = after.trim_start();
    }
    words
}

fn device(kind: &str, command: &str, line: u32, gather: &mut Gather) -> Device {
    let redfish = kind.starts_with("redfish");
    let mut device = Device {
        bmc: redfish || kind.starts_with("ipmipower") || kind.contains("ipmi"),
        ..Device::default()
    };
    device.access.redfish = redfish;
    if !device.bmc {
        gather.note(
            line,
            &format!("device of the type {kind}"),
            "power that no BMC switches: Bellwether switches by BMCs",
        );
        return device;
    }
    let mut words = command.split_whitespace();
    while let Some(word) = words.next() {
        let (option, inline) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word, None),
        };
        let mut value = || inline.or_else(|| words.next()).unwrap_or_default().to_string();
        match option {
            "-h" | "--hostname" => device.hosts = gather.hosts(&value()).unwrap_or_default(),
            "-u" | "--username" => device.access.user = Some(value()),
            "-p" | "--password" | "-A" | "--auth" => {
                let secret = value();
                device.access.password_from = Some(gather.password(line, option, &secret));
            }
            "-k" | "--k-g" => {
                value();
                gather.note(line, "option -k of a device", "the controller's own key: say `kg_from`");
            }
            "--config-file" => {
                let file = value();
                gather.note(
                    line,
                    &format!("--config-file {file}"),
                    "a password may stand in that file: say `password_from`",
                );
            }
            "-I" | "--cipher-suite-id" | "-l" | "--privilege-level" | "-W" | "--workaround-flags" => {
                let value = value();
                let access = &mut device.access;
                let (key, known) = match option {
                    "-I" | "--cipher-suite-id" => ("cipher_suites", access.suite(&value)),
                    "-l" | "--privilege-level" => ("privilege", access.privilege(&value)),
                    _ => ("quirks", access.workarounds(&value)),
                };
                if !known {
                    gather.note(
                        line,
                        &format!("{option} {value}"),
                        format!("how a BMC is got at: `{key}` does not know it"),
                    );
                }
            }
            _ => {}
        }
    }
    device
}

fn node(
    nodes: &str,
    device: &str,
    plugs: Option<&str>,
    line: u32,
    text: &str,
    devices: &HashMap<String, Device>,
    gather: &mut Gather,
) {
    let Some(names) = gather.hosts(nodes) else {
        return gather.note(line, text, "no list of machines");
    };
    let known = devices.get(device);
    if known.is_none() {
        gather.note(line, text, format!("no device {device} is declared above"));
    }
    let plugs = match plugs {
        Some(plugs) => gather.hosts(plugs).unwrap_or_default(),
        None => known.map(|device| device.hosts.clone()).unwrap_or_default(),
    };
    let paired = plugs.len() == names.len();
    let bmc = known.filter(|device| device.bmc);
    for (at, name) in names.iter().enumerate() {
        // A plug is the BMC's address, with its port at most; the number of a socket is none.
        let address = plugs.get(at).filter(|_| paired).and_then(|plug| address(plug));
        let port = known.and_then(|device| device.hosts.iter().find_map(|host| port(host, address?)));
        if let (Some(_), None) = (bmc, address) {
            gather.note(line, text, "the addresses of the BMCs do not stand here");
        }
        let bmc = bmc.zip(address).map(|(device, address)| Bmc {
            address: Some(address),
            port,
            ..device.access.clone()
        });
        gather.machine(Machine {
            name: name.clone(),
            bmc,
            line,
            ..Machine::default()
        });
    }
}

fn address(plug: &str) -> Option<IpAddr> {
    plug.parse().ok().or_else(|| plug.rsplit_once(':')?.0.parse().ok())
}

/// The port behind that address, where the device's own list says one.
fn port(host: &str, address: IpAddr) -> Option<u16> {
    let (host, port) = host.rsplit_once(':')?;
    (host.parse::<IpAddr>().ok()? == address).then(|| port.parse().ok())?
}
