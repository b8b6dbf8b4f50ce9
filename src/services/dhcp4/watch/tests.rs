use super::*;

/// What the clock says, in seconds since the start.
struct Clock(Instant);

impl Clock {
    fn at(&self, seconds: f64) -> Instant {
        self.0 + Duration::from_secs_f64(seconds)
    }
}

const RIVAL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);

fn cluster(lines: &str) -> Cluster {
    let text = format!(
        "cluster: test\nnetworks:\n  lab:\n    prefix: 10.77.0.0/24\n    {}\nnodes: {{}}\n",
        lines.replace('\n', "\n    ")
    );
    let reading = model::config::read(&text);
    reading
        .cluster
        .unwrap_or_else(|| panic!("{text}\n{:?}", reading.diagnostics))
}

/// `name` with 10.77.0.1/24, its cable plugged in or not.
fn interface(running: bool) -> Interface {
    let mut interface = Interface::sketch("eth1", 7);
    interface.addresses = vec!["10.77.0.1/24".parse().unwrap()];
    interface.running = running;
    interface
}

fn served() -> Act {
    Act::Note {
        network: "lab".into(),
        what: Box::new(What::NetworkServed {
            interface: "eth1".into(),
            address: Ipv4Addr::new(10, 77, 0, 1),
            http_port: 80,
        }),
    }
}

fn refused() -> Act {
    Act::Note {
        network: "lab".into(),
        what: Box::new(What::NetworkRefused {
            server: RIVAL,
            interface: "eth1".into(),
        }),
    }
}

/// A watch that has looked once at a network with these settings.
fn watch(lines: &str) -> (Clock, Watch, Vec<Act>) {
    let clock = Clock(Instant::now());
    let mut watch = Watch::new(80);
    let acts = watch.look(clock.0, &cluster(lines), &[interface(true)], |_| true);
    (clock, watch, acts)
}

/// Everything that is due from one second to another.
fn run(watch: &mut Watch, clock: &Clock, from: u32, to: u32) -> Vec<Act> {
    (from * 10..=to * 10)
        .flat_map(|tenth| watch.tick(clock.at(f64::from(tenth) / 10.0)))
        .collect()
}

#[test]
fn a_silent_network_is_asked_three_times_and_served_after_three_seconds() {
    let (clock, mut watch, acts) = watch("");
    assert_eq!(acts, []);
    assert_eq!(run(&mut watch, &clock, 0, 2), [Act::Ask(7), Act::Ask(7), Act::Ask(7)]);
    assert_eq!(watch.deadline(), Some(clock.at(3.0)));
    assert_eq!(run(&mut watch, &clock, 3, 3), [served()]);
    assert_eq!(watch.deadline(), None);
}

#[test]
fn a_network_with_another_server_is_left_to_it() {
    let (clock, mut watch, _) = watch("");
    watch.tick(clock.at(0.0));
    assert_eq!(
        watch.heard(clock.at(0.5), 8, RIVAL),
        (vec![], vec![]),
        "another interface"
    );
    assert_eq!(watch.heard(clock.at(0.5), 7, RIVAL), (vec![refused()], vec![]));
    assert_eq!(run(&mut watch, &clock, 1, 60), []);
    assert_eq!(watch.heard(clock.at(10.0), 7, RIVAL), (vec![], vec![]));
}

#[test]
fn a_network_that_was_left_alone_is_taken_over_when_it_is_silent_twice() {
    let (clock, mut watch, _) = watch("");
    watch.heard(clock.at(0.5), 7, RIVAL);
    let asked = run(&mut watch, &clock, 1, 66);
    assert_eq!(asked, [Act::Ask(7), Act::Ask(7), Act::Ask(7)]);
    let taken = run(&mut watch, &clock, 67, 80);
    assert_eq!(taken, [Act::Ask(7), Act::Ask(7), Act::Ask(7), served()]);
}

