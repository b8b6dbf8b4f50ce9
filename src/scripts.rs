//! A loader asks for its script, over HTTP or TFTP: what it is granted, and what is written down before it leaves.
//!
//! Invariant: a script leaves only after its event is in the journal: the event may begin the boot whose number the token
//! is made from, it uses up a `--once`, and it begins an attempt of a deployment.

use std::sync::Arc;

use jiff::Timestamp;
use model::boot::{Client, Dialect, Identified, Resolved, identify, resolve};
use model::cluster::Node;
use model::deployment::effective;
use model::event::{NewEvent, Seq, Subject, What};

use crate::journal::{Journal, JournalError};

/// What a node is granted.
#[derive(Debug)]
pub struct Granted {
    /// The node, with the settings that count now.
    pub node: Arc<Node>,
    /// Its target.
    pub resolved: Resolved,
    /// Its present boot.
    pub boot: Seq,
    /// The language of an iPXE that asks.
    pub dialect: Dialect,
}

/// Why there is no script at this moment.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// The journal cannot keep the event.
    #[error("the journal takes nothing at present, ask again")]
    Journal(#[source] JournalError),
    /// Somebody dismissed the deployment while the journal wrote: then nothing may be installed.
    #[error("the deployment ended this moment, ask again")]
    Ended,
}

/// Grants a script to a client that asks. `None`: it is no node, and boots from its own disk.
///
/// # Errors
/// See [`Denied`]; the client asks again.
pub async fn grant(journal: &Journal, actor: &str, client: &Client) -> Result<Option<Granted>, Denied> {
    let world = journal.world();
    let address = client.address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into());
    let event = |subject, what| NewEvent::new(Timestamp::now(), actor, subject, what);
    let Some(Identified { node, by }) = identify(&world, client) else {
        if let Some(mac) = client.mac {
            let what = What::ScriptServed {
                target: "local".into(),
                image: None,
                identified_by: "nothing".into(),
                client: address,
                mac: Some(mac),
                deployment: None,
            };
            journal.observe(vec![event(Subject::Machine(mac), what)]);
        }
        return Ok(None);
    };
    let resolved = resolve(&world, &node, world.state(&node.name).boot.as_ref());
    let what = What::ScriptServed {
        target: resolved.target.to_string(),
        image: resolved.image.as_ref().map(|(name, _)| name.clone()),
        identified_by: by.into(),
        client: address,
        mac: client.mac,
        // What is blocked starts nothing, so it is no attempt.
        deployment: resolved.deployment.filter(|_| resolved.blocked.is_none()),
    };
    let served = event(Subject::Node(node.name.to_string()), what);
    let committed = journal.commit(vec![served]).await.map_err(|error| {
        tracing::error!(node = %node.name, %error, "a boot script could not be given: the journal takes nothing");
        Denied::Journal(error)
    })?;
    let state = committed.world.state(&node.name);
    let boot = state.boot.as_ref().map_or(committed.last, |boot| boot.id);
    let stands = |id| {
        let deployment = committed.world.deployments.get(id);
        deployment.is_some_and(|d| d.wants_install() && d.attempt().is_some_and(|attempt| attempt.boot == boot))
    };
    if resolved.target.installs() && resolved.blocked.is_none() && !resolved.deployment.is_some_and(stands) {
        return Err(Denied::Ended);
    }
    Ok(Some(Granted {
        node: effective(&committed.world, &node),
        resolved,
        boot,
        dialect: Dialect::of_ipxe(state.boot.as_ref()),
    }))
}
