//! conman: `conman` looks at our consoles and writes to them, by their one hub.
//!
//! Invariant: a client that does not read delays nobody, and one that says nothing is not waited for.

mod carry;
mod select;
mod words;

use std::sync::Arc;
use std::time::Duration;

use wire::conman::{Command, Effect, Greeting, Request, Who, opened};

use super::Guest;
use crate::console::{Hub, Mode};
use carry::Attached;

/// How long somebody may take to say who he is and what he wants.
const GREETING: Duration = Duration::from_secs(30);
/// Octets that are read at once.
const PIECE: usize = 4096;

pub(super) async fn serve(guest: Guest) {
    let cancel = guest.cancel.clone();
    cancel.run_until_cancelled(converse(guest)).await;
}

/// One conversation; `None`: he went before its end.
async fn converse(mut guest: Guest) -> Option<()> {
    let asked = tokio::time::timeout(GREETING, greet(&mut guest)).await.ok()??;
    let (who, request, typed) = asked;
    let consoles = match select::consoles(&guest.engine.consoles, &request).await {
        Ok(consoles) => consoles,
        Err(refusal) => return guest.say(refusal).await,
    };
    let names = || consoles.iter().map(|(name, _)| &**name);
    if request.command == Command::Query {
        return guest.say(opened(names())).await;
    }
    match attach(&guest, &who, &request, &consoles).await {
        Err(refusal) => guest.say(refusal).await,
        Ok(attached) => {
            guest.say(opened(names())).await?;
            carry::carry(guest, attached, &typed).await;
            Some(())
        }
    }
}

/// Who he is, what he wants, and what came after that already.
async fn greet(guest: &mut Guest) -> Option<(Who, Request, Vec<u8>)> {
    let mut greeting = Greeting::default();
    let mut buffer = vec![0; PIECE];
    loop {
        let heard = guest.hear(&mut buffer, GREETING).await?;
        let mut octets = &buffer[..heard];
        while !octets.is_empty() {
            let (effect, taken) = greeting.hear(octets);
            octets = &octets[taken..];
            match effect {
                None => {}
                Some(Effect::Say(text)) => guest.say(text).await?,
                Some(Effect::End(text)) => {
                    guest.say(text).await?;
                    return None;
                }
                Some(Effect::Wants(who, request)) => return Some((who, request, octets.to_vec())),
            }
        }
    }
}

/// Attaches him to what he chose.
///
/// # Errors
/// What he is told instead.
async fn attach(guest: &Guest, who: &Who, request: &Request, consoles: &[(Arc<str>, Hub)]) -> Result<Attached, String> {
    let mode = match (request.command, request.force, request.join) {
        (Command::Query | Command::Monitor, ..) => Mode::Monitor,
        (Command::Connect, true, _) => Mode::Force,
        (Command::Connect, false, true) => Mode::Join,
        (Command::Connect, false, false) => Mode::Connect,
    };
    let busy = |consoles: &[(Arc<str>, Hub)]| -> Vec<(Arc<str>, Vec<String>)> {
        let writers = consoles.iter().map(|(name, hub)| (name.clone(), hub.status().writers));
        writers.filter(|(_, writers)| !writers.is_empty()).collect()
    };
    // Nobody is told of one who will not come.
    let taken = if mode == Mode::Connect {
        busy(consoles)
    } else {
        Vec::new()
    };
    if !taken.is_empty() {
        return Err(words::busy(&taken));
    }
    let at = guest.peer.ip().to_canonical();
    let tty = who.tty.as_deref().map(|tty| format!(" on {tty}")).unwrap_or_default();
    let name = format!("<{}@{at}>{tty}", who.user);
    let mut visits = Vec::new();
    for (console, hub) in consoles {
        match hub.attach(name.clone(), mode).await {
            Ok(visit) => visits.push((console.clone(), visit)),
            Err(refused) => return Err(words::busy(&[(console.clone(), refused.writers)])),
        }
    }
    Ok(Attached {
        visits,
        name,
        actor: format!("conman:{}@{at}", who.user),
        writes: mode.writes(),
        quiet: request.quiet,
    })
}
