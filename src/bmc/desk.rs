//! Orders for the BMCs of nodes: how one gets at each, what it did, and what of it is written down.
//!
//! Invariant: what changes a machine is in the journal with its actor, at the moment at which it was sent.

use std::sync::Arc;

use futures_util::Stream;
use jiff::Timestamp;
use model::boot::likely_arch;
use model::cluster::{ConsoleVia, Node};
use model::event::{NewEvent, Subject, What};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::ipmi::BootDevice;

use super::batch::{self, Pace};
use super::facts::Power;
use super::power::{self, Action};
use super::{Access, BmcError, Board, Boot};
use crate::causes::chain;
use crate::journal::Journal;
use crate::secrets::Secrets;
use crate::ssh::{self, Target};

/// What is wanted of a BMC.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Something with the power: `on`, `off`, `soft`, `cycle`, `reset`, `status`.
    Power {
        /// Which.
        action: String,
        /// For `soft`: seconds after which the machine is switched off all the same.
        grace_seconds: Option<u64>,
    },
    /// What is booted next.
    Boot {
        /// `pxe`, `disk`, `cdrom`, `bios`, `default`.
        device: String,
        /// For every boot to come.
        #[serde(default)]
        persistent: bool,
        /// UEFI or not; left out: as the machine booted last.
        uefi: Option<bool>,
    },
    /// The identify light.
    Identify {
        /// For so many seconds, 0: off; left out: until it is switched off.
        seconds: Option<u8>,
    },
    /// Whether the identify light shines.
    Light,
    /// What BMC and machine are.
    Info,
    /// All sensors.
    Sensors,
    /// The event log.
    Log,
    /// Empty the event log.
    ClearLog,
    /// Start the BMC itself anew.
    Restart,
    /// Take the certificate that it shows now, and the host key of its console's SSH server.
    Trust,
}

impl Order {
    /// What it is called in a sentence: its BMC failed to …
    fn words(&self) -> String {
        match self {
            Self::Power { action, .. } => format!("power {action}"),
            Self::Boot { device, .. } => format!("boot {device}"),
            Self::Identify { .. } => "identify itself".into(),
            Self::Light => "say whether its light shines".into(),
            Self::Info => "say what it is".into(),
            Self::Sensors => "read its sensors".into(),
            Self::Log => "read its event log".into(),
            Self::ClearLog => "clear its event log".into(),
            Self::Restart => "start anew".into(),
            Self::Trust => "show its certificate or host key".into(),
        }
    }

    /// Whether it is there to change something: then its failure is part of the node's story.
    fn changes(&self) -> bool {
        match self {
            Self::Power { action, .. } => action != "status",
            Self::Boot { .. } | Self::ClearLog | Self::Restart => true,
            Self::Identify { .. } | Self::Light | Self::Info | Self::Sensors | Self::Log | Self::Trust => false,
        }
    }

    /// What is wrong with it, before any BMC is asked.
    ///
    /// # Errors
    /// A word that is none of its place.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Power { action, .. } if !ACTIONS.contains(&action.as_str()) => Err(format!(
                "{action} is nothing that is done to power: {}",
                ACTIONS.join(", ")
            )),
            Self::Boot { device, .. } if boot_device(device).is_none() => {
                let words = BootDevice::ALL.map(BootDevice::as_str);
                Err(format!("{device} is nothing that is booted: {}", words.join(", ")))
            }
            _ => Ok(()),
        }
    }
}

/// What is done to power.
const ACTIONS: [&str; 6] = ["on", "off", "soft", "cycle", "reset", "status"];

fn boot_device(word: &str) -> Option<BootDevice> {
    BootDevice::ALL.into_iter().find(|device| device.as_str() == word)
}

/// Where orders are given.
#[derive(Debug, Clone)]
pub struct Desk {
    journal: Journal,
    secrets: Secrets,
}

