//! powerman: `pm` and `powerman` switch our machines, by the one BMC desk.
//!
//! Invariant: a list of nodes that makes no sense, a BMC that is dead and a client that hangs up are the matter of one
//! conversation.

mod nodes;
mod task;

use std::time::Duration;

use wire::powerman::{Effect, Session};

use super::Guest;
use task::{Begun, Task};

/// How long somebody may take until he says something, and how long he may be silent afterwards: programs keep a
/// conversation open between two orders.
const FIRST: Duration = Duration::from_secs(60);
const SILENT: Duration = Duration::from_secs(3600);
/// Octets that are read at once.
const PIECE: usize = 4096;

pub(super) async fn serve(guest: Guest) {
    let cancel = guest.cancel.clone();
    cancel.run_until_cancelled(converse(guest)).await;
}

/// One conversation; `None`: he went before its end.
async fn converse(mut guest: Guest) -> Option<()> {
    let (mut session, greeting) = Session::new(|names| model::nodeset::fold(names));
    guest.say(greeting).await?;
    let mut buffer = vec![0; PIECE];
    let mut heard = guest.hear(&mut buffer, FIRST).await?;
    let mut task: Option<Task> = None;
    loop {
        let mut octets = &buffer[..heard];
        while !octets.is_empty() {
            let (effect, taken) = session.hear(octets);
            octets = &octets[taken..];
            match effect {
                None => {}
                Some(Effect::Say(text)) => guest.say(text).await?,
                Some(Effect::End(text)) => return guest.say(text).await,
                Some(Effect::Do(request)) => match task::begin(&guest, request) {
                    Begun::Answer(answer) => guest.say(session.answer(&answer)).await?,
                    Begun::Task(begun) => task = Some(begun),
                },
            }
        }
        heard = loop {
            let Some(running) = &mut task else {
                break guest.hear(&mut buffer, SILENT).await?;
            };
            tokio::select! {
                // Whoever hangs up stops what has not begun.
                heard = guest.hear(&mut buffer, Duration::MAX) => break heard?,
                line = running.next() => match line {
                    Some(line) => guest.say(running.told(&session, &line)).await?,
                    None => {
                        let answer = running.answer();
                        task = None;
                        guest.say(session.answer(&answer)).await?;
                    }
                },
            }
        };
    }
}
