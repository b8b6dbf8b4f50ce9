//! From events to rows: one row per exchange, and one for what is said again and again.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::{Detail, Kind, Row, Who};
use crate::cluster::BootTarget;
use crate::console::Weight;
use crate::event::{DhcpAsk, Event, Notable, Outcome, Role, Stage, Transfer, What};
use crate::world::{Boot, Step};

/// A client that asks for the address it was offered sooner than this makes one exchange of it.
const ONE_BREATH: SignedDuration = SignedDuration::from_secs(1);

/// What a row is about, more finely than its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Power,
    Discover,
    Lease,
    File(Role),
    Script,
    Local,
    Settings,
    Hook,
    Other,
}

/// A row with what the rows around it need to know of it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) act: Act,
    pub(super) row: Row,
}

impl Told {
    /// When it was over, from the beginning of the boot.
    pub(super) fn end(&self) -> SignedDuration {
        self.row.at + self.row.duration.unwrap_or_default()
    }
}

/// When we switched the machine off for good, if that is the last that happened to it.
pub(super) fn switched_off(boot: &Boot, events: &[&Event]) -> Option<Timestamp> {
    let off = |e: &&&Event| matches!(&e.what, What::Power { action } if action == "off");
    events
        .iter()
        .rev()
        .find(off)
        .map(|e| e.at)
        .filter(|at| *at >= boot.last)
}

/// The rows, in the order in which they began.
pub(super) fn tell(boot: &Boot, events: &[&Event]) -> Vec<Told> {
    let mut teller = Teller {
        boot,
        running: Who::Firmware,
        ready: false,
        told: Vec::new(),
    };
    for event in events {
        teller.event(event);
    }
    let mut told = teller.told;
    told.sort_by_key(|t| t.row.at);
    told
}

struct Teller<'a> {
    boot: &'a Boot,
    /// The software that runs on the machine, as far as the events tell.
    running: Who,
    ready: bool,
    told: Vec<Told>,
}

