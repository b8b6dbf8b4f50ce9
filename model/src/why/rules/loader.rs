//! From the address to the script: the loader that is not fetched, not started, or cannot reach us.

use jiff::SignedDuration;

use super::super::case::Case;
use super::super::{Finding, Verdict};
use super::secure;
use crate::cluster::Architecture;
use crate::event::{Stage, What};
use crate::measure;
use crate::world::{Boot, Chain, Step};

/// A firmware that refuses a loader does so at once; a loader that finds no NIC takes longer to give up.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(3);

/// Its firmware is of another architecture than it is declared with.
pub(super) fn wrong_architecture(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    let code = boot.arch?;
    if case.target() == Some("local") || case.position >= Some(Step::OsDhcp) {
        return None;
    }
    let is_arm = matches!(code, 11 | 19);
    let declared_arm = case.node.architecture == Architecture::Arm64;
    let misfit = boot.loader.as_ref().filter(|path| !fits(code, path));
    if is_arm == declared_arm && misfit.is_none() {
        return None;
    }
    let finding = if is_arm == declared_arm {
        Finding::new(
            Verdict::Stuck,
            format!("is stuck after the loader: {} is not for its firmware", case.loader()),
            format!(
                "Its firmware is {} and was given {}, which it cannot run.",
                arch(code),
                case.loader()
            ),
        )
        .advise("leave the choice to us: remove loader: from its settings, or correct it")
    } else {
        Finding::new(
            Verdict::Stuck,
            format!("is declared as {} and is not", case.node.architecture),
            format!(
                "Its firmware says that it is {}, the cluster file says {}.",
                arch(code),
                case.node.architecture
            ),
        )
        .advise(format!(
            "correct architecture: of {} (line {}) and apply the file",
            case.node.name, case.node.line
        ))
    };
    Some(finding.fact(
        boot.started,
        format!("its firmware gave architecture code {code}, {}", arch(code)),
    ))
}

/// Whether a firmware of that architecture can run a loader of that name.
fn fits(code: u16, loader: &str) -> bool {
    let efi = loader.ends_with(".efi") || loader.ends_with(".signed");
    let arm = loader.contains("arm64") || loader.contains("aa64");
    match code {
        0 => !efi,
        7 | 9 | 16 => efi && !arm,
        11 | 19 => efi && arm,
        _ => true,
    }
}

/// Architecture codes of option 93 in words (RFC 4578 and its IANA registry).
fn arch(code: u16) -> String {
    match code {
        0 => "x86 BIOS".into(),
        6 => "32-bit x86 UEFI".into(),
        7 | 9 => "x86-64 UEFI".into(),
        10 => "32-bit ARM UEFI".into(),
        11 => "ARM64 UEFI".into(),
        15 => "32-bit x86 UEFI over HTTP".into(),
        16 => "x86-64 UEFI over HTTP".into(),
        19 => "ARM64 UEFI over HTTP".into(),
        other => format!("of architecture code {other}"),
    }
}

/// It got an address and no boot file: the door through which it would fetch one is closed, or there is no loader for its architecture.
pub(super) fn no_loader(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Dhcp) {
        return None;
    }
    let (at, ask) = case
        .recent
        .iter()
        .rev()
        .find_map(|e| match &e.what {
            What::DhcpLeased { ask, boot_file, .. } if ask.stage.is_firmware() => Some((e.at, ask, boot_file)),
            _ => None,
        })
        .filter(|(.., file)| file.is_none())
        .map(|(at, ask, _)| (at, ask))?;
    let doors = &case.world.cluster.doors;
    let (door, protocol, port) = match ask.stage {
        Stage::HttpFirmware => ("http", "HTTP", doors.http),
        _ => ("tftp", "TFTP", doors.tftp),
    };
    let without = "it got an address without a boot file";
    if port.is_none() {
        return Some(
            Finding::new(
                Verdict::Stuck,
                format!("is stuck before the loader: {protocol} is switched off here"),
                format!("Its firmware boots over {protocol}, and the cluster file says doors: {{ {door}: off }}."),
            )
            .fact(at, without)
            .advise(format!(
                "take {door}: off out of doors:, apply the file and start the server anew"
            )),
        );
    }
    let code = ask.arch.map_or("no architecture code".to_string(), |code| {
        format!("architecture code {code}, {}", arch(code))
    });
    Some(
        Finding::new(
            Verdict::Stuck,
            "is stuck before the loader: there is none for its firmware",
            format!("It gave {code}, and no loader of ours runs there."),
        )
        .fact(at, without)
        .advise("switch its firmware to UEFI, x86-64 or ARM64, or to BIOS"),
    )
}

