//! What the program promises, told as stories against real clients, real files and real machines.
#![allow(clippy::unwrap_used)]

mod boots;
mod cache;
mod cluster;
mod dhcp;
mod http;
mod journal;
mod lab;
mod support;
mod tftp;
