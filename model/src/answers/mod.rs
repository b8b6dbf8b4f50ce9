//! What a running node is told of itself: cloud-init's documents and `/etc/hosts`.
//!
//! Invariant: nothing secret is in any of these, they travel over plain HTTP. The hashes of passwords are as public as
//! the wire, which the manual says where they are declared.

mod hosts;
#[cfg(test)]
mod tests;
mod user_data;

pub use hosts::hosts;
pub(crate) use hosts::{Written, lines as host_lines};
pub use user_data::user_data;
pub(crate) use user_data::user_data_without_hosts;

use crate::boot::{Occasion, Rendered};
use crate::cluster::{Cluster, Node};

/// The `meta-data` of NoCloud: who the node is. A new boot is a new instance, so cloud-init applies everything again
/// to a system that kept nothing; what a deployment installed is one instance for as long as it lives.
pub fn meta_data(cluster: &Cluster, node: &Node, occasion: impl Into<Occasion>) -> Rendered {
    let instance = match occasion.into() {
        Occasion::Boot(boot) => boot.to_string(),
        Occasion::Attempt { deployment, .. } => format!("deployment-{deployment}"),
    };
    yaml(format!(
        "instance-id: {name}-{instance}\nlocal-hostname: {name}\nhostname: {fqdn}\n",
        name = node.name,
        fqdn = cluster.fqdn(node)
    ))
}

/// The `vendor-data` of NoCloud. cloud-init waits for it, so it is always answered; everything we have to say is in
/// `user-data`.
pub fn vendor_data() -> Rendered {
    yaml("#cloud-config\n{}\n".to_string())
}

fn yaml(text: String) -> Rendered {
    Rendered {
        text,
        content_type: "text/yaml; charset=utf-8",
    }
}