impl Desk {
    /// A desk that writes down what is done, and finds passwords where they are.
    pub fn new(journal: Journal, secrets: Secrets) -> Self {
        Self { journal, secrets }
    }

    /// Carries an order out for one node. What comes back is for its line in a list of results:
    /// `node`, `ok`, and what was found, or `error` with whether the BMC let us in (`inside`).
    pub async fn carry_out(&self, actor: &str, node: &Arc<Node>, order: &Order) -> Value {
        let began = Timestamp::now();
        let done = self.attempt(actor, node, order, began).await;
        let mut line = match done {
            Ok(found) => found,
            Err(error) => {
                let why = chain(&error);
                if order.changes() {
                    let what = What::BmcFailed {
                        order: order.words(),
                        why: why.clone(),
                        outside: !error.is_inside(),
                    };
                    // At the moment at which it failed: from then on it is left alone for a while.
                    self.note(actor, node, Timestamp::now(), what).await;
                }
                json!({ "error": why, "inside": error.is_inside() })
            }
        };
        line["node"] = json!(&*node.name);
        line["ok"] = json!(line["error"].is_null());
        line
    }

    /// Carries an order out for each of many nodes; lines come as they are ready. What has not begun does not begin when the
    /// stream is dropped, and what has goes on to its end: half a power cycle is worse than either.
    pub fn carry_out_all(
        &self,
        actor: &str,
        nodes: Vec<Arc<Node>>,
        order: Order,
        pace: Pace,
    ) -> impl Stream<Item = Value> + Send + use<> {
        let (desk, actor, order) = (self.clone(), Arc::<str>::from(actor), Arc::new(order));
        batch::run(nodes, pace, move |node| {
            let (desk, actor, order, name) = (desk.clone(), actor.clone(), order.clone(), node.name.clone());
            let task = async move { desk.carry_out(&actor, &node, &order).await };
            async move {
                let line = tokio::spawn(task).await;
                line.unwrap_or_else(|error| json!({ "node": &*name, "ok": false, "error": error.to_string() }))
            }
        })
    }

    /// Writes down what was done: it is in the world when this returns, so that nobody does it again meanwhile.
    async fn note(&self, actor: &str, node: &Node, at: Timestamp, what: What) {
        let event = NewEvent::new(at, actor, Subject::Node(node.name.to_string()), what);
        if let Err(error) = self.journal.commit(vec![event]).await {
            tracing::error!(node = %node.name, %error, "what its BMC did cannot be written down");
        }
    }

