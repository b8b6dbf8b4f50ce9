//! `bellwether init`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use model::cluster::DhcpMode;
use model::config::Severity;
use serde_json::json;

use super::args::Init;
use super::{Failure, Printer, diagnostics, output};
use crate::init::{Answers, Proposal, Surroundings, propose, render};
use crate::services::dhcp4;

/// Where the packaged server looks for its cluster file.
const FOLDER: &str = "/etc/bellwether";

/// Looks around, asks, and writes a cluster file.
pub async fn run(printer: &Printer, args: &Init) -> Result<(), Failure> {
    let file = args.file.clone().unwrap_or_else(usual);
    if file.exists() && !args.force {
        return Err(Failure::usage(format!(
            "{} is there already: name another file, or add --force",
            file.display()
        )));
    }
    let asking = !args.yes && std::io::stdin().is_terminal();
    if !args.yes && !asking {
        return Err(Failure::usage(
            "there is no terminal to ask on: --yes takes what is found, and every answer can be given as an option",
        ));
    }
    let mut around = Surroundings::look()
        .map_err(|error| Failure::new(format!("cannot look at this host's interfaces: {error}")))?;
    let mut answers = Answers {
        name: args.name.clone(),
        domain: args.domain.clone(),
        interface: args.interface.clone(),
        prefix: args.prefix,
        pool: args.pool.clone(),
        dhcp: args.dhcp.as_deref().and_then(mode),
        rivals: Vec::new(),
    };
    if asking {
        ask_interface(&around, &mut answers)?;
    }
    let first = plan(&around, &answers)?;
    let heard = listen(printer, &mut around, &first, &mut answers).await;
    if asking {
        ask_rest(&around, &mut answers)?;
    }
    let proposal = plan(&around, &answers)?;
    let text = render(&proposal, &around);
    let shown = file.display().to_string();
    let reading = model::config::read(&text);
    if reading.cluster.is_none() {
        let errors: Vec<_> = reading
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .cloned()
            .collect();
        return Err(
            Failure::usage("an answer does not fit into a cluster file; nothing was written")
                .with_detail(diagnostics::render(&shown, &text, &errors, printer.color)),
        );
    }
    write(&file, &text).map_err(|source| Failure::io("write", &file, source))?;
    let value = json!({
        "file": shown, "interface": proposal.interface, "prefix": proposal.prefix.to_string(), "address": proposal.address,
        "uplink": proposal.uplink, "dhcp": proposal.dhcp.as_str(), "pool": proposal.pool, "other_servers": proposal.rivals,
        "listened": heard, "ssh_keys": around.keys.len(),
    });
    if printer.json() {
        return output::text(&super::pretty(&value));
    }
    output::text(&farewell(&shown, &proposal, heard))
}

fn plan(around: &Surroundings, answers: &Answers) -> Result<Proposal, Failure> {
    propose(around, answers).map_err(|error| Failure::usage(error.to_string()))
}

fn mode(word: &str) -> Option<DhcpMode> {
    [DhcpMode::Serve, DhcpMode::Proxy, DhcpMode::Observe]
        .into_iter()
        .find(|mode| mode.as_str() == word)
}

fn usual() -> PathBuf {
    let installed = Path::new(FOLDER);
    let writable = nix::unistd::access(installed, nix::unistd::AccessFlags::W_OK).is_ok();
    if writable {
        installed.join("cluster.yaml")
    } else {
        PathBuf::from("cluster.yaml")
    }
}

/// Listens for other DHCP servers on the interface; whether that was possible.
async fn listen(printer: &Printer, around: &mut Surroundings, plan: &Proposal, answers: &mut Answers) -> bool {
    let Some(interface) = around.interfaces.iter().find(|i| i.name == plan.interface).cloned() else {
        return false;
    };
    if !interface.up || !interface.running {
        return false;
    }
    if !printer.json() {
        anstream::eprintln!("Listening on {} for other DHCP servers, 4 seconds ...", interface.name);
    }
    let own: Vec<Ipv4Addr> = around
        .interfaces
        .iter()
        .flat_map(|i| i.addresses.iter().map(|net| net.addr()))
        .collect();
    match dhcp4::survey(&interface, &own).await {
        Ok(survey) => {
            answers.rivals = survey.servers.into_iter().collect();
            true
        }
        Err(error) => {
            anstream::eprintln!("{} could not be listened to: {error}", interface.name);
            false
        }
    }
}

