//! conserver: `console` looks at our consoles and writes to them, by their one hub.
//!
//! Where the cluster file names a token, it is the password. Nothing is encrypted, neither here nor with conserver as
//! Debian's client speaks it by default: see docs/faces.md.
//!
//! Invariant: where there is a token, nothing is shown to who does not know it.

mod carry;
mod find;
mod reports;

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wire::conserver::{Command, Effect, Session, examined, hosts, info, people};

use super::Guest;
use crate::console::Mode;
use carry::Attached;

/// How long somebody may take for a line; a person types his password in that time.
const LINE: Duration = Duration::from_secs(60);
/// How long all may take before a console is called.
const GREETING: Duration = Duration::from_secs(300);
/// What a wrong password costs.
const WRONG: Duration = Duration::from_secs(2);
/// Octets that are read at once.
const PIECE: usize = 4096;

/// The version that is told, with that of the protocol.
const VERSION: &str = concat!("Bellwether ", env!("CARGO_PKG_VERSION"), ", as conserver 8.2.7");

pub(super) async fn serve(guest: Guest) {
    let cancel = guest.cancel.clone();
    cancel.run_until_cancelled(converse(guest)).await;
}

/// One conversation; `None`: he went before its end.
async fn converse(mut guest: Guest) -> Option<()> {
    let called = tokio::time::timeout(GREETING, until_called(&mut guest)).await.ok()??;
    let (attached, typed) = called;
    carry::carry(guest, attached, &typed).await;
    Some(())
}

/// Until a console is called: which, and what came after that already.
async fn until_called(guest: &mut Guest) -> Option<(Attached, Vec<u8>)> {
    let (mut session, greeting) = Session::new(guest.token_from.is_some());
    guest.say(greeting).await?;
    let mut buffer = vec![0; PIECE];
    loop {
        let heard = guest.hear(&mut buffer, LINE).await?;
        let mut octets = &buffer[..heard];
        while !octets.is_empty() {
            let (effect, taken) = session.hear(octets);
            octets = &octets[taken..];
            let effect = match effect {
                Some(Effect::Check(password)) => {
                    let is_right = is_token(guest, &password).await;
                    Some(session.checked(is_right))
                }
                other => other,
            };
            match effect {
                None | Some(Effect::Check(_)) => {}
                Some(Effect::Say(text)) => guest.say(text).await?,
                Some(Effect::End(text)) => {
                    guest.say(text).await?;
                    return None;
                }
                Some(Effect::Do(Command::Call(name))) => match call(guest, session.user(), &name).await {
                    Ok(attached) => {
                        // Looking on is what everybody may begin with; who wants more asks for it.
                        guest.say("[spy]\r\n").await?;
                        return Some((attached, octets.to_vec()));
                    }
                    Err(told) => guest.say(told).await?,
                },
                Some(Effect::Do(command)) => guest.say(answer(guest, command)).await?,
            }
        }
    }
}

/// Whether it is the token.
async fn is_token(guest: &Guest, password: &[u8]) -> bool {
    let from = guest.token_from.as_deref().unwrap_or_default();
    let is_right = match guest.engine.secrets.read(from) {
        // Hashes: how long it takes to compare them tells nothing.
        Ok(token) => Sha256::digest(token.expose()) == Sha256::digest(password),
        Err(error) => {
            tracing::error!(%error, "the token of the face conserver cannot be read: nobody is let in");
            false
        }
    };
    if !is_right {
        tracing::warn!(peer = %guest.peer, "a wrong password at the face conserver");
        tokio::time::sleep(WRONG).await;
    }
    is_right
}

/// Attaches somebody to a console.
///
/// # Errors
/// What he is told instead.
async fn call(guest: &Guest, user: &str, name: &str) -> Result<Attached, String> {
    let (console, hub) = find::console(&guest.engine, name)?;
    let name = format!("{user}@{}", guest.peer.ip().to_canonical());
    let visit = hub.attach(name.clone(), Mode::Monitor).await;
    let visit = visit.map_err(|_| format!("console `{console}' not found\r\n"))?;
    Ok(Attached {
        console,
        hub,
        visit,
        name,
    })
}

fn answer(guest: &Guest, command: Command) -> String {
    let engine = &guest.engine;
    // Of all, or of one that was named.
    let chosen = |named: &Option<String>| match named {
        None => Ok(reports::consoles(engine, None)),
        Some(name) => find::console(engine, name).map(|(console, _)| reports::consoles(engine, Some(&console))),
    };
    let port = guest.stream.local_addr().map_or(0, |address| address.port());
    let report = match &command {
        // It has answered already.
        Command::Call(_) => Ok(String::new()),
        Command::Groups => Ok(format!("{port}\r\n")),
        Command::Version => Ok(format!("version `{VERSION}'\r\n")),
        Command::Pid => Ok(format!("{}\r\n", std::process::id())),
        Command::Group(named) => chosen(named).map(|consoles| people(&consoles, None)),
        Command::Hosts(named) => chosen(named).map(|consoles| hosts(&consoles, None)),
        Command::Info(named) => chosen(named).map(|consoles| info(&consoles, ("bellwether", std::process::id(), port))),
        Command::Examine(named) => chosen(named).map(|consoles| examined(&consoles)),
    };
    report.unwrap_or_else(|told| told)
}
