//! salt-ssh: a roster.

use std::fmt::Write as _;

use super::records::Part;
use super::{Sheet, quoted};

/// The ids are full names, as Pelagos writes them.
pub(super) fn render(sheet: &Sheet<'_>) -> String {
    let mut out = String::new();
    for record in sheet.records.iter().filter(|record| record.part == Part::Primary) {
        let fqdn = record.fqdn(sheet.cluster);
        let host = record
            .address
            .map_or_else(|| fqdn.clone(), |address| address.to_string());
        let _ = writeln!(out, "{}:\n  host: {}\n  user: root", quoted(&fqdn), quoted(&host));
    }
    // An empty text is no mapping.
    if out.is_empty() { "{}\n".to_string() } else { out }
}
