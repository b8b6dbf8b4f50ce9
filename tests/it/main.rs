//! What the program promises, told as stories against real clients, real files and real machines.
#![allow(clippy::unwrap_used)]

mod abuse;
mod agent;
mod bmc;
mod boots;
mod cache;
mod cluster;
mod deployments;
mod deploys;
mod dhcp;
mod doctor;
mod export;
mod faces;
mod faces_pelagos;
mod faults;
mod grub;
mod host;
mod http;
mod import;
mod installer;
mod journal;
mod lab;
mod recorder;
mod secure;
mod support;
mod tftp;
