//! On a real host: the unit and what the service manager is told, backup and restore, the first cluster file, the
//! Debian package.

mod backup;
mod init;
mod package;
mod privileges;
mod systemd;

use std::path::{Path, PathBuf};

use crate::support::client::require;
use crate::support::segment::Station;

/// One node, a pool of ten.
const CLUSTER: &str = "cluster: test
domain: lab.example
networks:
  lab:
    prefix: 10.77.0.0/24
    pool: 10.77.0.100-10.77.0.109
    beside_other_servers: true
    router_advertisements: false
nodes:
  nid001: { mac: \"52:54:00:00:00:01\", address: 10.77.0.11 }
";
const NODE: &str = "52:54:00:00:00:01";

/// A file of this repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The address that a DHCP client of somebody else's gets.
fn lease(station: &Station) -> String {
    require("busybox", "busybox-static");
    let words = [
        "busybox",
        "udhcpc",
        "-i",
        "eth0",
        "-n",
        "-q",
        "-f",
        "-s",
        "/bin/true",
        "-t",
        "10",
    ];
    let said = station.succeed(&words);
    let rest = said.split("lease of ").nth(1).unwrap_or_else(|| panic!("{said}"));
    rest.split(' ').next().unwrap().to_string()
}
