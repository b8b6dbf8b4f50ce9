//! `/etc/hosts`: every address with its names, BMCs among them.

use std::fmt::Write as _;

use super::Sheet;

pub(super) fn render(sheet: &mut Sheet<'_>) -> String {
    let mut out = String::new();
    for record in &sheet.records {
        let Some(address) = record.address else {
            sheet.notes.node(
                record.node,
                "an interface that has no address of its own, but one of a pool",
            );
            continue;
        };
        let fqdn = record.fqdn(sheet.cluster);
        let short = if fqdn == record.label {
            String::new()
        } else {
            format!(" {}", record.label)
        };
        let _ = writeln!(out, "{address} {fqdn}{short}");
    }
    out
}
