use super::*;

mod meaning;
mod mistakes;
mod yaml;

fn whole(text: &str) -> Cluster {
    let reading = read(text);
    assert_eq!(reading.diagnostics, [], "{text}");
    reading.cluster.unwrap()
}

/// The smallest cluster with a network, and something more.
fn with(more: &str) -> String {
    format!("cluster: lab\nnetworks:\n  lan: {{ prefix: 10.77.0.0/24, router: 10.77.0.1 }}\n{more}")
}

/// Every problem as its code and the text that its first label points at.
fn problems(text: &str) -> Vec<(&'static str, &str)> {
    read(text)
        .diagnostics
        .iter()
        .map(|d| (d.code, &text[d.labels[0].span.clone()]))
        .collect()
}

#[test]
fn every_example_reads_without_a_word() {
    let homelab = whole(include_str!("../../../../examples/homelab.yaml"));
    assert_eq!(homelab.nodes.len(), 4);
    let hpc = whole(include_str!("../../../../examples/hpc.yaml"));
    assert_eq!(hpc.nodes.len(), 1004);
    assert_eq!(hpc.members("gpu").count(), 100);
    assert_eq!(hpc.members("burn-in").count(), 50);
}

#[test]
fn the_manual_is_what_the_declarations_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cluster-file.md");
    if std::env::var_os("BELLWETHER_WRITE_MANUAL").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == reference(),
        "docs/cluster-file.md is out of date: BELLWETHER_WRITE_MANUAL=1 cargo test -p bellwether-model manual"
    );
}

#[test]
fn the_example_in_the_manual_reads_without_a_word() {
    let manual = reference();
    let example = manual
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    assert_eq!(whole(example.unwrap()).nodes.len(), 9);
}

#[test]
fn every_key_is_described_in_the_schema() {
    fn look(schema: &serde_json::Value, path: &str, keys: &mut usize) {
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        assert_eq!(schema["additionalProperties"], false, "{path}");
        for (key, property) in properties {
            *keys += 1;
            let described = property["description"].as_str().is_some_and(|text| text.len() > 8);
            assert!(described, "{path}.{key} has no description");
        }
    }
    let schema = schema();
    let mut keys = 0;
    look(&schema, "", &mut keys);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        look(definition, name, &mut keys);
    }
    assert!(keys > 100, "{keys}");
    assert_eq!(schema["required"], serde_json::json!(["cluster"]));
    // What stands in a group stands in a node, too.
    for place in ["node", "group", "defaults"] {
        assert!(
            schema["$defs"][place]["properties"]["kernel_args"].is_object(),
            "{place}"
        );
    }
}

#[test]
fn every_reference_in_the_schema_leads_somewhere() {
    let schema = schema();
    let text = schema.to_string();
    let names: Vec<&str> = text
        .split("#/$defs/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(schema["$defs"][name]["properties"].is_object(), "{name}");
    }
}
