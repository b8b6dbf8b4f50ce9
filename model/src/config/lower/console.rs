//! The way to a node's console: what it says, what its SSH says, what its BMC has.

use crate::cluster::{Bmc, ConsoleVia, SshConsole};
use crate::config::diagnostic::Diagnostic;
use crate::config::problems::Problems;
use crate::config::raw;
use crate::config::span::At;

/// What a declaration says about the consoles of its nodes; `None`: what follows from their BMCs.
pub(super) fn console(
    raw: &raw::Node,
    defaults: &raw::Defaults,
    key: &At<String>,
    problems: &mut Problems,
) -> Option<Option<ConsoleVia>> {
    let way = raw.console_via.as_ref();
    let own = raw.console_ssh.as_ref();
    let mut via = way.map(|way| way.value.0.clone());
    let by_ssh = matches!(via, Some(Some(ConsoleVia::Ssh(_)))) || raw.faulty.contains(&"console_via");
    if let (Some(own), false) = (own, by_ssh) {
        problems.push(
            Diagnostic::error("no-use", format!("the console of `{}` is not got at by SSH", key.value))
                .at(own.span, "this is of no use here")
                .help("say `console_via: ssh`, one of the makes, or `ssh:host:port`"),
        );
    }
    let (Some(way), Some(Some(meant))) = (way, &mut via) else {
        return via;
    };
    if meant.needs_bmc() && raw.bmc.is_none() {
        problems.push(
            Diagnostic::error("console-without-bmc", format!("`{}` has no BMC", key.value))
                .at(way.span, "this console goes through a BMC")
                .help("add `bmc: { address: … }`, or say `unix:/path`, `tcp:host:port` or `ssh:host:port`"),
        );
    }
    if let ConsoleVia::Ssh(ssh) = meant {
        let layers: Vec<&raw::ConsoleSsh> = own.into_iter().chain(defaults.console_ssh.as_ref()).collect();
        lay(ssh, &layers);
        both_ways(&layers, problems);
        // A BMC's password goes to no other host than that BMC.
        if ssh.host.is_some() && (ssh.user.is_none() || ssh.password_from.is_none() && ssh.key_from.is_none()) {
            problems.push(
                Diagnostic::error(
                    "console-without-login",
                    format!("nothing says how one logs in where the console of `{}` is", key.value),
                )
                .at(way.span, "the login of a BMC is not used elsewhere")
                .help("add `console_ssh: { user: …, key_from: … }` to the node or the defaults, or `password_from`"),
            );
        }
    }
    via
}

/// Where nothing is said a console comes through IPMI.
pub(super) fn by_bmc(bmc: Option<&Bmc>) -> Option<ConsoleVia> {
    bmc.filter(|bmc| bmc.protocol == "ipmi").map(|_| ConsoleVia::Sol)
}

/// Each key of the first layer that has it.
fn lay(ssh: &mut SshConsole, layers: &[&raw::ConsoleSsh]) {
    fn first<'l, T>(
        layers: &[&'l raw::ConsoleSsh],
        key: impl Fn(&'l raw::ConsoleSsh) -> &'l Option<At<T>>,
    ) -> Option<&'l T> {
        layers.iter().find_map(|layer| key(layer).as_ref()).map(|v| &v.value)
    }
    let has_port = ssh.word.starts_with("ssh:") && ssh.word.ends_with(&format!(":{}", ssh.port));
    if let (Some(port), false) = (first(layers, |l| &l.port), has_port) {
        ssh.port = port.0;
    }
    ssh.user = first(layers, |l| &l.user).map(|v| v.0.clone());
    ssh.password_from = first(layers, |l| &l.password_from).map(|v| v.0.clone());
    ssh.key_from = first(layers, |l| &l.key_from).map(|v| v.0.clone());
    ssh.legacy = first(layers, |l| &l.legacy).is_some_and(|v| v.0);
    if let Some(keys) = first(layers, |l| &l.leave_keys) {
        ssh.leave_keys.clone_from(&keys.0);
    }
    if let Some(keys) = first(layers, |l| &l.break_keys) {
        ssh.break_keys.clone_from(&keys.0);
    }
    let said = (layers.iter()).find(|layer| layer.command.is_some() || !layer.dialog.items.is_empty());
    if let Some(said) = said {
        ssh.command = said.command.as_ref().map(|v| v.value.0.clone());
        ssh.dialog = said.dialog.items.iter().map(|line| line.value.0.clone()).collect();
        ssh.take = said.take.items.iter().map(|line| line.value.0.clone()).collect();
    }
}

fn both_ways(layers: &[&raw::ConsoleSsh], problems: &mut Problems) {
    for layer in layers {
        if let (Some(command), Some(line)) = (&layer.command, layer.dialog.items.first()) {
            problems.push(
                Diagnostic::error("no-use", "a console is a command or behind a dialog, not both")
                    .at(line.span, "nobody asks for this")
                    .at(command.span, "where this is run instead of a shell"),
            );
        }
    }
}
