//! Journals that nobody prepared: whatever is in one, its story can be told. The fuzzer's corpus is a part of every test run that way.
// The crate does no I/O; its tests read their files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::sync::Arc;

use model::config::read_applied;
use model::deployment::{chores, drive, due};
use model::event::Event;
use model::timeline::Timeline;
use model::why::why;
use model::world::World;

const CLUSTER: &str =
    "cluster: lab\nnetworks:\n  provision: { prefix: 10.77.0.0/24 }\nnodes:\n  nid003: { mac: 52:54:00:00:00:03 }\n";

/// What the target `journal` of the fuzzer does with each file of its corpus; one of them is at the end of time.
#[test]
fn whatever_is_in_a_journal_its_story_can_be_told() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/fuzz/corpus/journal");
    let cluster = Arc::new(read_applied(CLUSTER));
    let mut told = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let events: Vec<Event> = (1..).zip(events).map(|(seq, event)| Event { seq, ..event }).collect();
        let mut world = World {
            cluster: cluster.clone(),
            ..World::default()
        };
        world.replay(&events);
        let now = events.last().unwrap().at;
        let _ended = due(&world, now);
        let _pushed = drive(&world, now, |_| None);
        let _tasks = chores(&world, now);
        let _reason = why(&world, world.cluster.node("nid003").unwrap(), now, &events);
        let state = world.state("nid003");
        for boot in state.all_boots() {
            let timeline = Timeline::of("nid003", &state, Some(boot.id), &events, now);
            told += timeline.expect("a boot that the world knows has a story").rows.len();
        }
    }
    assert!(told > 50, "{told}");
}
