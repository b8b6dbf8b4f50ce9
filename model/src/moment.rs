//! Sums of times that cannot fail.
//!
//! Our own clock is never near the end of time, but events may come from somebody else's capture, and any time that can be written can
//! stand in them.

use jiff::{SignedDuration, Timestamp};

/// So long after a time; the last time there is, where that is later.
pub(crate) fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use crate::deployment::{chores, drive, due};
    use crate::event::Event;
    use crate::timeline::Timeline;
    use crate::why::why;
    use crate::world::World;

    /// What the target `journal` of the fuzzer does with each file of its corpus; one of them is at the end of time.
    #[test]
    fn whatever_is_in_a_journal_its_story_can_be_told() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/fuzz/corpus/journal");
        let cluster = crate::config::read_applied(
            "cluster: lab\nnetworks:\n  provision: { prefix: 10.77.0.0/24 }\nnodes:\n  nid003: { mac: 52:54:00:00:00:03 }\n",
        );
        let mut told = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
            let events: Vec<Event> = (1..).zip(events).map(|(seq, event)| Event { seq, ..event }).collect();
            let mut world = World {
                cluster: Arc::new(cluster.clone()),
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
                told += Timeline::of("nid003", &state, Some(boot.id), &events, now)
                    .unwrap()
                    .rows
                    .len();
            }
        }
        assert!(told > 50, "{told}");
    }
}