fn ask_interface(around: &Surroundings, answers: &mut Answers) -> Result<(), Failure> {
    let likely = plan(around, answers)?;
    let names: Vec<String> = around
        .interfaces
        .iter()
        .filter(|i| i.mac.is_some())
        .map(|i| match i.addresses.first() {
            Some(address) => format!("{} ({address})", i.name),
            None => i.name.clone(),
        })
        .collect();
    let question = format!("Interface on the machines' network; there are {}", names.join(", "));
    answers.interface = Some(ask(&question, &likely.interface)?);
    let likely = plan(around, answers)?;
    if likely.unset && answers.prefix.is_none() {
        let said = ask(
            &format!("{} has no address. Network for it", likely.interface),
            &likely.prefix.to_string(),
        )?;
        let prefix = said
            .parse()
            .map_err(|_| Failure::usage(format!("{said} is no network: write it as 10.77.0.0/24")))?;
        answers.prefix = Some(prefix);
    }
    Ok(())
}

fn ask_rest(around: &Surroundings, answers: &mut Answers) -> Result<(), Failure> {
    let likely = plan(around, answers)?;
    if likely.uplink {
        anstream::eprintln!("{}", uplink(&likely));
    }
    answers.name = Some(ask("Name of the cluster", &likely.name)?);
    let word = ask(
        "DHCP: serve addresses, proxy beside another server, or observe",
        likely.dhcp.as_str(),
    )?;
    answers.dhcp = Some(mode(&word).ok_or_else(|| Failure::usage(format!("{word} is none of serve, proxy, observe")))?);
    if let Some(pool) = plan(around, answers)?.pool {
        answers.pool = Some(ask("Addresses for machines that are not declared", &pool)?);
    }
    Ok(())
}

/// Asks on the terminal; an empty line takes what stands in brackets.
fn ask(question: &str, default: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot ask: {error}"));
    let mut out = anstream::stderr();
    write!(out, "{question} [{default}]: ")
        .and_then(|()| out.flush())
        .map_err(failed)?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).map_err(failed)? == 0 {
        return Err(Failure::usage("nothing was written"));
    }
    let said = line.trim();
    Ok(if said.is_empty() { default } else { said }.to_string())
}

/// Written aside, then renamed. It may come to hold hashes of passwords, so that only root and the server may read it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(&unfinished)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    if nix::unistd::geteuid().is_root()
        && let Ok(Some(group)) = nix::unistd::Group::from_name("bellwether")
    {
        std::os::unix::fs::chown(&unfinished, None, Some(group.gid.as_raw()))?;
    }
    std::fs::rename(&unfinished, file)
}

fn uplink(proposal: &Proposal) -> String {
    let Proposal {
        interface,
        dhcp,
        rivals,
        ..
    } = proposal;
    let who = rivals.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (dhcp, rivals.is_empty()) {
        (DhcpMode::Serve, true) => format!(
            "{interface} is this host's own way out: serving there means that every machine on that network, not only yours, gets its address from here. If a DHCP server is there that was just not heard, use --dhcp proxy."
        ),
        (DhcpMode::Serve, false) => format!(
            "{interface} is this host's own way out, and {who} gives out addresses there: stop that one first, or use --dhcp proxy."
        ),
        _ => format!(
            "{interface} is this host's own way out: the DHCP server there goes on giving out addresses, and only machines that are declared here are told what to boot."
        ),
    }
}

fn farewell(file: &str, proposal: &Proposal, heard: bool) -> String {
    let Proposal {
        interface,
        prefix,
        address,
        ..
    } = proposal;
    let mut out = format!(
        "{file} is written: network {prefix} on {interface}, DHCP {}\n",
        proposal.dhcp.as_str()
    );
    if proposal.uplink {
        out += &format!("\n{}\n", uplink(proposal));
    }
    if !heard {
        out += "\nOther DHCP servers were not looked for (the interface is down, or CAP_NET_RAW is missing); the server does so before it answers anybody.\n";
    }
    out += "\nNext:\n";
    if proposal.unset {
        out += &format!(
            "  ip address add {address}/{} dev {interface} && ip link set {interface} up\n",
            prefix.prefix_len()
        );
    }
    out += &format!("  bellwether doctor {file}\n  bellwether image build debian-12\n");
    out += &if file == format!("{FOLDER}/cluster.yaml") {
        "  systemctl enable --now bellwether\n".to_string()
    } else {
        format!("  bellwether serve --config {file}\n")
    };
    out
}
