//! Prometheus: a target for each node, for `file_sd_configs`; the API gives the same to `http_sd_configs`.

use serde_json::{Map, Value, json};

use super::Sheet;
use super::records::Part;

pub(super) fn render(sheet: &Sheet<'_>) -> String {
    let targets = sheet
        .records
        .iter()
        .filter(|record| record.part == Part::Primary)
        .map(|record| {
            let node = record.node;
            let host = record
                .address
                .map_or_else(|| record.fqdn(sheet.cluster), |address| address.to_string());
            let mut labels = Map::new();
            let mut label = |name: &str, value: String| labels.insert(name.to_string(), value.into());
            label("cluster", sheet.cluster.name.clone());
            label("node", node.name.to_string());
            label("architecture", node.architecture.to_string());
            if let Some(profile) = &node.profile {
                label("profile", profile.value.clone());
            }
            if !node.groups.is_empty() {
                // Between commas on both sides, as Prometheus' own discoveries write lists: `.*,gpu,.*` finds one.
                label("groups", format!(",{},", node.groups.join(",")));
            }
            if let Some(bmc) = &node.bmc {
                label("bmc", bmc.address.to_string());
            }
            json!({ "targets": [format!("{host}:{}", sheet.port)], "labels": labels })
        });
    let targets: Vec<Value> = targets.collect();
    let text = serde_json::to_string_pretty(&targets).expect("a JSON value always serialises");
    text + "\n"
}
