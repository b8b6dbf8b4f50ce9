//! Events as sentences. The subject is not named: whoever prints an event puts it before the sentence.

use super::{DhcpAsk, Event, Notable, Outcome, Protocol, Role, Stage, Transfer, What};
use crate::measure;

impl Event {
    /// What happened, in one sentence without a full stop. A question and its answer are joined by an arrow.
    pub fn sentence(&self) -> String {
        match &self.what {
            What::ServerStarted { version } => format!("Bellwether {version} started"),
            What::ServerStopped {} => "Bellwether stopped".into(),
            What::ClusterApplied { nodes, digest, .. } => format!(
                "{} applied a cluster file with {} (sha256 {})",
                self.person(),
                measure::count(usize::try_from(*nodes).unwrap_or(usize::MAX), "node"),
                digest.get(..12).unwrap_or(digest)
            ),
            What::NetworkServed {
                interface,
                address,
                http_port,
            } => match http_port {
                80 => format!("served on {interface} as {address}"),
                port => format!("served on {interface} as {address}, HTTP on port {port}"),
            },
            What::NetworkRefused { server, interface } => {
                format!("not served: the DHCP server {server} answers on {interface}")
            }
            What::NetworkAbsent { why } => format!("not served: {why}"),
            What::DhcpOffered {
                ask,
                address,
                boot_file,
            } => match address {
                Some(address) => format!("{} → offered {address}{}", ask.sentence(), and_file(boot_file)),
                None => format!("{} → offered a boot file only{}", ask.sentence(), and_file(boot_file)),
            },
            What::DhcpIgnored { ask, why } => format!("{} → no answer: {why}", ask.sentence()),
            What::DhcpLeased {
                ask,
                address,
                boot_file,
                ..
            } => {
                format!("{} → {address}{}", ask.sentence(), and_file(boot_file))
            }
            What::DhcpElsewhere {
                ask,
                server,
                address: Some(address),
            } => format!("{} takes {address} from the DHCP server {server}", ask.stage),
            What::DhcpElsewhere { ask, server, .. } => {
                format!("{} took the offer of another DHCP server, {server}", ask.stage)
            }
            What::DhcpRefused { ask, why } => format!("{} → refused: {why}", ask.sentence()),
            What::DhcpInformed { ask, boot_file } => {
                format!("{} asks for settings → given{}", ask.stage, and_file(boot_file))
            }
            What::DhcpReleased { address, mac } => format!("{mac} gave {address} back"),
            What::DhcpConflict {
                address, mac, found_by, ..
            } => {
                let user = mac.map_or_else(|| "somebody".to_string(), |mac| mac.to_string());
                match found_by.as_str() {
                    "declined" => format!("{address} is in use without a lease: {user} declined it"),
                    _ => format!("{address} is in use without a lease: {user} answered our probe"),
                }
            }
            What::Transfer(transfer) => transfer.sentence(),
            What::ScriptServed {
                target,
                image,
                identified_by,
                ..
            } => {
                let image = image.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
                match identified_by.as_str() {
                    "nothing" => format!("loader asks for its script → {target}{image} (not recognised)"),
                    by => format!(
                        "loader asks for its script → {target}{image} (recognised by its {})",
                        spelled(by)
                    ),
                }
            }
            What::AnswersServed { document, bytes } => format!("fetched its {document}, {}", measure::size(*bytes)),
            What::HookCalled { hook, detail, .. } => match (hook.as_str(), first_line(detail)) {
                ("ready", _) => "says that it is ready".into(),
                ("failed", "") => "says that it failed".into(),
                ("failed", detail) => format!("says that it failed: {detail}"),
                ("started", _) => "says that its installation started".into(),
                ("installed", _) => "says that its disk has its system".into(),
                (hook, "") => format!("calls back: {hook}"),
                (_, detail) => format!("says: {detail}"),
            },
            What::HookRefused { hook, client, why } => format!("callback {hook} from {client} refused: {why}"),
            What::TargetSet { target, once } => match (target, once) {
                (Some(target), true) => format!("{} chose {target} for the next boot", self.person()),
                (Some(target), false) => format!("{} chose {target} for every boot", self.person()),
                (None, _) => format!("{} took the chosen boot target back", self.person()),
            },
            What::DeploymentArmed {
                source,
                foreign: Some(_),
                ..
            } => format!("{} armed a deployment: {source}", self.person()),
            What::SystemAnswered { place, .. } => format!("its system answers at {place}"),
            What::DeploymentArmed { via, source, onto, .. } => {
                format!("{} armed a deployment: {via} {source} onto {onto}", self.person())
            }
            What::ReadySeen { how, .. } => format!("is ready: {how}"),
            What::StepBegan { step, what, boot, .. } => match boot {
                Some(_) => format!("step {} on it goes on, {what}: it is told to", step + 1),
                None => format!("step {} on it begins: {what}", step + 1),
            },
            What::StepEnded {
                step,
                what,
                failed,
                said,
                ..
            } => {
                let last = said.lines().last().unwrap_or_default();
                match failed {
                    Some(why) => format!("step {} on it failed, {what}: {why}", step + 1),
                    None if last.is_empty() => format!("step {} on it is done: {what}", step + 1),
                    None => format!("step {} on it is done: {what}: {last}", step + 1),
                }
            }
            What::DeploymentEnded {
                deployment,
                ending,
                why,
            } => format!("deployment {deployment} is {}: {why}", ending.as_str()),
            What::InstallerSaid { notable, line } => match notable {
                Notable::Stage => format!("installer: {line}"),
                Notable::Question => format!("installer asks: {line}"),
                Notable::Warning => format!("installer warns: {line}"),
                Notable::Error => format!("installer reports an error: {line}"),
            },
            What::ImageAdded(image) => format!(
                "ready to boot: {} for {}, root {}",
                image.os,
                image.architecture,
                measure::size(image.root.size)
            ),
            What::ImageRemoved {} | What::MediumRemoved {} => "removed".into(),
            What::MediumAdded(medium) => format!(
                "ready to install from: {} for {}, {}, {}",
                medium.os,
                medium.architecture,
                medium.version,
                measure::size(medium.size())
            ),
            What::DiskImageAdded(image) => format!(
                "ready for disks: {} for {}, {} on a disk of {} and more",
                image.os,
                image.architecture,
                measure::size(image.disk.size),
                measure::size(image.unpacked)
            ),
            What::AgentAdded(agent) => format!(
                "ready to write images to disks of {}, initrd {}",
                agent.architecture,
                measure::size(agent.initrd.size)
            ),
            What::LoadersFound { files } if files.is_empty() => "no boot loader was found".into(),
            What::LoadersFound { files } => format!("boot loaders found: {}", files.join(", ")),
            What::CacheTrouble { why, times, .. } => match times {
                0 | 1 => format!("package cache: {why}"),
                times => format!("package cache: {why} (the last of {times} troubles)"),
            },
            What::CacheRecovered { upstream } => format!("package cache: {upstream} works again"),
            What::Power { action } => match action.as_str() {
                "on" => "switched on".into(),
                "off" => "switched off".into(),
                "reset" => "reset".into(),
                other => format!("power: {other}"),
            },
            What::BmcBoot {
                device,
                persistent,
                uefi,
            } => {
                let long = if *persistent { "always" } else { "once" };
                let how = if *uefi { "UEFI" } else { "BIOS" };
                format!("its BMC is told to boot {device} ({how}, {long})")
            }
            What::BmcFailed { order, why, .. } => format!("its BMC failed to {order}: {why}"),
            What::SecretKept { name } => format!("the secret {name} is in the store"),
            What::SecretRemoved { name } => format!("the secret {name} was removed from the store"),
            What::ConsoleSaid { line, .. } => format!("its console says: {line}"),
            What::BmcTrusted { sha256 } => format!("the certificate {sha256} of its BMC is trusted"),
            What::SshTrusted {
                deployment,
                place,
                algorithm,
                fingerprint,
            } => {
                let whose = match deployment {
                    Some(_) => "",
                    None => "of its console ",
                };
                format!("the host key {fingerprint} ({algorithm}) {whose}at {place} is trusted")
            }
        }
    }
}

