//! Folding an event into what is known of a node, and where one boot ends and the next begins.
//!
//! Nobody tells us that a machine was switched on: a boot is recognised by who asks, and by what that NIC was doing
//! before. A wrong guess is not only ugly in a timeline: a target that was chosen for one boot is used up by it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{BmcFailure, Boot, ConsoleLine, HostKey, NodeState, Step, TargetChoice};
use crate::event::{DhcpAsk, Event, Outcome, Role, Stage, Transfer, What};

/// Silence after which a loader's or firmware's question counts as a new boot even if nothing else had happened:
/// longer than the longest retry of a PXE client (4 + 8 + 16 + 32 s, PXE 2.1 section 2.2.2).
const NEW_BOOT_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// How long a firmware may take from one of its boot entries to the next. Between PXE and HTTP boot over IPv4 it tries
/// PXE over IPv6, which nobody answers.
const NEXT_ENTRY_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// A machine that we switched on may be heard before the controller has confirmed it.
const POWER_CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// Clocks of transfers and of events are read one after the other.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(1);

/// Where an event belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// To the boot under way, if there is one.
    Same,
    /// To the boot under way, which starts over with it: the firmware goes on to its next entry.
    Over,
    /// To a new boot that begins with it.
    New,
}

impl NodeState {
    pub(super) fn fold(&mut self, event: &Event) {
        let at = event.at;
        self.tried.fold(event);
        match &event.what {
            What::TargetSet { target, once } => {
                self.choice = target.as_ref().map(|target| TargetChoice {
                    target: target.clone(),
                    once: *once,
                    actor: event.actor.clone(),
                    at,
                });
                return;
            }
            // What is armed counts, not what was chosen before.
            What::DeploymentArmed { .. } => {
                self.choice = None;
                return;
            }
            What::DeploymentEnded { .. } | What::ReadySeen { .. } | What::StepBegan { .. } | What::StepEnded { .. } => {
                return;
            }
            // Whoever called has no token: it says nothing about the node.
            What::HookRefused { .. } => return,
            // What a BMC says is no sign of life of its machine.
            What::BmcBoot { .. } => return,
            What::BmcFailed { order, why, outside } => {
                let before = self.bmc.failed.as_ref().map_or(0, |failed| failed.times);
                self.bmc.failed = Some(BmcFailure {
                    order: order.clone(),
                    why: why.clone(),
                    outside: *outside,
                    at,
                    times: before.saturating_add(1),
                });
                return;
            }
            What::BmcTrusted { sha256 } => {
                self.bmc.certificate = Some(sha256.clone());
                return;
            }
            What::SshTrusted {
                deployment,
                place,
                algorithm,
                fingerprint,
            } => {
                if deployment.is_none() {
                    self.console_key = Some(HostKey {
                        place: place.clone(),
                        algorithm: algorithm.clone(),
                        fingerprint: fingerprint.clone(),
                    });
                }
                return;
            }
            // It lives, but a console is no step of a boot.
            What::ConsoleSaid { rule, weight, line } => {
                self.console = Some(ConsoleLine {
                    rule: rule.clone(),
                    weight: weight.clone(),
                    line: line.clone(),
                    at,
                });
                return;
            }
            What::Power { action } => {
                self.power = Some((action.clone(), at));
                self.bmc.failed = None;
            }
            _ => self.last_seen = Some(at),
        }
        match self.place(at, &event.what) {
            Place::Same => {}
            Place::Over => {
                if let Some(boot) = &mut self.boot {
                    boot.over = Some(at);
                }
            }
            Place::New => self.begin(event),
        }
        match &event.what {
            What::DhcpElsewhere {
                server, address: None, ..
            } => self.elsewhere = Some((*server, at)),
            What::DhcpIgnored { why, .. } => self.ignored = Some((why.clone(), at)),
            What::ScriptServed { .. } if self.choice.as_ref().is_some_and(|c| c.once) => self.choice = None,
            What::SystemAnswered { .. } => self.last_ready = Some(at),
            What::HookCalled { hook, host_keys, .. } => {
                if hook == "ready" {
                    self.last_ready = Some(at);
                }
                if !host_keys.is_empty() {
                    self.host_keys.clone_from(host_keys);
                }
            }
            _ => {}
        }
        if let Some(ask) = event.what.ask()
            && ask.stage.is_firmware()
            && ask.arch.is_some()
        {
            self.arch = ask.arch;
        }
        if let Some(boot) = &mut self.boot {
            boot.fold(event);
        }
    }

