//! conman.conf: consoles, and through them BMCs.

use std::net::IpAddr;

use super::found::{Bmc, Machine};
use super::gather::Gather;
use super::words;

pub(super) fn read(text: &str, gather: &mut Gather) {
    let mut default = Bmc::default();
    for (line, text) in joined_lines(text) {
        let (keyword, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
        let Some(pairs) = pairs(rest) else {
            gather.note(line, &text, "this was not understood");
            continue;
        };
        match keyword.to_ascii_lowercase().as_str() {
            "console" => console(&pairs, line, &text, &default, gather),
            "global" => {
                for (key, value) in &pairs {
                    match key.as_str() {
                        "ipmiopts" => default = options(value, line, gather),
                        "log" | "logopts" | "seropts" => {}
                        _ => gather.note(line, &format!("{key} {value}"), "a setting of conman itself"),
                    }
                }
            }
            // Where it logs and listens: the server does so in its own places.
            "server" => {}
            _ => gather.note(line, &text, "this was not understood"),
        }
    }
}

/// Lines without comments, continued ones put together, each with the number of its first.
fn joined_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let (number, mut whole) = open
            .take()
            .unwrap_or((u32::try_from(at + 1).unwrap_or(u32::MAX), String::new()));
        let line = uncommented(line).trim();
        match line.strip_suffix('\\') {
            Some(part) => {
                whole.push_str(part);
                whole.push(' ');
                open = Some((number, whole));
            }
            None => {
                whole.push_str(line);
                lines.push((number, whole));
            }
        }
    }
    lines.extend(open);
    lines.retain(|(_, line)| !line.trim().is_empty());
    lines
}

fn uncommented(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    line
}

/// `key=value` with or without quotes; no space is needed between two.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut rest = text.trim_start();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) || key.contains(['"', '\'']) {
            return None;
        }
        let after = after.trim_start();
        let (value, after) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].split_once(quote)?,
            _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        pairs.push((key.to_ascii_lowercase(), value.to_string()));
        rest = after.trim_start();
    }
    Some(pairs)
}

fn console(pairs: &[(String, String)], line: u32, text: &str, default: &Bmc, gather: &mut Gather) {
    let find = |wanted: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == wanted)
            .map(|(_, value)| value.as_str())
    };
    let (Some(name), Some(device)) = (find("name"), find("dev")) else {
        return gather.note(line, text, "a console has a `name` and a `dev`");
    };
    let own = find("ipmiopts").map(|value| options(value, line, gather));
    let access = own.unwrap_or_else(|| default.clone());
    let mut machine = Machine {
        name: name.to_string(),
        line,
        ..Machine::default()
    };
    // A program's words may have a password among them.
    let program = device.split_whitespace().next().unwrap_or_default();
    match device_of(device) {
        Device::Bmc(host, port) => match host.parse::<IpAddr>() {
            Ok(address) => {
                machine.bmc = Some(Bmc {
                    address: Some(address),
                    port: port.or(access.port),
                    ..access
                });
            }
            Err(_) => gather.note(
                line,
                &format!("{name} {device}"),
                "the BMC is named by its name: write its address",
            ),
        },
        Device::Way(way) => machine.console = Some(way),
        Device::Helper { host, user, secret } => {
            let password_from = secret.map(|secret| gather.password(line, "dev", &secret));
            match host.parse::<IpAddr>() {
                Ok(address) => {
                    machine.bmc = Some(Bmc {
                        address: Some(address),
                        user: user.or(access.user),
                        password_from: password_from.or(access.password_from),
                        ..access
                    });
                }
                Err(_) => gather.note(
                    line,
                    &format!("{name} {host}"),
                    "the BMC is named by its name: write its address",
                ),
            }
        }
        Device::Unknown => gather.note(
            line,
            &format!("{name} {program}"),
            "a way to a console that there is not here",
        ),
    }
    for (key, _) in pairs {
        if !matches!(
            key.as_str(),
            "name" | "dev" | "ipmiopts" | "log" | "logopts" | "seropts"
        ) {
            gather.note(line, &format!("{name} {key}"), "this was not understood");
        }
    }
    gather.machine(machine);
}

enum Device {
    /// Host and port.
    Bmc(String, Option<u16>),
    /// A program of conman's that goes to a BMC.
    Helper {
        host: String,
        user: Option<String>,
        secret: Option<String>,
    },
    /// As `console_via` has it.
    Way(String),
    Unknown,
}

fn device_of(device: &str) -> Device {
    if let Some(host) = device.strip_prefix("ipmi:") {
        return match host
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        {
            Some((host, port)) => Device::Bmc(host.to_string(), Some(port)),
            None => Device::Bmc(host.to_string(), None),
        };
    }
    if let Some(path) = device.strip_prefix("unix:") {
        return if path.starts_with('/') {
            Device::Way(format!("unix:{path}"))
        } else {
            Device::Unknown
        };
    }
    let words: Vec<&str> = device.split_whitespace().collect();
    match words.as_slice() {
        // PROGRAM HOST [USER [PASSWORD]]
        [program, host, rest @ ..] if program.contains("ipmitool") || program.contains("ipmiconsole") => {
            let word = |at: usize| rest.get(at).map(|word: &&str| (*word).to_string());
            Device::Helper {
                host: (*host).to_string(),
                user: word(0),
                secret: word(1),
            }
        }
        [one] => match one.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Device::Way(format!("tcp:{one}"))
            }
            _ => Device::Unknown,
        },
        _ => Device::Unknown,
    }
}

/// `U:user,P:password,…`, or in the old form `user,password,…`.
fn options(text: &str, line: u32, gather: &mut Gather) -> Bmc {
    let mut bmc = Bmc::default();
    for (at, part) in text.split(',').map(str::trim).enumerate() {
        match part.split_once(':') {
            Some(("U" | "u", user)) if !user.is_empty() => bmc.user = Some(user.to_string()),
            Some(("P" | "p", secret)) if !secret.is_empty() => {
                bmc.password_from = Some(gather.password(line, "ipmiopts", secret));
            }
            Some(("K" | "k", _)) => {
                gather.note(line, "option K of a BMC", "the controller's own key: say `kg_from`");
            }
            Some(("C" | "c", suite)) if bmc.suite(suite) => {}
            Some(("L" | "l", privilege)) if bmc.privilege(privilege) => {}
            Some(("W" | "w", flags)) if bmc.workarounds(flags) => {}
            Some((key @ ("C" | "c" | "L" | "l" | "W" | "w"), value)) => {
                gather.note(line, &format!("{key}:{value} of a BMC"), "nothing that a BMC has here");
            }
            None if at == 0 && !part.is_empty() => bmc.user = Some(part.to_string()),
            None if at == 1 && !part.is_empty() => {
                bmc.password_from = Some(gather.password(line, "ipmiopts", part));
            }
            _ if part.is_empty() => {}
            _ => gather.note(line, "an option of a BMC", "this was not understood"),
        }
    }
    bmc.user = bmc
        .user
        .filter(|user| words::interface(user).is_some() || user.len() <= 63);
    bmc
}
