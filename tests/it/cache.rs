//! The package cache: real clients, real repositories, and upstreams that misbehave in every way.

mod apt;
mod hostile;
mod rules;
mod sharing;
mod whole;

use std::net::{SocketAddr, TcpListener};

/// A cluster file with the upstream `r`, for a server on this host's loopback; its nodes' door and its proxy door are
/// ports that nobody else has.
fn cluster(upstream: &str) -> (String, SocketAddr, SocketAddr) {
    let (http, cache) = (free(), free());
    let text = format!(
        "cluster: test\nnetworks:\n  lan: {{ prefix: 10.79.0.0/24 }}\ncache:\n  recheck: 0\n  upstreams:\n    r: {upstream}\n\
         doors: {{ dhcp: off, tftp: off, syslog: off, http: {}, cache: {} }}\n",
        http.port(),
        cache.port(),
    );
    (text, http, cache)
}

/// An address of the loopback on which nobody listens.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
