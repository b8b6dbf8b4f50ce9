//! The program around the pure crates: sockets, files, processes and the command line.
//!
//! Invariant: services never import each other; they meet in the world and in the journal. [`serve`](crate) is the only
//! place where things are plugged together.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod services;
