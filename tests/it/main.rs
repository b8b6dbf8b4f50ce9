//! What the program promises, told as stories against real clients, real files and real machines.
#![allow(clippy::unwrap_used)]

mod boots;
mod cluster;
mod dhcp;
mod grub;
mod http;
mod journal;
mod lab;
mod secure;
mod support;
mod tftp;
