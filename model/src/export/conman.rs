//! conman: the serial consoles.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::Sheet;
use crate::cluster::{Bmc, ConsoleVia};

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let mut consoles = String::new();
    let mut secrets: Vec<&str> = Vec::new();
    for node in sheet.nodes {
        let (device, options) = match (&node.console_via, &node.bmc) {
            (None, _) => {
                sheet.notes.node(node, "no console is declared");
                continue;
            }
            (Some(ConsoleVia::Tcp(place) | ConsoleVia::Telnet(place)), _) => (place.clone(), String::new()),
            (Some(ConsoleVia::Unix(path)), _) => (format!("unix:{path}"), String::new()),
            (Some(ConsoleVia::Ssh(_)), _) => {
                sheet.notes.node(
                    node,
                    "the console, which is reached by SSH: conman wants a script of its own for that",
                );
                continue;
            }
            (Some(ConsoleVia::Sol), Some(bmc)) => {
                let IpAddr::V4(address) = bmc.address else {
                    sheet.notes.node(node, "the console: conman knows no IPv6");
                    continue;
                };
                if let Some(from) = bmc.password_from.as_deref().filter(|from| !secrets.contains(from)) {
                    secrets.push(from);
                }
                if bmc.kg_from.is_some() {
                    sheet.notes.node(
                        node,
                        "the controller's key K_g, which belongs into libipmiconsole.conf as libipmiconsole-context-k_g",
                    );
                }
                let port = bmc.port.map_or_else(String::new, |port| format!(":{port}"));
                (format!("ipmi:{address}{port}"), options(bmc))
            }
            (Some(ConsoleVia::Sol), None) => continue,
        };
        if device.contains('"') {
            sheet.notes.node(node, "the console: its path has a quote in it");
            continue;
        }
        let options = match options.is_empty() {
            true => options,
            false => format!(" ipmiopts=\"{options}\""),
        };
        let _ = writeln!(consoles, "CONSOLE name=\"{}\" dev=\"{device}\"{options}", node.name);
    }
    match secrets.as_slice() {
        [] => {}
        [one] => sheet.notes.say(format!(
            "the BMCs' password. Put what is at {one} behind libipmiconsole-context-password in /etc/freeipmi/libipmiconsole.conf"
        )),
        several => sheet.notes.say(format!(
            "the BMCs' passwords. /etc/freeipmi/libipmiconsole.conf takes one, behind libipmiconsole-context-password, but there are those at {}: for the others add P: to ipmiopts by hand, in a file that only root reads",
            several.join(", ")
        )),
    }
    format!(
        "SERVER timestamp=1h\nSERVER logdir=\"/var/log/conman\"\nGLOBAL log=\"console.%N\" logopts=\"sanitize,timestamp\"\n\n{consoles}"
    )
}

/// What conman is told of a BMC beside its address. The suite only where the cluster file says one: conman tries them itself.
fn options(bmc: &Bmc) -> String {
    let mut options = Vec::new();
    if let Some(user) = bmc.user.as_deref().filter(|user| !user.contains(['"', ',', '\\'])) {
        options.push(format!("U:{user}"));
    }
    if let [suite] = bmc.suites[..] {
        options.push(format!("C:{suite}"));
    }
    match bmc.privilege.as_str() {
        "operator" => options.push("L:op".to_string()),
        "user" => options.push("L:user".to_string()),
        _ => {}
    }
    if bmc.quirks.iter().any(|quirk| quirk == "opensesspriv") {
        options.push("W:opensesspriv".to_string());
    }
    options.join(",")
}
