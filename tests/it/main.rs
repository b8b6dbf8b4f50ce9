//! Stories with foreign clients: each speaks only the network.

#![allow(clippy::unwrap_used)]

mod support;
mod tftp;