    /// Whether an event only adds to what is told of the boot under way: it begins none and uses up no choice.
    pub(super) fn only_tells(&self, at: Timestamp, what: &What) -> bool {
        let uses_choice = self.choice.as_ref().is_some_and(|choice| choice.once);
        self.boot.is_some() && !uses_choice && self.place(at, what) == Place::Same
    }

    fn place(&self, at: Timestamp, what: &What) -> Place {
        let begins = |yes| if yes { Place::New } else { Place::Same };
        let Some(boot) = &self.boot else {
            return begins(match what {
                What::Power { action } => action != "off",
                What::ScriptServed { .. } => true,
                What::Transfer(transfer) => transfer.role == Role::Loader,
                what => what.ask().is_some_and(|ask| ask.stage != Stage::Os),
            });
        };
        let reached = boot.position().map(|mark| mark.step);
        let silence = at.duration_since(boot.last);
        // On the way to its disk a node fetches GRUB, and asks again after a while if no disk has a system.
        let to_disk = reached == Some(Step::LocalBoot) && boot.stage != Some(Stage::Os) && silence <= NEW_BOOT_AFTER;
        match what {
            What::ScriptServed { .. } if to_disk => Place::Same,
            What::Transfer(transfer) if transfer.role == Role::Loader && to_disk => Place::Same,
            What::Power { action } => {
                let confirmed = boot.reached(Step::Power).is_none()
                    && reached <= Some(Step::Dhcp)
                    && at.duration_since(boot.started) <= POWER_CONFIRMED_WITHIN;
                begins(action != "off" && !confirmed)
            }
            // A loader may ask for its script again (a failed fetch, a person at its prompt). But a system that ran,
            // or a kernel that has long been handed over, was switched on anew without our DHCP having been asked.
            What::ScriptServed { .. } => {
                begins(reached >= Some(Step::OsDhcp) || reached >= Some(Step::Kernel) && silence > NEW_BOOT_AFTER)
            }
            // The same, where addresses come from another server. Late news of an earlier transfer begin nothing.
            What::Transfer(transfer) if transfer.role == Role::Loader => {
                begins(reached >= Some(Step::Kernel) && transfer.began(at) > boot.last)
            }
            what => match what.ask() {
                Some(ask) if ask.stage != Stage::Os => boot.place_of_question(ask, reached, silence),
                _ => Place::Same,
            },
        }
    }

    fn begin(&mut self, event: &Event) {
        let started = match &event.what {
            What::Transfer(transfer) => transfer.began(event.at),
            _ => event.at,
        };
        self.boots += 1;
        if let Some(old) = self.boot.replace(Boot::begin(event.seq, started)) {
            self.earlier.insert(0, Arc::new(old));
            self.earlier.truncate(Self::BOOTS_KEPT);
        }
        self.elsewhere = None;
        self.ignored = None;
    }
}

impl Boot {
    /// Where a DHCP question of a firmware or a loader belongs.
    fn place_of_question(&self, ask: &DhcpAsk, reached: Option<Step>, silence: SignedDuration) -> Place {
        let heard = reached >= Some(Step::Discover);
        if heard && self.is_next_entry(ask, reached, silence) {
            return Place::Over;
        }
        let anew = if ask.stage.is_firmware() {
            // Asking again after the loader was handed over: the machine was restarted, or the firmware refused the
            // loader. A repeated DISCOVER before that is the same boot.
            reached >= Some(Step::Loader)
        } else {
            // iPXE in ROM is itself the firmware: it begins a boot unless a loader was just handed over to it.
            reached >= Some(Step::Script)
        };
        if anew || heard && silence > NEW_BOOT_AFTER {
            Place::New
        } else {
            Place::Same
        }
    }

    /// Whether the firmware gave one entry of its boot list up and goes on to another: HTTP boot comes after PXE, and
    /// one NIC after the other. That is how a machine behaves whose loader left with an error, which is also what the
    /// script for `local` does on purpose.
    fn is_next_entry(&self, ask: &DhcpAsk, reached: Option<Step>, silence: SignedDuration) -> bool {
        let loading = reached <= Some(Step::Script) || reached == Some(Step::LocalBoot);
        let other_client = ask.stage == Stage::HttpFirmware && self.firmware == Some(Stage::Firmware);
        let other_nic = self.nic.is_some_and(|nic| nic != ask.mac);
        loading && self.stage != Some(Stage::Os) && silence <= NEXT_ENTRY_WITHIN && (other_client || other_nic)
    }

