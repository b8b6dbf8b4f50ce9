//! From what is written to what is meant: references resolved, every rule checked, nothing stopped at the first mistake.

mod cache;
mod console;
mod faces;
mod install;
mod layers;
mod members;
mod names;
mod network;
mod nics;
mod nodes;
mod ready;
mod settings;
mod unique;

use std::sync::Arc;

use super::problems::Problems;
use super::raw::ClusterFile;
use super::span::Span;
use crate::cluster::{Cluster, Recorder};
use layers::Layers;

/// Makes the cluster. It is whole only if no problem is an error.
pub(super) fn cluster(raw: &ClusterFile, problems: &mut Problems) -> Cluster {
    if raw.cluster.is_none() {
        settings::missing("cluster", "the file", Span::default(), &raw.faulty, problems);
    }
    let networks = network::networks(&raw.networks, problems);
    for (name, _) in raw.groups.entries.iter() {
        network::check_name(name, problems);
    }
    for (name, _) in raw.profiles.entries.iter() {
        network::check_name(name, problems);
    }
    let mut layers = Layers::of(raw, problems);
    let (nodes, own) = nodes::nodes(raw, &networks, &mut layers, problems);
    let doors = network::doors(&raw.doors, problems);
    let faces = faces::faces(&raw.faces, &doors, problems);
    Cluster::assemble(
        raw.cluster.as_ref().map_or_else(String::new, |v| v.value.0.clone()),
        raw.domain.as_ref().map_or_else(String::new, |v| v.value.0.clone()),
        networks.into_iter().map(|n| n.network).collect(),
        raw.groups.entries.iter().map(|(name, _)| name.value.clone()).collect(),
        raw.profiles
            .entries
            .iter()
            .map(|(name, _)| name.value.clone())
            .collect(),
        nodes,
        Arc::clone(&layers.defaults),
        doors,
    )
    .with_cache(cache::cache(&raw.cache, problems))
    .with_recorder(Recorder {
        size: (raw.recorder.size.as_ref()).map_or(Recorder::default().size, |size| size.value.0),
    })
    .with_faces(faces)
    .with_layers(layers.into_cluster(own))
}
