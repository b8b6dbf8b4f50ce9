//! `bellwether events`.

use model::Mac;
use model::event::Event;

use super::args::Events;
use super::client::{Client, segment};
use super::paths::Paths;
use super::{Failure, Printer, events, output};

/// Shows what happened, and with `--follow` what happens.
pub async fn events(printer: &Printer, paths: &Paths, args: &Events) -> Result<(), Failure> {
    let mut query = format!("last={}", args.last);
    if let Some(subject) = &args.subject {
        query += &format!("&subject={}", segment(&subject_of(subject)));
    }
    if !args.kind.is_empty() {
        query += &format!("&kind={}", segment(&args.kind.join(",")));
    }
    if args.follow {
        query += "&follow=true";
    }
    let printer = *printer;
    Client::new(paths)
        .lines(&format!("/v1/events?{query}"), move |value| {
            if printer.json() {
                return output::text(&format!("{value}\n"));
            }
            let event: Event = serde_json::from_value(value).map_err(|error| {
                Failure::new(format!(
                    "the server sent an event that this version does not know: {error}"
                ))
            })?;
            output::text(&format!("{}\n", events::line(&event, printer.color)))
        })
        .await
}

/// A bare word is a node, an Ethernet address a machine; the rest says what it is.
fn subject_of(word: &str) -> String {
    match word.parse::<Mac>() {
        Ok(mac) => format!("machine:{mac}"),
        Err(_) if word.contains(':') || word == "cluster" => word.to_string(),
        Err(_) => format!("node:{word}"),
    }
}
