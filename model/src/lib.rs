//! The cluster as one value, and every answer as a pure function of it.
//!
//! Invariant: nothing here opens a socket, reads a file or a clock. Time and the bytes of a question are arguments,
//! the answer, the events to remember and the reason are the return value.
#![forbid(unsafe_code)]
// Tests may read their fixtures.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::disallowed_methods))]

pub mod agent;
pub mod answers;
pub mod boot;
pub mod cache;
pub mod cluster;
pub mod config;
pub mod console;
pub mod deployment;
pub mod dhcp;
pub mod event;
pub mod explain;
pub mod export;
pub mod hook;
pub mod import;
pub mod install;
pub mod measure;
mod moment;
pub mod nodeset;
pub mod pelagos;
pub mod plan;
#[cfg(test)]
mod story;
mod templates;
pub mod timeline;
pub mod why;
pub mod world;

pub use wire::Mac;
