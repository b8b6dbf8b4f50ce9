//! ssh: a block for each node.

use std::fmt::Write as _;

use super::Sheet;
use super::records::Part;

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let mut out = String::new();
    for record in sheet.records.iter().filter(|record| record.part == Part::Primary) {
        let fqdn = record.fqdn(sheet.cluster);
        let long = if fqdn == record.label {
            String::new()
        } else {
            format!(" {fqdn}")
        };
        let _ = writeln!(out, "\nHost {}{long}", record.label);
        match record.address {
            Some(address) => {
                let _ = writeln!(out, "  HostName {address}");
            }
            None => sheet.notes.node(
                record.node,
                "an address: it has one of a pool, so its name is looked up",
            ),
        }
        // Whom the cluster file's `ssh_keys` let in.
        out.push_str("  User root\n");
    }
    out
}
