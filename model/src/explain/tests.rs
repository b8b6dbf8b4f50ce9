use super::*;

const TEXT: &str = "cluster: lab
timezone: Europe/Berlin
networks:
  lan: { prefix: 10.77.0.0/24 }
defaults: { image: old, packages: [htop], users: [{ name: ada, uid: 1001 }] }
groups:
  gpu: { image: newer, packages: [nvtop, htop] }
profiles:
  worker: { boot: image, image: new, users: [{ name: ada, sudo: true }] }
nodes:
  nid[1-2]:
    mac: 52:54:00:00:00:01+
    address: 10.77.0.11+
    groups: gpu
    profile: worker
    image: newest
    bmc: { address: 10.78.0.11+ }
  bare: { serial: x }
";

fn cluster() -> Cluster {
    crate::config::read(TEXT).cluster.unwrap()
}

fn rows(node: &str, key: Option<&str>) -> Vec<String> {
    let cluster = cluster();
    let explanation = explain(&cluster, cluster.node(node).unwrap(), key).unwrap();
    let row = |row: &Row| format!("{} = {} ({}, {})", row.key, row.value, row.layer, row.line);
    explanation.rows.iter().map(row).collect()
}

#[test]
fn every_value_is_shown_with_its_layer_and_its_line() {
    assert_eq!(
        rows("nid2", None),
        [
            "profile = worker (node nid[1-2], 15)",
            "groups = gpu (node nid2, 11)",
            "architecture = amd64 (node nid2, 11)",
            "nics = 52:54:00:00:00:02 10.77.0.12 on lan (node nid2, 12)",
            "bmc = 10.78.0.12 by ipmi (node nid2, 11)",
            "console_via = sol (node nid2, 11)",
            "boot = image (profile worker, 9)",
            "image = newest (node nid[1-2], 16)",
            "loader = auto (built in, 0)",
            "timezone = Europe/Berlin (defaults, 2)",
            "packages = htop (defaults, 5)",
            "packages = nvtop (group gpu, 7)",
            "users = ada: 0 keys, may become root, /bin/bash (profile worker, 9)",
        ]
    );
}

#[test]
fn what_lost_is_shown_with_its_place_the_nearest_layer_first() {
    let cluster = cluster();
    let explanation = explain(&cluster, cluster.node("nid1").unwrap(), Some("image")).unwrap();
    let lost: Vec<String> = explanation.rows[0]
        .overridden
        .iter()
        .map(|o| format!("{} {} {}", o.value, o.layer, o.line))
        .collect();
    assert_eq!(lost, ["newer group gpu 7", "new profile worker 9", "old defaults 5"]);
    let users = explain(&cluster, cluster.node("nid1").unwrap(), Some("users")).unwrap();
    assert_eq!(users.rows[0].overridden[0].value, "ada: 0 keys, id 1001, /bin/bash");
}

#[test]
fn one_setting_is_shown_alone_and_an_unset_one_as_unset() {
    // Where an image is named and no target, the target follows from the image and has its place.
    assert_eq!(rows("bare", Some("boot")), ["boot = image (defaults, 5)"]);
    assert_eq!(rows("bare", Some("loader")), ["loader = auto (built in, 0)"]);
    assert_eq!(rows("bare", Some("console")), ["console = not set (built in, 0)"]);
    assert_eq!(rows("bare", Some("bmc")), ["bmc = not set (built in, 0)"]);
    assert_eq!(rows("bare", Some("serial")), ["serial = x (node bare, 18)"]);
}

#[test]
fn a_key_that_is_none_is_told_with_what_was_meant() {
    let cluster = cluster();
    let error = |key| explain(&cluster, &cluster.nodes[0], Some(key)).unwrap_err().to_string();
    assert_eq!(
        error("kernel-args"),
        "there is no setting `kernel-args`: did you mean `kernel_args`?"
    );
    assert!(error("colour").contains("`packages`"));
}

#[test]
fn a_node_that_is_none_is_told_with_what_was_meant() {
    let cluster = cluster();
    assert_eq!(
        no_such_node(&cluster, "nid3"),
        "there is no node `nid3`: did you mean `nid1`?"
    );
    assert_eq!(
        no_such_node(&cluster, "storage"),
        "there is no node `storage` in the cluster `lab`"
    );
}

#[test]
fn every_setting_of_the_cluster_file_can_be_explained() {
    let schema = crate::config::schema();
    let known: Vec<&str> = SETTINGS.iter().map(|(key, _)| *key).collect();
    for key in schema["$defs"]["settings"]["properties"].as_object().unwrap().keys() {
        assert!(known.contains(&key.as_str()), "{key}");
    }
}
