//! A journal of any events, as a capture of somebody else's brings them: each can be applied, the world survives its snapshot, and
//! whatever happened, its story can be told and its reason be asked for.
//!
//! The input is events as JSON, one in each line. What is no event is left out.
#![no_main]
use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use model::deployment::{chores, drive, due};
use model::event::{Event, NewEvent, Subject, What};
use model::timeline::Timeline;
use model::why::why;
use model::world::World;

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let applied = What::ClusterApplied {
        digest: "0".repeat(64),
        nodes: 1,
        text: include_str!("../../../src/cli/fixtures/cluster.yaml").to_string(),
    };
    let mut world = World::default();
    world.apply(&NewEvent::new(Timestamp::UNIX_EPOCH, "fuzz", Subject::Cluster, applied).numbered(0));
    assert_eq!(world.cluster.nodes.len(), 1);
    world
});

fuzz_target!(|bytes: &[u8]| {
    let mut world = WORLD.clone();
    let mut events: Vec<Event> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(mut event) = serde_json::from_slice::<Event>(line) else {
            continue;
        };
        // Positions count up, and events name others by theirs.
        event.seq = event.seq.clamp(world.seq + 1, world.seq + 1_000);
        world.apply(&event);
        assert_eq!(world.seq, event.seq);
        events.push(event);
    }
    let Some(last) = events.last() else { return };
    let again = World::from_snapshot(&world.to_snapshot()).expect("a snapshot can be read");
    assert_eq!(again.to_snapshot(), world.to_snapshot());
    for now in [last.at, events[0].at] {
        let _ended = due(&world, now);
        let _pushed = drive(&world, now, |_| None);
        let _tasks = chores(&world, now);
        for node in &world.cluster.nodes {
            let _reason = why(&world, node, now, &events);
            let state = world.state(&node.name);
            for boot in state.all_boots() {
                let told = Timeline::of(&node.name, &state, Some(boot.id), &events, now);
                assert!(told.is_some(), "a boot that the world knows has a story");
            }
        }
    }
});