    async fn attempt(&self, actor: &str, node: &Arc<Node>, order: &Order, began: Timestamp) -> Result<Value, BmcError> {
        let host_key = match order {
            Order::Trust => self.trust_host_key(actor, node).await?,
            _ => None,
        };
        if let (Some(key), false) = (
            &host_key,
            node.bmc.as_ref().is_some_and(|bmc| bmc.protocol == "redfish"),
        ) {
            return Ok(json!({ "host_key": key }));
        }
        let bmc = node.bmc.as_ref().ok_or(BmcError::NoBmc)?;
        let known = self.journal.world().state(&node.name).bmc.certificate.clone();
        // Whoever says that the certificate counts that is shown now is not stopped by the one before.
        let pin = known.clone().filter(|_| !matches!(order, Order::Trust));
        let board = match (Board::open(&Access::to(bmc, &self.secrets, pin)?).await, &host_key) {
            // What is trusted is trusted, and what is missing is told.
            (Err(error), Some(key)) => return Ok(json!({ "host_key": key, "missing": chain(&error) })),
            (opened, _) => opened?,
        };
        if let Some(sha256) = board.certificate().filter(|shown| known.as_ref() != Some(shown)) {
            self.note(actor, node, began, What::BmcTrusted { sha256 }).await;
        }
        match order {
            Order::Power { action, grace_seconds } => {
                self.power(actor, node, &board, action, *grace_seconds, began).await
            }
            Order::Boot {
                device,
                persistent,
                uefi,
            } => {
                let device = boot_device(device).unwrap_or(BootDevice::Default);
                let boot = Boot {
                    device,
                    persistent: *persistent,
                    uefi: uefi.unwrap_or_else(|| likely_arch(&self.journal.world(), node).is_uefi()),
                };
                board.set_boot(boot).await?;
                let what = What::BmcBoot {
                    device: device.to_string(),
                    persistent: boot.persistent,
                    uefi: boot.uefi,
                };
                self.note(actor, node, began, what).await;
                Ok(json!({ "boot": device.as_str(), "persistent": boot.persistent, "uefi": boot.uefi }))
            }
            Order::Identify { seconds } => {
                board.identify(*seconds).await?;
                Ok(json!({}))
            }
            Order::Light => Ok(json!({ "light": board.light().await? })),
            Order::Info => Ok(json!({ "info": board.info().await?, "certificate": board.certificate() })),
            Order::Sensors => Ok(json!({ "sensors": board.sensors().await? })),
            Order::Log => Ok(json!({ "log": board.log().await? })),
            Order::ClearLog => {
                board.clear_log().await?;
                Ok(json!({}))
            }
            Order::Restart => {
                board.restart().await?;
                Ok(json!({}))
            }
            Order::Trust => match board.certificate() {
                Some(sha256) => Ok(json!({ "certificate": sha256, "host_key": host_key })),
                None => Err(BmcError::Unsupported {
                    address: board.address().into(),
                    what: "certificate: it speaks IPMI",
                }),
            },
        }
    }

    /// Takes the host key that the SSH server of its console shows now; `None`: its console is not got at by SSH.
    async fn trust_host_key(&self, actor: &str, node: &Arc<Node>) -> Result<Option<String>, BmcError> {
        let Some(ConsoleVia::Ssh(console)) = &node.console_via else {
            return Ok(None);
        };
        let target = Target::of_console(node, console).ok_or(BmcError::NoBmc)?;
        let key = ssh::host_key(&target).await?;
        let event = ssh::trusted(&node.name, actor, None, &key);
        if let Err(error) = self.journal.commit(vec![event]).await {
            tracing::error!(node = %node.name, %error, "the host key of its console cannot be written down");
        }
        Ok(Some(format!("{} {}", key.algorithm, key.fingerprint)))
    }

    async fn power(
        &self,
        actor: &str,
        node: &Arc<Node>,
        board: &Board,
        action: &str,
        grace: Option<u64>,
        began: Timestamp,
    ) -> Result<Value, BmcError> {
        let wanted = match action {
            "on" => Action::On,
            "off" => Action::Off,
            "soft" => Action::Soft {
                grace: grace.map(std::time::Duration::from_secs),
            },
            "cycle" => Action::Cycle,
            "reset" => Action::Reset,
            _ => Action::Status,
        };
        // What is so already is no event of the machine's story.
        let so = match wanted {
            Action::On => Some(Power::On),
            Action::Off | Action::Soft { .. } => Some(Power::Off),
            _ => None,
        };
        if so.is_some() && so == Some(board.power().await?) {
            let power = so.map_or("", Power::as_str);
            return Ok(json!({ "power": power, "how": format!("it was {power}") }));
        }
        let done = power::carry_out(board, wanted).await?;
        let said = match wanted {
            Action::Status => None,
            Action::On => Some("on"),
            Action::Off => Some("off"),
            Action::Soft { .. } => (done.power == Power::Off).then_some("off"),
            Action::Cycle | Action::Reset if done.how == Some(power::WAS_OFF) => Some("on"),
            Action::Cycle | Action::Reset => Some("reset"),
        };
        if let Some(said) = said {
            self.note(actor, node, began, What::Power { action: said.into() }).await;
        }
        Ok(json!({ "power": done.power, "how": done.how }))
    }
}
