//! Journals of real boots, and what is told of them.

use std::sync::Arc;

use jiff::SignedDuration;
use model::event::Event;
use model::timeline::Timeline;
use model::why::Why;
use model::world::World;

const CLUSTER: &str = include_str!("fixtures/cluster.yaml");

/// The events of a journal, by the name of its file.
pub(super) fn journal(name: &str) -> Vec<Event> {
    let text = match name {
        "uefi" => include_str!("fixtures/uefi.jsonl"),
        "loader" => include_str!("fixtures/loader.jsonl"),
        "trouble" => include_str!("fixtures/trouble.jsonl"),
        other => panic!("no journal {other}"),
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn world(events: &[Event]) -> World {
    let reading = model::config::read(CLUSTER);
    assert_eq!(reading.diagnostics, []);
    let mut world = World {
        cluster: Arc::new(reading.cluster.unwrap()),
        ..World::default()
    };
    world.replay(events);
    world
}

/// The timeline of the last boot of `nid003`, looked at 3 s after its last event.
pub(super) fn timeline(name: &str) -> Timeline {
    let events = journal(name);
    let now = events.last().unwrap().at + SignedDuration::from_secs(3);
    Timeline::of("nid003", &world(&events).state("nid003"), None, &events, now).unwrap()
}

/// Why `nid003` is where it is, some seconds after the last event.
pub(super) fn why(name: &str, seconds: i64) -> Why {
    let events = journal(name);
    let world = world(&events);
    let node = world.cluster.node("nid003").unwrap().clone();
    let now = events.last().unwrap().at + SignedDuration::from_secs(seconds);
    model::why::why(&world, &node, now, &events)
}