#[test]
fn a_rival_that_answers_once_more_is_left_alone_for_another_minute() {
    let (clock, mut watch, _) = watch("");
    watch.heard(clock.at(0.5), 7, RIVAL);
    run(&mut watch, &clock, 1, 66);
    assert_eq!(watch.heard(clock.at(70.0), 7, RIVAL), (vec![], vec![]));
    assert_eq!(run(&mut watch, &clock, 71, 129), []);
}

#[test]
fn a_rival_on_a_served_network_is_named_but_does_not_stop_the_service() {
    let (clock, mut watch, _) = watch("");
    run(&mut watch, &clock, 0, 4);
    assert_eq!(watch.heard(clock.at(5.0), 7, RIVAL), (vec![], vec!["lab".to_string()]));
}

#[test]
fn told_to_serve_beside_other_servers_it_asks_nobody() {
    for lines in ["beside_other_servers: true", "dhcp: proxy"] {
        let (_, watch, acts) = watch(lines);
        assert_eq!(acts, [served()], "{lines}");
        assert_eq!(watch.deadline(), None);
    }
}

#[test]
fn an_observed_network_is_not_served_and_an_off_one_is_not_even_mentioned() {
    let (_, _, acts) = watch("dhcp: observe");
    assert!(
        matches!(&acts[..], [Act::Note { what, .. }] if matches!(&**what, What::NetworkAbsent { why } if why == "dhcp: observe answers nobody on eth1"))
    );
    assert_eq!(watch("dhcp: off").2, []);
}

#[test]
fn silence_without_a_cable_is_checked_again_when_it_is_plugged_in() {
    let (clock, cluster) = (Clock(Instant::now()), cluster(""));
    let mut watch = Watch::new(80);
    watch.look(clock.0, &cluster, &[interface(false)], |_| true);
    assert!(run(&mut watch, &clock, 0, 3).contains(&served()));
    assert_eq!(watch.look(clock.at(10.0), &cluster, &[interface(true)], |_| true), []);
    assert_eq!(watch.tick(clock.at(10.0)), [Act::Ask(7)]);
    assert_eq!(watch.heard(clock.at(10.2), 7, RIVAL), (vec![refused()], vec![]));
}

#[test]
fn a_network_is_absent_for_a_reason_that_tells_what_to_do() {
    let why = |lines: &str, change: fn(&mut Interface)| {
        let mut interface = interface(true);
        change(&mut interface);
        place(&cluster(lines).networks[0], &[interface]).unwrap_err()
    };
    assert_eq!(
        why("", |i| i.addresses.clear()),
        "no interface has an address in 10.77.0.0/24 (ip address)"
    );
    assert_eq!(why("", |i| i.up = false), "eth1 is down: ip link set eth1 up");
    assert_eq!(why("interface: eth9", |_| {}), "there is no interface eth9 (ip link)");
    let other = why("interface: eth1", |i| i.addresses = vec!["10.0.0.1/8".parse().unwrap()]);
    assert_eq!(other, "eth1 has no address in 10.77.0.0/24 (ip address)");
}

#[test]
fn a_network_that_cannot_be_listened_to_is_not_served() {
    let mut watch = Watch::new(80);
    let acts = watch.look(Instant::now(), &cluster(""), &[interface(true)], |_| false);
    assert!(matches!(&acts[..], [Act::Note { what, .. }] if matches!(&**what, What::NetworkAbsent { .. })));
}

#[test]
fn an_address_that_changes_is_listened_to_anew() {
    let (clock, mut watch, _) = watch("");
    run(&mut watch, &clock, 0, 4);
    let mut moved = interface(true);
    moved.addresses = vec!["10.77.0.2/24".parse().unwrap()];
    assert_eq!(watch.look(clock.at(5.0), &cluster(""), &[moved], |_| true), []);
    assert_eq!(watch.tick(clock.at(5.0)), [Act::Ask(7)]);
    assert_eq!(watch.on(7).collect::<Vec<_>>(), [("lab", Ipv4Addr::new(10, 77, 0, 2))]);
}