/// Its firmware fetched the loader whole and then began from the front: it does not run it, or the loader gave up.
pub(super) fn refused(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    if case.position > Some(Step::Loader) || case.position < Some(Step::Discover) {
        return None;
    }
    let next_entry = within(boot);
    let (loaded, asked, path) = next_entry.or_else(|| across(case, boot))?;
    let gap = asked.duration_since(loaded);
    let before = case.state.earlier.iter().skip(1);
    let times = 1 + before.take_while(|b| ended_at_loader(b)).count();
    let file = path.rsplit('/').next().unwrap_or(path);
    // Nobody resets a machine and has it ask again that fast; a slower one may have been a person.
    if next_entry.is_none() && times == 1 && gap > AT_ONCE {
        return None;
    }
    let (verdict, headline) = if next_entry.is_some() && !case.overdue {
        (
            Verdict::OnItsWay,
            format!("is on its way again: its firmware left {file} and tries its next boot entry"),
        )
    } else {
        let again = if times > 1 {
            format!(", {times} times")
        } else {
            String::new()
        };
        let headline = format!("is stuck after the loader: its firmware fetched {file} and then asked again{again}");
        (Verdict::Stuck, headline)
    };
    let uefi = boot.arch.is_some_and(|code| code != 0);
    let signed = Chain::begun_by(path) == Some(Chain::Signed) || file.starts_with("grub");
    let secure = "Secure Boot refuses a loader that is not signed for it, as iPXE is not";
    let driver = "iPXE found no NIC that it can drive and left";
    let cause = match (uefi, gap <= AT_ONCE) {
        (true, _) if signed => {
            format!(
                "Secure Boot refuses {file} or what it starts although they are signed: revoked, or not by its keys."
            )
        }
        (true, true) => format!("{secure}. (Less likely so soon: {driver}.)"),
        (true, false) => format!("Either {secure}; or {driver}."),
        (false, _) => format!("{file} started and left, or crashed: {driver}."),
    };
    let mut finding = Finding::new(verdict, headline, cause)
        .fact(loaded, format!("{file} was fetched"))
        .fact(
            asked,
            format!("its firmware asked for an address again, {} later", measure::span(gap)),
        );
    if uefi {
        finding = secure::advise(case, path, finding);
    }
    Some(finding.advise(other_loader(file)).advise(case.look()))
}

fn within(boot: &Boot) -> Option<(jiff::Timestamp, jiff::Timestamp, &str)> {
    let over = boot.over?;
    let loaded = boot.mark(Step::Loader).filter(|mark| mark.last < over)?.last;
    // A loader that got further has shown that it runs.
    let further = [Step::LoaderDhcp, Step::Script]
        .into_iter()
        .any(|step| boot.reached(step).is_some());
    (!further).then_some((loaded, over, boot.loader.as_deref()?))
}

fn across<'a>(case: &Case<'a>, boot: &Boot) -> Option<(jiff::Timestamp, jiff::Timestamp, &'a str)> {
    let before = case.state.earlier.first().filter(|b| ended_at_loader(b))?;
    let loaded = before.mark(Step::Loader)?.last;
    let switched = boot.reached(Step::Power).is_some();
    let soon = boot.started.duration_since(loaded) <= SignedDuration::from_mins(5);
    (soon && !switched).then_some((loaded, boot.started, before.loader.as_deref()?))
}

fn ended_at_loader(boot: &Boot) -> bool {
    boot.position().is_some_and(|mark| mark.step == Step::Loader)
}

/// The other choice of iPXE's build.
fn other_loader(file: &str) -> &'static str {
    match file {
        f if f.contains("snponly") => "try iPXE with its own drivers: loader: ipxe in its settings",
        f if f.contains("ipxe") => "try the firmware's own network driver: loader: snponly in its settings",
        f if f.contains("shim") || f.starts_with("grub") => {
            "switch Secure Boot off in its firmware setup or over its BMC, and let iPXE run: loader: snponly in its settings"
        }
        f if f.contains("undionly") => "switch its firmware to UEFI, where there is a choice of loaders",
        _ => "try another loader: loader: ipxe, or loader: snponly, in its settings",
    }
}

