//! Killed under load, again and again.

use std::time::{Duration, Instant};

use super::{CLUSTER, Crowd, behind_relay, is_remembered, lab_is_served};
use crate::support::server::Served;

fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % below
}

#[test]
fn killed_at_any_moment_it_has_lost_nothing_and_gives_no_address_twice() {
    let kills: u32 = std::env::var("BELLWETHER_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let (segment, relay) = behind_relay();
    let mut served = Served::start(&segment, CLUSTER);
    lab_is_served(&served);
    let crowd = Crowd::begin(&relay);
    let mut away = Vec::new();
    for _ in 0..kills {
        crowd.until_more(1 + random(200), Duration::from_secs(30));
        let killed = Instant::now();
        let folder = served.kill();
        served = Served::start_in(&segment, folder);
        crowd.until_more(1, Duration::from_secs(30));
        away.push(killed.elapsed());
        is_remembered(&served, &crowd.book.lock().unwrap());
    }
    let book = crowd.end();
    book.is_without_doubles();
    is_remembered(&served, &book);
    away.sort();
    println!(
        "{kills} kills, {} addresses acknowledged, none lost, none twice; from a kill to the next answer: median {} ms, most {} ms",
        book.given.len(),
        away[away.len() / 2].as_millis(),
        away.last().unwrap().as_millis()
    );
    // It shows nothing if nothing was under way.
    assert!(book.given.len() > kills as usize * 20, "{} addresses", book.given.len());
}