impl Teller<'_> {
    fn event(&mut self, event: &Event) {
        let at = event.at.duration_since(self.boot.started);
        if let Some(ask) = event.what.ask() {
            self.running = match ask.stage {
                Stage::Firmware | Stage::HttpFirmware => Who::Firmware,
                Stage::Ipxe => Who::Ipxe,
                Stage::Os if matches!(self.running, Who::Firmware | Who::Ipxe | Who::Loader) => match self.has_kernel()
                {
                    true => Who::Kernel,
                    false => Who::System,
                },
                Stage::Os => self.running,
            };
        }
        let told = match &event.what {
            // Renewals of a running system are none of its boot.
            what if self.ready && what.ask().is_some_and(|ask| ask.stage == Stage::Os) => return,
            What::DhcpOffered {
                ask,
                address,
                boot_file,
            } => {
                let offer = match address {
                    Some(address) => format!("looks for an address → {address}"),
                    None => "looks for an address → boot file only".into(),
                };
                let mut told = self.said(at, Act::Discover, Kind::Answer, offer);
                told.row.step = self.discover_step(ask);
                told.row.detail = given(*address, boot_file.as_deref());
                told
            }
            What::DhcpLeased {
                ask,
                address,
                boot_file,
                ..
            } => {
                let file = boot_file.as_deref().map_or("granted", last_part);
                let mut told = self.said(at, Act::Lease, Kind::Answer, format!("requests {address} → {file}"));
                told.row.step = Some(lease_step(ask));
                told.row.detail = given(Some(*address), boot_file.as_deref());
                told
            }
            What::DhcpInformed { ask, boot_file } => {
                let file = boot_file.as_deref().map_or("given", last_part);
                let mut told = self.said(at, Act::Lease, Kind::Answer, format!("asks for settings → {file}"));
                told.row.step = Some(lease_step(ask));
                told.row.detail = given(None, boot_file.as_deref());
                told
            }
            What::DhcpIgnored { ask, why } => {
                let mut told = self.said(
                    at,
                    Act::Discover,
                    Kind::Question,
                    format!("asks DHCP → no answer: {why}"),
                );
                told.row.step = self.discover_step(ask);
                bad(told)
            }
            What::DhcpElsewhere {
                ask,
                server,
                address: Some(address),
            } => {
                let what = format!("takes {address} from the DHCP server {server}");
                let mut told = self.said(at, Act::Lease, Kind::Answer, what);
                told.row.step = Some(lease_step(ask));
                told
            }
            What::DhcpElsewhere { server, .. } => bad(self.said(
                at,
                Act::Other,
                Kind::Note,
                format!("takes the offer of another DHCP server, {server}"),
            )),
            What::DhcpRefused { why, .. } => bad(self.said(
                at,
                Act::Other,
                Kind::Answer,
                format!("asks for an address → refused: {why}"),
            )),
            What::Transfer(transfer) => self.transfer(transfer, event.at),
            What::ScriptServed { target, image, .. } => {
                if self.running == Who::Firmware {
                    self.running = Who::Loader;
                }
                let image = image.as_ref().map(|image| format!(" {image}")).unwrap_or_default();
                let act = if target == "local" { Act::Local } else { Act::Script };
                let mut told = self.said(at, act, Kind::Answer, format!("asks for its script → {target}{image}"));
                told.row.step = Some(Step::Script);
                told
            }
            What::AnswersServed { document, bytes } => {
                self.running = if self.installs() { Who::Installer } else { Who::System };
                return self.document(at, document, *bytes);
            }
            What::HookCalled { hook, .. } => {
                if hook == "ready" {
                    self.running = Who::System;
                    self.ready = true;
                } else if self.installs() {
                    self.running = Who::Installer;
                } else if self.running != Who::System {
                    self.running = Who::Kernel; // No loader of ours calls back.
                }
                let mut told = self.said(at, Act::Hook, Kind::Note, event.sentence());
                told.row.step = match hook.as_str() {
                    "ready" => Some(Step::Ready),
                    "started" => Some(Step::Started),
                    "installed" => Some(Step::Installed),
                    _ => None,
                };
                told.row.trouble = hook == "failed";
                told
            }
            What::SystemAnswered { place, .. } => {
                self.running = Who::System;
                self.ready = true;
                let mut told = self.said(at, Act::Hook, Kind::Note, format!("answers at {place}"));
                told.row.step = Some(Step::Ready);
                told
            }
            What::HookRefused { .. } => bad(self.said(at, Act::Other, Kind::Note, event.sentence())),
            What::Power { action } => {
                let sentence = match action.as_str() {
                    "on" => "switches it on".into(),
                    "off" => "switches it off".into(),
                    "reset" => "resets it".into(),
                    other => format!("power: {other}"),
                };
                let mut told = self.said(at, Act::Power, Kind::Note, sentence);
                told.row.who = Who::Bellwether;
                told.row.step = (action != "off").then_some(Step::Power);
                told
            }
            What::InstallerSaid { notable, line } => {
                self.running = Who::Installer;
                let says = match notable {
                    Notable::Stage => line.clone(),
                    Notable::Question => format!("asks: {line}"),
                    Notable::Warning => format!("warns: {line}"),
                    Notable::Error => format!("reports an error: {line}"),
                };
                let mut told = self.said(at, Act::Other, Kind::Note, says);
                told.row.trouble = matches!(notable, Notable::Question | Notable::Error);
                told
            }
            What::ConsoleSaid { weight, line, .. } => {
                let told = self.said(at, Act::Other, Kind::Note, format!("says on its console: {line}"));
                if weight == Weight::Bad.as_str() {
                    bad(told)
                } else {
                    told
                }
            }
            What::BmcFailed { .. } => {
                let mut told = bad(self.said(at, Act::Other, Kind::Note, format!("notes: {}", event.sentence())));
                told.row.who = Who::Bellwether;
                told
            }
            What::StepEnded { failed: Some(_), .. } => {
                let mut told = bad(self.said(at, Act::Other, Kind::Note, format!("notes: {}", event.sentence())));
                told.row.who = Who::Bellwether;
                told
            }
            What::DeploymentArmed { .. }
            | What::ReadySeen { .. }
            | What::StepBegan { .. }
            | What::StepEnded { .. }
            | What::DeploymentEnded { .. }
            | What::BmcBoot { .. }
            | What::BmcTrusted { .. }
            | What::SshTrusted { .. }
            | What::TargetSet { .. } => {
                let mut told = self.said(at, Act::Other, Kind::Note, format!("notes: {}", event.sentence()));
                told.row.who = Who::Bellwether;
                told
            }
            _ => self.said(at, Act::Other, Kind::Note, event.sentence()),
        };
        self.push(told);
    }

    fn transfer(&mut self, transfer: &Transfer, ended: Timestamp) -> Told {
        // The first event of a boot may be the end of what began it.
        let began = transfer.began(ended).max(self.boot.started);
        let took = ended.duration_since(began);
        if transfer.role != Role::Loader && transfer.role != Role::File && self.running == Who::Firmware {
            self.running = Who::Loader;
        }
        let name = match transfer.role {
            Role::File if transfer.benign().is_none() => transfer.path.as_str(),
            _ => transfer.file(),
        };
        let what = match &transfer.outcome {
            Outcome::Complete => format!("fetches {name}"),
            Outcome::Probed => format!("asks for the size of {name}"),
            Outcome::Partial if transfer.bytes == 0 => format!("asks for the length of {name}"),
            Outcome::Partial => format!("fetches a part of {name}"),
            Outcome::NotFound => format!("asks for {name} → not found"),
            outcome => format!("fetches {name}: {outcome}"),
        };
        let at = began.duration_since(self.boot.started);
        let mut told = self.said(at, Act::File(transfer.role), Kind::Transfer, what);
        let ms = u64::try_from(took.as_millis()).unwrap_or(0);
        told.row.duration = (ms > 0).then_some(took);
        told.row.step = match transfer.role {
            Role::Loader => Some(Step::Loader),
            Role::Kernel => Some(Step::Kernel),
            Role::Initrd => Some(Step::Initrd),
            Role::Root => Some(Step::Root),
            Role::File => None,
        };
        told.row.detail = Detail {
            bytes: (transfer.bytes > 0).then_some(transfer.bytes),
            rate: (ms > 0 && transfer.bytes > 0).then(|| transfer.bytes.saturating_mul(1000) / ms.max(1)),
            address: None,
            file: Some(transfer.path.clone()),
        };
        told.row.benign = transfer.benign().map(Cow::Borrowed);
        match transfer.outcome {
            Outcome::Complete if transfer.role == Role::Loader => self.running = loader_kind(name),
            Outcome::Complete if transfer.role == Role::Root && !self.installs() => self.running = Who::System,
            Outcome::Complete | Outcome::Probed | Outcome::Partial => {}
            _ => told.row.trouble = told.row.benign.is_none(),
        }
        if told.row.benign.is_some() {
            told.row.kind = Kind::Note;
            told.row.step = None;
        }
        told
    }

    /// The documents of cloud-init, which come in one breath, are one row.
    fn document(&mut self, at: SignedDuration, document: &str, bytes: u64) {
        match self.told.iter_mut().rev().find(|t| t.row.benign.is_none()) {
            Some(Told {
                act: Act::Settings,
                row,
            }) => {
                if !row.what.ends_with(document) && !row.what.contains(&format!("{document},")) {
                    row.what += &format!(", {document}");
                }
                row.detail.bytes = Some(row.detail.bytes.unwrap_or(0).saturating_add(bytes));
                row.duration = Some(at - row.at);
            }
            _ => {
                let what = if self.installs() { "answers" } else { "settings" };
                let mut told = self.said(
                    at,
                    Act::Settings,
                    Kind::Answer,
                    format!("asks for its {what} → {document}"),
                );
                told.row.step = Some(Step::Answers);
                told.row.detail.bytes = Some(bytes);
                self.told.push(told);
            }
        }
    }

    /// Adds a row, or counts it in the last one that says the same.
    fn push(&mut self, told: Told) {
        if let Some(last) = self.told.last_mut()
            && last.act == Act::Discover
            && told.act == Act::Lease
            && told.row.who == last.row.who
            && told.row.at - last.row.at < ONE_BREATH
        {
            let (asked, mut row) = (last.row.at, told.row);
            row.at = asked;
            if let Some(address) = row.detail.address {
                let file = row.detail.file.as_deref().map(|file| format!(", {}", last_part(file)));
                row.what = format!("asks for an address → {address}{}", file.unwrap_or_default());
            }
            *last = Told { row, ..told };
            return;
        }
        if let Some(last) = self.told.iter_mut().rev().find(|t| t.row.benign == told.row.benign)
            && last.act == told.act
            && last.row.who == told.row.who
        {
            let (row, new) = (&mut last.row, &told.row);
            let same = row.what == new.what && row.duration.is_none() && new.duration.is_none();
            let files = told.act == Act::File(Role::File) && !row.trouble && !new.trouble && row.benign.is_none();
            let end = new.at + new.duration.unwrap_or_default();
            if same && told.act == Act::Discover {
                row.times += 1;
                return;
            }
            if files {
                row.times += 1;
                row.what = "fetches files".into();
                let bytes = row
                    .detail
                    .bytes
                    .unwrap_or(0)
                    .saturating_add(new.detail.bytes.unwrap_or(0));
                let took = end.max(row.at + row.duration.unwrap_or_default()) - row.at;
                let ms = u64::try_from(took.as_millis()).unwrap_or(0);
                row.duration = Some(took);
                row.detail = Detail {
                    bytes: Some(bytes),
                    rate: (ms > 0).then(|| bytes.saturating_mul(1000) / ms.max(1)),
                    ..Detail::default()
                };
                return;
            }
            if same && matches!(told.act, Act::Script | Act::Local | Act::Other | Act::File(_)) {
                row.times += 1;
                return;
            }
        }
        self.told.push(told);
    }

    fn said(&self, at: SignedDuration, act: Act, kind: Kind, what: String) -> Told {
        let row = Row {
            at,
            duration: None,
            step: None,
            who: self.running,
            what,
            detail: Detail::default(),
            kind,
            times: 1,
            benign: None,
            trouble: false,
        };
        Told { act, row }
    }

    /// A loader's own question is no step: its address is.
    fn discover_step(&self, ask: &DhcpAsk) -> Option<Step> {
        let loaded = self.told.iter().any(|t| t.row.step == Some(Step::Loader));
        match ask.stage {
            Stage::Firmware | Stage::HttpFirmware => Some(Step::Discover),
            Stage::Ipxe => (!loaded).then_some(Step::Discover),
            Stage::Os => None,
        }
    }

    /// Whether the boot runs an installer.
    fn installs(&self) -> bool {
        let target = self.boot.target.as_deref().and_then(BootTarget::parse);
        target.is_some_and(BootTarget::installs)
    }

    fn has_kernel(&self) -> bool {
        self.told
            .iter()
            .any(|t| matches!(t.row.step, Some(Step::Kernel | Step::Initrd)))
    }
}

fn bad(mut told: Told) -> Told {
    told.row.trouble = true;
    told
}

fn lease_step(ask: &DhcpAsk) -> Step {
    match ask.stage {
        Stage::Firmware | Stage::HttpFirmware => Step::Dhcp,
        Stage::Ipxe => Step::LoaderDhcp,
        Stage::Os => Step::OsDhcp,
    }
}

fn loader_kind(file: &str) -> Who {
    let is_ipxe = ["ipxe", "snponly", "undionly"].iter().any(|name| file.contains(name));
    if is_ipxe { Who::Ipxe } else { Who::Loader }
}

fn given(address: Option<std::net::Ipv4Addr>, file: Option<&str>) -> Detail {
    Detail {
        address,
        file: file.map(String::from),
        ..Detail::default()
    }
}

/// The file name in a path or URL.
fn last_part(file: &str) -> &str {
    let path = file.split('?').next().unwrap_or(file);
    path.rsplit('/').next().unwrap_or(path)
}
