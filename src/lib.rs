//! The program around the pure crates: sockets, files, processes and the command line.
//!
//! Invariant: services never import each other; they meet in the world and in the journal. [`serve`] is the only
//! place where things are plugged together.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod apt;
pub mod backup;
pub mod bmc;
pub mod cache;
pub mod capture;
pub mod causes;
pub mod cli;
pub mod cluster_file;
pub mod conductor;
pub mod console;
pub mod doctor;
pub mod faces;
pub mod http;
pub mod image_watch;
pub mod images;
pub mod init;
pub mod installer_log;
pub mod journal;
pub mod lab;
pub mod links;
pub mod loaders;
pub mod media;
pub mod pelagos_root;
pub mod privileges;
pub mod pulse;
pub mod recorder;
pub mod replay;
pub mod scripts;
pub mod secrets;
pub mod serve;
pub mod services;
mod shelf;
pub mod ssh;
pub mod store;
pub mod systemd;
pub mod telemetry;
pub mod terminal;
pub mod tftp_root;
