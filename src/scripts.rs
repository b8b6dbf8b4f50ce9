//! A loader asks for its script, over HTTP or TFTP: what it is granted, and what is written down before it leaves.
//!
//! Invariant: a script leaves only after its event is in the journal: the event may begin the boot whose number the token
//! is made from, it uses up a `--once`, and it begins an attempt of a deployment. Where it can do none of these (the boot is
//! under way, nothing is chosen or armed, and nothing about the node is on its way into the world) the script is what it would
//! be afterwards, and nobody waits for the disk.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use model::Mac;
use model::boot::{Client, Dialect, Identified, Key, Resolved, Site, boot_script, grub, identify, resolve, script_in};
use model::cluster::{Architecture, Node};
use model::deployment::effective;
use model::event::{NewEvent, Seq, Subject, What};
use model::world::World;

use crate::journal::{Journal, JournalError};

/// Worlds that are looked at before a script waits for one.
const LOOKS: u32 = 4;

/// The end of a request for a script.
#[derive(Debug)]
pub struct Grant {
    /// Position of the journal at which the target was chosen.
    pub asked: Seq,
    /// Position at which the script is rendered.
    pub rendered: Seq,
    /// What is granted. `None`: whoever asks is no node, and boots from its own disk.
    pub to: Option<Granted>,
}

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

/// Grants a script to a client that asks.
///
/// # Errors
/// See [`Denied`]; the client asks again.
pub async fn grant(journal: &Journal, actor: &str, client: &Client) -> Result<Grant, Denied> {
    let (world, chosen, is_settled) = present(journal, client);
    let address = client.address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into());
    let event = |subject, what| NewEvent::new(Timestamp::now(), actor, subject, what);
    let Some((Identified { node, by }, resolved)) = chosen else {
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
        return Ok(Grant {
            asked: world.seq,
            rendered: world.seq,
            to: None,
        });
    };
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
    if is_settled && world.is_one_more_script(&node.name, served.at, &served.what) {
        match world.is_same_script(&node.name, &served.what) {
            true => journal.observe_again(vec![served]),
            false => journal.observe(vec![served]),
        }
        return Ok(Grant {
            asked: world.seq,
            rendered: world.seq,
            to: Some(granted(&world, &node, resolved)?),
        });
    }
    let committed = journal.commit(vec![served]).await.map_err(|error| {
        tracing::error!(node = %node.name, %error, "a boot script could not be given: the journal takes nothing");
        Denied::Journal(error)
    })?;
    Ok(Grant {
        asked: world.seq,
        rendered: committed.world.seq,
        to: Some(granted(&committed.world, &node, resolved)?),
    })
}

type Chosen = Option<(Identified, Resolved)>;

/// The world, what is chosen in it for a client, and whether all that was accepted about the client's node is in that world.
///
/// The node, by whose name its events are counted, comes out of a world; what is settled is in the one that is looked at after
/// that. A world lasts for a millisecond and more, so that is the same one, or the next one that is tried.
fn present(journal: &Journal, client: &Client) -> (Arc<World>, Chosen, bool) {
    let mut world = journal.world();
    let mut looks = 1;
    loop {
        let chosen = chosen(&world, client);
        let is_settled = (chosen.as_ref()).is_some_and(|(identified, _)| journal.is_settled(&identified.node.name));
        let later = journal.world();
        let is_present = Arc::ptr_eq(&world, &later);
        if is_present || looks == LOOKS {
            return (world, chosen, is_settled && is_present);
        }
        world = later;
        looks += 1;
    }
}

/// Who asks, and the target that it has; `None` for a machine that is no node.
pub fn chosen(world: &World, client: &Client) -> Option<(Identified, Resolved)> {
    let identified = identify(world, client)?;
    let boot = &world.state(&identified.node.name).boot;
    let resolved = resolve(world, &identified.node, boot.as_ref());
    Some((identified, resolved))
}

/// The script in iPXE's language; without a grant that of a machine that is no node. `mac` is the NIC that booted.
pub fn ipxe_text(key: &Key, site: Site, mac: Option<Mac>, granted: Option<&Granted>) -> String {
    let rendered = match granted {
        None => boot_script(key, site, mac, 0, None),
        Some(Granted {
            node,
            resolved,
            boot,
            dialect,
        }) => script_in(*dialect, key, site, mac, *boot, node, resolved),
    };
    rendered.text
}

/// The script in GRUB's language. `server` is the TFTP server as GRUB reaches it.
pub fn grub_text(key: &Key, site: Site, server: IpAddr, mac: Option<Mac>, granted: Option<&Granted>) -> String {
    let rendered = match granted {
        None => grub::local_grub(Architecture::default(), true),
        Some(Granted {
            node, resolved, boot, ..
        }) => grub::grub_script(key, site, server, mac, *boot, node, resolved),
    };
    rendered.text
}

/// The script of a GRUB that iPXE started, whose own script was granted already: on to the disk.
pub fn grub_under_ipxe(world: &World, client: &Client) -> Option<String> {
    let Identified { node, .. } = identify(world, client)?;
    grub::is_under_ipxe(world, &node).then(|| grub::local_grub(node.architecture, true).text)
}

/// What a node is granted, in the world in which its asking is written down.
///
/// # Errors
/// [`Denied::Ended`].
pub fn granted(world: &World, node: &Arc<Node>, resolved: Resolved) -> Result<Granted, Denied> {
    let state = world.state(&node.name);
    // The event began a boot if none was under way.
    let boot = state.boot.as_ref().map_or(world.seq, |boot| boot.id);
    let stands = |id| {
        let deployment = world.deployments.get(id);
        deployment.is_some_and(|d| d.wants_install() && d.attempt().is_some_and(|attempt| attempt.boot == boot))
    };
    if resolved.target.installs() && resolved.blocked.is_none() && !resolved.deployment.is_some_and(stands) {
        return Err(Denied::Ended);
    }
    Ok(Granted {
        node: effective(world, node),
        resolved,
        boot,
        dialect: Dialect::of_ipxe(state.boot.as_ref()),
    })
}