impl Event {
    /// The actor without the way it came in by: `ada` for `cli:ada`.
    fn person(&self) -> &str {
        self.actor.rsplit(':').next().unwrap_or(&self.actor)
    }
}

impl DhcpAsk {
    /// The question, as in `firmware asks for an address`.
    pub(crate) fn sentence(&self) -> String {
        let who = match self.stage {
            Stage::Firmware => "firmware",
            Stage::HttpFirmware => "firmware's HTTP boot",
            Stage::Ipxe => "iPXE",
            Stage::Os => "system",
        };
        let what = match self.message.as_str() {
            "discover" => "looks for an address".to_string(),
            "request" => "asks for an address".to_string(),
            "inform" => "asks for settings".to_string(),
            other => format!("sends {other}"),
        };
        match self.relay {
            Some(relay) => format!("{who} {what} (by relay {relay})"),
            None => format!("{who} {what}"),
        }
    }
}

impl Transfer {
    /// What became of the transfer, as in `kernel vmlinuz: 14.2 MB in 240 ms by HTTP (59.2 MB/s)`.
    pub(crate) fn sentence(&self) -> String {
        let what = match self.role {
            Role::File => self.path.clone(),
            role => format!("{} {}", role.as_str(), self.file()),
        };
        let by = match self.protocol {
            Protocol::Tftp => "TFTP",
            Protocol::Http => "HTTP",
        };
        let took = jiff::SignedDuration::from_millis(i64::try_from(self.duration_ms).unwrap_or(i64::MAX));
        match &self.outcome {
            Outcome::Complete => {
                let rate = match measure::rate(self.bytes, took) {
                    Some(rate) if self.bytes > 0 => format!(" in {} by {by} ({rate})", measure::span(took)),
                    _ => format!(" by {by}"),
                };
                format!("{what}: {}{rate}", measure::size(self.bytes))
            }
            Outcome::Probed => format!("{what}: size asked by {by}, {}", measure::size(self.total)),
            Outcome::Partial => format!(
                "{what}: {} of {} by {by}",
                measure::size(self.bytes),
                measure::size(self.total)
            ),
            bad @ (Outcome::Aborted(_) | Outcome::TimedOut) => format!(
                "{what}: {bad} after {} of {} by {by}",
                measure::size(self.bytes),
                measure::size(self.total)
            ),
            bad @ (Outcome::NotFound | Outcome::Refused(_)) => format!("{what}: {bad} ({by})"),
        }
    }
}