/// It has an address and asks for no loader.
pub(super) fn not_asked(case: &Case) -> Option<Finding> {
    if case.awaited != Some(Step::Loader) || !case.overdue {
        return None;
    }
    let waited = measure::span(case.waited());
    let http = case.boot?.firmware == Some(Stage::HttpFirmware);
    let doors = &case.world.cluster.doors;
    let (what, port, probe) = match (http, case.server()) {
        (true, server) => {
            let port = doors.http.unwrap_or(80);
            (
                "HTTP",
                format!("{port}/tcp"),
                format!("curl -I http://{}:{port}/loaders/ipxe.efi", said(server)),
            )
        }
        (false, server) => {
            let port = doors.tftp.unwrap_or(69);
            (
                "TFTP",
                format!("{port}/udp"),
                format!("curl -o /dev/null tftp://{}:{port}/snponly.efi", said(server)),
            )
        }
    };
    let closed = if http {
        doors.http.is_none()
    } else {
        doors.tftp.is_none()
    };
    let cause = match closed {
        true => format!("The {what} door is closed in the cluster file, so its loader cannot be had."),
        false => format!(
            "Its firmware wants the loader by {what}, and its question does not arrive: a firewall on {port}, or the answer named a server that it cannot reach."
        ),
    };
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("is stuck before the loader: not asked for, for {waited}"),
            cause,
        )
        .advise(format!(
            "is {port} open on this host? nft list ruleset; try it from another machine there: {probe}"
        ))
        .advise(
            case.listen()
                .replace("port 67 or port 68", if http { "port 80" } else { "port 69" }),
        )
        .advise(case.look()),
    )
}

fn said(server: Option<std::net::Ipv4Addr>) -> String {
    server.map_or_else(|| "SERVER".into(), |address| address.to_string())
}

/// The loader is there and does not ask for its own address.
pub(super) fn no_second_dhcp(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Loader) || !case.overdue {
        return None;
    }
    let file = case.loader();
    let (what, cause) = match case.awaited {
        Some(Step::LoaderDhcp) => (
            "no second DHCP",
            format!(
                "{file} runs and does not reach us: it cannot drive the NIC, or its link stays down (a switch port without port-fast), or it hangs."
            ),
        ),
        _ => (
            "it did not ask for its script",
            format!("{file} runs and finds nothing to go on with, or was refused by the firmware."),
        ),
    };
    Some(
        Finding::new(
            Verdict::Stuck,
            format!("is stuck after the loader: {what} for {}", measure::span(case.waited())),
            cause,
        )
        .advise(other_loader(file))
        .advise(case.look())
        .advise(
            "set the switch port to port-fast (edge): learning the topology takes it 30 to 50 s at every link change",
        ),
    )
}

/// The loader has its address and does not ask for its script.
pub(super) fn script_not_asked(case: &Case) -> Option<Finding> {
    // Beside another DHCP server we do not see the address that iPXE in ROM gets.
    let waits = matches!(case.position, Some(Step::Discover | Step::LoaderDhcp)) && case.awaited == Some(Step::Script);
    if !waits || !case.overdue {
        return None;
    }
    let port = case.world.cluster.doors.http;
    let url = case.recent.iter().rev().find_map(|e| match &e.what {
        What::DhcpLeased { ask, boot_file, .. } if ask.stage == Stage::Ipxe => boot_file.clone(),
        _ => None,
    });
    let cause = match port {
        None => "The HTTP door is closed in the cluster file, so its script cannot be had.".to_string(),
        Some(port) => format!(
            "iPXE knows where its script is and cannot reach it: a firewall on {port}/tcp, or a wrong address of ours."
        ),
    };
    let finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck before its script: not asked for, for {}",
            measure::span(case.waited())
        ),
        cause,
    );
    let finding = match url {
        Some(url) => finding.advise(format!("can it be reached? from another machine there: curl '{url}'")),
        None => finding,
    };
    let finding = match case.network().is_some_and(|n| !n.router_advertisements) {
        true => finding.advise("iPXE may wait 13 s for an IPv6 router first: router_advertisements: true saves that"),
        false => finding,
    };
    Some(finding.advise(case.look()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_fit_the_firmware_they_are_made_for() {
        for (code, loader, good) in [
            (0, "undionly.kpxe", true),
            (0, "snponly.efi", false),
            (7, "snponly.efi", true),
            (7, "undionly.kpxe", false),
            (16, "ipxe.efi", true),
            (16, "ipxe-arm64.efi", false),
            (11, "snponly-arm64.efi", true),
            (11, "grubaa64.efi", true),
            (11, "arm64-sb/snponly-shim.efi", true),
            (7, "arm64-sb/snponly-shim.efi", false),
            (11, "snponly.efi", false),
            (4711, "anything", true),
        ] {
            assert_eq!(fits(code, loader), good, "{code} {loader}");
        }
    }
}
