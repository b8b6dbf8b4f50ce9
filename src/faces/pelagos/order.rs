//! What a client asked for, as a deployment of ours.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use model::cluster::{BootTarget, Via};
use model::deployment::{Files, Foreign};
use model::event::{NewEvent, Seq, Subject, What};
use model::pelagos::{LOCAL, MAINTENANCE, image, maintenance};

use super::Pelagos;
use super::answer::Refusal;
use super::nodes::Entry;
use super::task::Outcome;
use crate::causes::chain;
use crate::pelagos_root;

/// Scripts that may start it. A restart needs a new one, and so does a loader that lost its way.
const ATTEMPTS: u32 = 10;
/// How long a machine takes until it is worth while to look for its system.
const STARTS: SignedDuration = SignedDuration::from_secs(30);
/// How long a boot record holds that nobody removes.
const RECORD: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The image that a name means.
///
/// # Errors
/// There is none: 404.
pub(super) async fn resolve(pelagos: &Pelagos, os: &str) -> Result<String, Refusal> {
    if os.is_empty() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "No OS string [] found"));
    }
    if os == LOCAL || os == MAINTENANCE {
        return Ok(os.to_string());
    }
    let (root, wanted) = (pelagos.images(), os.to_string());
    let shown = root.display().to_string();
    let found = tokio::task::spawn_blocking(move || pelagos_root::image(&root, &wanted)).await;
    found.ok().flatten().ok_or_else(|| {
        let message = format!("No os image [{os}] found in dir [{shown}]");
        Refusal::new(StatusCode::NOT_FOUND, message)
    })
}

/// Arms a deployment. With a ticket, its task, it is driven now; without one it waits for somebody who restarts the node.
///
/// # Errors
/// It cannot be; how the task ends for that.
pub(super) async fn arm(
    pelagos: &Pelagos,
    actor: &str,
    entry: &Entry,
    resolved: &str,
    ticket: Option<&str>,
) -> Result<Seq, Outcome> {
    let Some(node) = &entry.node else {
        return Err(Outcome::oops(format!("{} is not in the cluster file", entry.name())));
    };
    let files = files(pelagos, entry, resolved).await.map_err(Outcome::oops)?;
    let target = match resolved {
        LOCAL => BootTarget::Local,
        MAINTENANCE => BootTarget::Maintenance,
        _ => BootTarget::Install,
    };
    let ways = pelagos.world().cluster.faces.pelagos_ways.clone();
    let now = Timestamp::now();
    let expires = match ticket {
        Some(_) => now + STARTS + SignedDuration::from_secs(ways.timeout_seconds.into()),
        None => now + RECORD,
    };
    let what = What::DeploymentArmed {
        via: match target.installs() {
            true => Via::Image,
            false => Via::Network,
        },
        source: resolved.to_string(),
        profile: None,
        onto: match target.installs() {
            true => "the disk that the image takes".into(),
            false => "no disk".into(),
        },
        expires,
        attempts: ATTEMPTS,
        by_hand: ticket.is_none(),
        frozen_seconds: Some(ways.frozen_seconds),
        ready_when: Default::default(),
        after_ready: Vec::new(),
        foreign: Some(Foreign {
            ticket: ticket.map(str::to_string),
            target: target.as_str().into(),
            files,
            answers_at: entry.answers_at().await.map_err(Outcome::oops)?,
        }),
    };
    let event = NewEvent::new(now, actor, Subject::Node(node.name.to_string()), what);
    let committed = pelagos.0.journal.commit(vec![event]).await;
    committed
        .map(|committed| committed.first)
        .map_err(|error| Outcome::failed(500, chain(&error)))
}

/// What is started; `None`: what is there for the target anyway.
async fn files(pelagos: &Pelagos, entry: &Entry, resolved: &str) -> Result<Option<Files>, String> {
    let console = entry.node.as_ref().and_then(|node| node.settings.console.as_ref());
    let console = console.map(|console| &console.value);
    match resolved {
        LOCAL => Ok(None),
        MAINTENANCE => {
            let config = pelagos.config().await;
            let named = (
                config.option("maintenance_image_kernel"),
                config.option("maintenance_image_initrd"),
            );
            Ok(match named {
                (Some(kernel), Some(initrd)) => Some(maintenance(kernel, initrd, console)),
                _ => None,
            })
        }
        folder => {
            let (root, wanted) = (pelagos.images(), folder.to_string());
            let found = tokio::task::spawn_blocking(move || pelagos_root::payload(&root, &wanted)).await;
            let file = found.map_err(|error| error.to_string())??;
            Ok(Some(image(folder, &file, console)))
        }
    }
}