fn and_file(boot_file: &Option<String>) -> String {
    match boot_file {
        Some(file) => format!(", boot file {}", short_url(file)),
        None => String::new(),
    }
}

fn spelled(identified_by: &str) -> &str {
    match identified_by {
        "mac" => "MAC",
        "uuid" => "UUID",
        "serial" => "serial number",
        "hostname" => "host name",
        other => other,
    }
}

/// A boot file without what hides its name: the query of a URL.
fn short_url(file: &str) -> &str {
    file.split('?').next().unwrap_or(file)
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or("").trim()
}

#[cfg(test)]
mod tests {
    use crate::story::story;

    #[test]
    fn every_event_of_an_ordinary_boot_reads_as_a_sentence() {
        let told = story()
            .served()
            .power("on")
            .uefi_boot()
            .command_failed("commands[2]")
            .ready()
            .told();
        insta::assert_snapshot!(told);
    }

    #[test]
    fn bad_news_reads_as_sentences_too() {
        let told = story()
            .refused_network([10, 77, 0, 254])
            .absent_network("no interface has an address in 10.77.0.0/24")
            .ignored("the MAC is not declared and the pool is empty")
            .elsewhere([10, 77, 0, 254])
            .nak("10.1.2.3 is not in this network")
            .loader_timed_out("snponly.efi", 512)
            .missing_kernel()
            .hook_refused("ready")
            .target("local", true)
            .told();
        insta::assert_snapshot!(told);
    }
}