    fn fold(&mut self, event: &Event) {
        let at = event.at;
        if !matches!(event.what, What::Power { .. }) {
            self.last = at;
        }
        if let Some(ask) = event.what.ask() {
            self.asked(ask);
        }
        match &event.what {
            What::Power { action } if action != "off" => self.note(Step::Power, at),
            // The question of a loader that we handed over is no sign of a firmware.
            What::DhcpOffered { ask, .. }
            | What::DhcpIgnored { ask, .. }
            | What::DhcpElsewhere { ask, address: None, .. }
                if ask.stage.is_firmware() || ask.stage == Stage::Ipxe && self.loader.is_none() =>
            {
                self.note(Step::Discover, at);
                self.discovers += u32::from(ask.message == "discover");
            }
            What::DhcpLeased { ask, .. }
            | What::DhcpInformed { ask, .. }
            | What::DhcpElsewhere {
                ask, address: Some(_), ..
            } => self.note(
                match ask.stage {
                    Stage::Firmware | Stage::HttpFirmware => Step::Dhcp,
                    Stage::Ipxe => Step::LoaderDhcp,
                    Stage::Os => Step::OsDhcp,
                },
                at,
            ),
            What::Transfer(transfer) => self.transferred(transfer, at),
            What::ScriptServed { target, image, .. } => {
                if target != "local" && self.position().is_some_and(|m| m.step == Step::LocalBoot) {
                    self.over = Some(at); // It is not on the way to its disk after all.
                }
                self.note(Step::Script, at);
                self.target = Some(target.clone());
                self.image.clone_from(image);
                if target == "local" {
                    self.note(Step::LocalBoot, at);
                }
            }
            What::AnswersServed { .. } => self.note(Step::Answers, at),
            What::SystemAnswered { .. } => self.note(Step::Ready, at),
            What::HookCalled { hook, detail, .. } => match hook.as_str() {
                "ready" => self.note(Step::Ready, at),
                "started" => self.note(Step::Started, at),
                "installed" => {
                    self.trouble = None;
                    self.note(Step::Installed, at);
                }
                "failed" => {
                    self.trouble = Some(detail.clone());
                    self.failed = Some((detail.clone(), at));
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn asked(&mut self, ask: &DhcpAsk) {
        self.stage = Some(ask.stage);
        match ask.stage {
            Stage::Firmware | Stage::HttpFirmware => {
                self.firmware = Some(ask.stage);
                self.arch = ask.arch.or(self.arch);
            }
            Stage::Ipxe if self.firmware.is_none() && self.loader.is_none() => self.firmware = Some(Stage::Ipxe),
            Stage::Ipxe | Stage::Os => {}
        }
        if ask.stage != Stage::Os {
            self.nic = Some(ask.mac);
        }
    }

    fn transferred(&mut self, transfer: &Transfer, at: Timestamp) {
        let step = match transfer.role {
            Role::Loader => Step::Loader,
            Role::Kernel => Step::Kernel,
            Role::Initrd => Step::Initrd,
            Role::Root => Step::Root,
            Role::File => return,
        };
        let began = transfer.began(at);
        if self.started.duration_since(began) > CLOCK_SLACK || transfer.benign().is_some() {
            return; // The end of a transfer of the boot before, noticed late; or one that means nothing.
        }
        match &transfer.outcome {
            Outcome::Complete => {
                if step == Step::Loader {
                    self.loader = Some(transfer.path.clone());
                    if self.position().is_some_and(|m| m.step == Step::Script) {
                        self.over = Some(at); // The script handed over another loader.
                    }
                }
                self.note(step, at);
                self.trouble = None;
            }
            Outcome::Probed | Outcome::Partial => {}
            // A request that was sent twice leaves a transfer behind that nobody wants and that times out later.
            _ if self.mark(step).is_some_and(|m| m.last >= began) => {}
            bad => self.trouble = Some(format!("{} {}: {bad}", transfer.role.as_str(), transfer.path)),
        }
    }
}
