//! What events are about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wire::Mac;

/// What an event is about. Its text form is `node:nid001`, `machine:52:54:00:00:00:01`, `network:provision`,
/// `image:debian-12`, `medium:debian-12`, `cluster`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The cluster or the server as a whole.
    Cluster,
    /// A declared node.
    Node(String),
    /// A machine that is no declared node.
    Machine(Mac),
    /// A network.
    Network(String),
    /// An image.
    Image(String),
    /// A medium.
    Medium(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster"),
            Self::Node(name) => write!(f, "node:{name}"),
            Self::Machine(mac) => write!(f, "machine:{mac}"),
            Self::Network(name) => write!(f, "network:{name}"),
            Self::Image(name) => write!(f, "image:{name}"),
            Self::Medium(name) => write!(f, "medium:{name}"),
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is not the subject of an event");
        match text.split_once(':') {
            None if text == "cluster" => Ok(Self::Cluster),
            Some(("node", name)) => Ok(Self::Node(name.to_string())),
            Some(("machine", mac)) => mac.parse().map(Self::Machine).map_err(|_| unknown()),
            Some(("network", name)) => Ok(Self::Network(name.to_string())),
            Some(("image", name)) => Ok(Self::Image(name.to_string())),
            Some(("medium", name)) => Ok(Self::Medium(name.to_string())),
            _ => Err(unknown()),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
