use super::*;

const FILE: &str = r#"
cluster: test
domain: test.example
networks:
  lan: { prefix: 10.77.0.0/24, pool: 10.77.0.100-10.77.0.199 }
profiles:
  worker: { image: debian-12 }
nodes:
  n[1-3]: { mac: "52:54:00:00:00:01+", address: 10.77.0.11+, profile: worker }
"#;

fn read(text: &str) -> Cluster {
    let reading = crate::config::read(text);
    reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn difference(to: &str) -> Plan {
    let world = World {
        cluster: Arc::new(read(FILE)),
        ..World::default()
    };
    plan(&world, &read(to))
}

#[test]
fn the_same_file_changes_nothing() {
    let plan = difference(FILE);
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(plan.unchanged, 3);
}

#[test]
fn moving_lines_about_changes_nothing() {
    let plan = difference(&FILE.replace("cluster: test", "# a comment\n\ncluster: test"));
    assert!(plan.is_empty(), "{plan:?}");
}

#[test]
fn one_changed_node_is_one_change_with_its_difference() {
    let plan = difference(
        &format!("{FILE}  n4: {{ mac: \"52:54:00:00:00:99\" , network: lan }}\n")
            .replace("cluster: test", "cluster: test\n"),
    );
    assert_eq!(plan.added, ["n4"]);
    assert_eq!((plan.changed.len(), plan.unchanged), (0, 3));
}

#[test]
fn a_changed_profile_shows_which_answers_change_and_how() {
    let plan = difference(&FILE.replace(
        "image: debian-12",
        "image: debian-12, kernel_args: [quiet], packages: [htop]",
    ));
    assert_eq!(plan.changed.len(), 3);
    let documents: Vec<&str> = plan.changed[0].answers.iter().map(|a| a.document.as_str()).collect();
    assert_eq!(
        documents,
        ["user-data"],
        "no image is built, so the script does not change"
    );
    assert!(
        plan.changed[0].answers[0].diff.contains("+  - \"htop\""),
        "{}",
        plan.changed[0].answers[0].diff
    );
}

#[test]
fn a_moved_address_changes_dhcp_and_the_hosts_of_all() {
    let plan = difference(&FILE.replace("10.77.0.11+", "10.77.0.21+"));
    let documents: Vec<&str> = plan.changed[0].answers.iter().map(|a| a.document.as_str()).collect();
    assert_eq!(documents, ["dhcp"]);
    assert!(plan.changed[0].answers[0].diff.contains("+") && plan.hosts.is_some());
}

#[test]
fn gone_nodes_and_networks_are_named() {
    let plan = difference(
        &FILE
            .replace("n[1-3]", "n[1-2]")
            .replace("  lan:", "  lab: { prefix: 10.99.0.0/24 }\n  lan:"),
    );
    assert_eq!(plan.removed, ["n3"]);
    assert_eq!(plan.cluster, ["network lab (10.99.0.0/24) is new: DHCP serve"]);
}
