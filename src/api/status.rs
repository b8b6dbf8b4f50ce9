//! The server itself: what it serves, who holds addresses, who knocked.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use model::world::Serving;
use serde_json::{Value, json};

use super::Api;

/// `GET /v1/status`.
pub async fn status(State(api): State<Api>) -> Json<Value> {
    let world = api.journal.world();
    let networks: Vec<Value> = world
        .cluster
        .networks
        .iter()
        .map(|network| {
            let state = world.networks.get(&network.name);
            let serving = match state.map(|s| &s.serving) {
                Some(Serving::Yes { interface, address, .. }) => {
                    json!({ "state": "served", "interface": interface, "address": address })
                }
                Some(Serving::Refused { server }) => json!({ "state": "refused", "other_server": server }),
                Some(Serving::Absent { why }) => json!({ "state": "absent", "why": why }),
                None => {
                    json!({ "state": if network.dhcp == model::cluster::DhcpMode::Off { "off" } else { "starting" } })
                }
            };
            let used = world
                .leases
                .iter()
                .filter(|l| *l.network == *network.name && l.is_active(Timestamp::now()) && network.in_pool(l.address))
                .count();
            json!({
                "name": network.name,
                "prefix": network.prefix.to_string(),
                "mode": network.dhcp.as_str(),
                "serving": serving,
                "since": state.map(|s| s.since),
                "pool": { "size": network.pool_size(), "used": used },
            })
        })
        .collect();
    let ready = world
        .nodes
        .values()
        .filter(|s| s.boot.as_ref().is_some_and(model::world::Boot::is_ready))
        .count();
    let cache = api.cache.status();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": api.started,
        "seq": world.seq,
        "cluster": {
            "name": world.cluster.name,
            "nodes": world.cluster.nodes.len(),
            "ready": ready,
            "applied": world.applied.as_ref().map(|a| json!({ "at": a.at, "by": a.actor, "digest": a.digest })),
        },
        "networks": networks,
        "package_cache": {
            "files": cache["files"], "bytes": cache["bytes"], "limit": cache["limit"], "offline": cache["offline"],
            "troubles": cache["troubles"],
        },
        "images": world.images.iter().map(|(name, image)| json!({
            "name": name, "kind": "system", "os": image.os, "architecture": image.architecture,
            "size": image.kernel.size + image.initrd.size + image.root.size, "built_at": image.built_at,
        })).chain(world.disk_images.iter().map(|(name, image)| json!({
            "name": name, "kind": "disk", "os": image.os, "architecture": image.architecture,
            "size": image.disk.size, "built_at": image.built_at,
        }))).chain(world.agents.iter().map(|(name, agent)| json!({
            "name": name, "kind": "agent", "os": "the agent", "architecture": agent.architecture,
            "size": agent.kernel.size + agent.initrd.size, "built_at": agent.built_at,
        }))).collect::<Vec<_>>(),
    }))
}

/// `GET /v1/leases`.
pub async fn leases(State(api): State<Api>) -> Json<Value> {
    let world = api.journal.world();
    let now = Timestamp::now();
    Json(
        world
            .leases
            .iter()
            .map(|lease| {
                json!({
                    "address": lease.address, "mac": lease.mac, "node": lease.node, "network": lease.network,
                    "until": lease.until, "since": lease.since, "reserved": lease.reserved,
                    "hostname": lease.hostname, "active": lease.is_active(now),
                })
            })
            .collect(),
    )
}

/// `GET /v1/machines`: machines that asked and are not declared, the latest first.
pub async fn machines(State(api): State<Api>) -> Json<Value> {
    let world = api.journal.world();
    let mut machines: Vec<_> = world
        .machines
        .values()
        .filter(|m| world.cluster.by_mac(m.mac).is_none())
        .cloned()
        .collect();
    machines.sort_by_key(|m| std::cmp::Reverse(m.last_seen));
    Json(
        machines
            .iter()
            .map(|machine| {
                let address = world
                    .leases
                    .of_on(machine.mac, &machine.network)
                    .map(|lease| lease.address);
                json!({ "machine": &**machine, "address": address })
            })
            .collect(),
    )
}

/// `GET /metrics`, in the OpenMetrics text format.
pub async fn metrics(State(api): State<Api>) -> ([(http::HeaderName, &'static str); 1], String) {
    (
        [(http::header::CONTENT_TYPE, crate::telemetry::CONTENT_TYPE)],
        api.metrics.render(&api.journal.world()),
    )
}
