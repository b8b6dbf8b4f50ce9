//! Packets through rules as people write them.

use super::*;
use serde_json::json;

const DHCP: Packet = Packet {
    interface: "br0",
    protocol: "udp",
    port: 67,
};

fn ruleset(policy: &str, rules: &[Value]) -> Ruleset {
    let mut items = vec![
        json!({ "table": { "family": "inet", "name": "t" } }),
        json!({ "chain": { "family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": policy } }),
        json!({ "chain": { "family": "inet", "table": "t", "name": "sub" } }),
    ];
    items.extend(rules.iter().map(
        |expr| json!({ "rule": { "family": "inet", "table": "t", "chain": expr["chain"].as_str().unwrap_or("in"), "expr": expr["expr"] } }),
    ));
    Ruleset::read(&json!({ "nftables": items }))
}

fn dport(right: Value) -> Value {
    json!({ "match": { "op": "==", "left": { "payload": { "protocol": "udp", "field": "dport" } }, "right": right } })
}

fn from(interface: &str) -> Value {
    json!({ "match": { "op": "==", "left": { "meta": { "key": "iifname" } }, "right": interface } })
}

fn dropped(rules: &Ruleset) -> Option<bool> {
    match rules.verdict(&DHCP) {
        Verdict::Accepted => None,
        Verdict::Dropped { certain, .. } => Some(certain),
    }
}

#[test]
fn a_policy_drops_what_no_rule_lets_in() {
    assert_eq!(dropped(&ruleset("drop", &[])), Some(true));
    assert_eq!(dropped(&ruleset("accept", &[])), None);
    for right in [
        json!(67),
        json!({ "set": [53, 67] }),
        json!({ "range": [60, 70] }),
        json!({ "set": [{ "range": [60, 70] }] }),
    ] {
        let rules = ruleset("drop", &[json!({ "expr": [dport(right), { "accept": null }] })]);
        assert_eq!(dropped(&rules), None);
    }
    let other = ruleset(
        "drop",
        &[json!({ "expr": [from("br1"), dport(json!(67)), { "accept": null }] })],
    );
    assert_eq!(dropped(&other), Some(true));
}

#[test]
fn a_rule_drops_before_a_later_one_accepts() {
    let rules = [
        json!({ "expr": [dport(json!(67)), { "counter": null }, { "drop": null }] }),
        json!({ "expr": [{ "accept": null }] }),
    ];
    assert_eq!(dropped(&ruleset("accept", &rules)), Some(true));
    assert_eq!(ruleset("accept", &rules).dropping_chain(&DHCP).unwrap(), "inet t in");
}

#[test]
fn chains_are_followed_and_returned_from() {
    let rules = [
        json!({ "expr": [{ "jump": { "target": "sub" } }] }),
        json!({ "chain": "sub", "expr": [from("br1"), { "accept": null }] }),
        json!({ "chain": "sub", "expr": [from("br0"), { "drop": null }] }),
    ];
    assert_eq!(dropped(&ruleset("accept", &rules)), Some(true));
    let back = [
        json!({ "expr": [{ "jump": { "target": "sub" } }] }),
        json!({ "expr": [{ "accept": null }] }),
    ];
    assert_eq!(dropped(&ruleset("drop", &back)), None);
}

#[test]
fn what_depends_on_the_sender_is_perhaps() {
    let source = json!({ "match": { "op": "==", "left": { "payload": { "protocol": "ip", "field": "saddr" } }, "right": "10.0.0.9" } });
    let some = ruleset("drop", &[json!({ "expr": [source, { "accept": null }] })]);
    assert_eq!(dropped(&some), Some(false));
    let blocked = ruleset("accept", &[json!({ "expr": [source, { "drop": null }] })]);
    assert_eq!(dropped(&blocked), None);
}

#[test]
fn only_new_conversations_are_asked_about() {
    let state =
        |states: Value| json!({ "match": { "op": "in", "left": { "ct": { "key": "state" } }, "right": states } });
    let known = ruleset(
        "drop",
        &[json!({ "expr": [state(json!(["established", "related"])), { "accept": null }] })],
    );
    assert_eq!(dropped(&known), Some(true));
    let fresh = ruleset("drop", &[json!({ "expr": [state(json!("new")), { "accept": null }] })]);
    assert_eq!(dropped(&fresh), None);
}

#[test]
fn a_verdict_map_sends_by_interface() {
    let map = json!({ "vmap": { "key": { "meta": { "key": "iifname" } },
        "data": { "set": [["br1", { "accept": null }], ["br0", { "goto": { "target": "sub" } }]] } } });
    let rules = [
        json!({ "expr": [map] }),
        json!({ "chain": "sub", "expr": [dport(json!(67)), { "drop": null }] }),
    ];
    assert_eq!(dropped(&ruleset("accept", &rules)), Some(true));
}

#[test]
fn chains_that_go_in_circles_end() {
    let rules = [
        json!({ "expr": [{ "jump": { "target": "sub" } }] }),
        json!({ "chain": "sub", "expr": [{ "jump": { "target": "sub" } }] }),
    ];
    assert_eq!(dropped(&ruleset("accept", &rules)), None);
}

#[test]
fn rules_of_other_hooks_and_families_do_not_matter() {
    let listed = json!({ "nftables": [
        { "chain": { "family": "ip6", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop" } },
        { "chain": { "family": "inet", "table": "t", "name": "fwd", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop" } },
    ] });
    assert_eq!(dropped(&Ruleset::read(&listed)), None);
    assert_eq!(dropped(&Ruleset::read(&Value::Null)), None);
}
