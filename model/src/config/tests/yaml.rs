//! YAML's traps, and texts that are no YAML.

use super::*;

#[test]
fn values_mean_what_their_key_says_and_not_what_they_look_like() {
    let cluster = whole(
        &with(
            "  san: { prefix: 10.78.0.0/24, dhcp: off }
profiles:
  p:
    packages: [1.10, yes, 0123, null-tools]
    kernel_args: [on]
    files:
      - { path: /a, content: 1.10, mode: 0644 }
      - { path: /b, content: no, mode: '0644' }
      - { path: /c, content: \"\", mode: 644 }
      - { path: /d, content: ~x, mode: 0o644 }
    users: [{ name: 'on', gecos: 0123 }]
nodes:
  # Without quotes YAML 1.1 reads these as numbers of base 60 and as one in scientific notation.
  123: { mac: 11:22:33:44:55:10, serial: 12e3, profile: p }
  on: { mac: 10-20-30-40-50-11, uuid: 00000000-0000-0000-0000-000000000012 }
  0x10: { mac: 102030405012 }
doors: { tftp: off, http: 8080 }
",
        )
        .replace("11:22:33", "10:22:33"),
    );
    let node = cluster.node("123").unwrap();
    assert_eq!(node.nics[0].mac, Some("10:22:33:44:55:10".parse().unwrap()));
    assert_eq!(node.serial.as_deref(), Some("12e3"));
    let settings = &node.settings;
    let packages: Vec<&str> = settings.packages.iter().map(|p| p.value.as_str()).collect();
    assert_eq!(packages, ["1.10", "yes", "0123", "null-tools"]);
    assert!(settings.files.iter().all(|f| f.value.mode == 0o644));
    assert_eq!(settings.files[0].value.content, "1.10");
    assert_eq!(settings.files[1].value.content, "no");
    assert_eq!(settings.users[0].value.gecos.as_deref(), Some("0123"));
    assert!(cluster.node("on").is_some() && cluster.node("0x10").is_some());
    assert_eq!(cluster.network("san").unwrap().dhcp, crate::cluster::DhcpMode::Off);
    assert_eq!((cluster.doors.tftp, cluster.doors.http), (None, Some(8080)));
}

#[test]
fn a_file_that_is_no_yaml_is_told_with_its_place() {
    let table = [
        ("cluster: lab\n\tdomain: x\n", 2),
        ("cluster: \"lab\ndomain: x\n", 1),
        ("cluster: lab\nnodes: { a: {}\n", 2),
        ("cluster: lab\nnodes:\n  a: {}\n b: {}\n", 4),
        ("cluster: lab: x\n", 1),
        ("cluster: lab\nx: 'a'b\n", 2),
        ("cluster: lab\n---\ncluster: other\n", 2),
        ("cluster: *nowhere\n", 1),
    ];
    for (text, line) in table {
        let reading = read(text);
        assert!(reading.cluster.is_none(), "{text}");
        let problem = &reading.diagnostics[0];
        let at = problem.labels[0].span.start;
        let found = 1 + text[..at].matches('\n').count();
        assert!(found >= line && found <= line + 1, "{text}: {problem:?}");
        assert!(problem.help.is_some(), "{text}: {problem:?}");
    }
}

#[test]
fn an_empty_file_has_no_cluster() {
    for text in ["", "\n", "# nothing yet\n", "---\n", "~"] {
        let reading = read(text);
        assert!(reading.cluster.is_none());
        assert_eq!(reading.diagnostics[0].code, "missing-key", "{text:?}");
    }
    assert_eq!(read("just a text").diagnostics[0].code, "wrong-type");
    assert_eq!(read("[a, b]").diagnostics[0].code, "wrong-type");
}

#[test]
fn aliases_work_and_cannot_fill_the_memory() {
    let cluster = whole(
        "cluster: lab
profiles:
  a: { packages: &base [htop, tmux] }
  b: { packages: *base }
nodes: { n1: { serial: x, profile: b } }
",
    );
    assert_eq!(cluster.nodes[0].settings.packages.len(), 2);

    let mut text = String::from("cluster: lab\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let before = format!("*a{}, ", i - 1).repeat(10);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", before.trim_end_matches(", ")));
    }
    assert_eq!(read(&text).diagnostics[0].code, "too-many-aliases");
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        format!("a: {}", "[".repeat(5000)),
        format!("{}a", "? ".repeat(5000)),
        "- ".repeat(5000),
    ] {
        assert_eq!(read(&text).diagnostics[0].code, "yaml-syntax");
    }
}

#[test]
fn line_ends_and_marks_of_other_systems_do_no_harm() {
    let text = "\u{feff}cluster: lab\r\nnodes:\r\n  n1: { serial: x }\r\n  n1: { serial: y }\r\n";
    assert_eq!(problems(text), [("duplicate-name", "n1")]);
    let node = &whole(&text.replace("  n1: { serial: y }\r\n", "")).nodes[0];
    assert_eq!((&*node.name, node.line), ("n1", 3));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_fall(text in "[a-z0-9:{}\\[\\],&*!|>'\"#%@`~\\-\\n \\t.+]{0,200}") {
        for problem in read(&text).diagnostics {
            for label in problem.labels {
                proptest::prop_assert!(text.get(label.span.clone()).is_some(), "{:?}", label);
            }
        }
    }

    #[test]
    fn no_change_of_a_good_file_makes_the_reader_fall(
        at in 0usize..2000, insert in "[a-z0-9:{}\\[\\],&*!|'\"\\-\\n +]{0,6}", cut in 0usize..12,
    ) {
        let good = include_str!("../../../../examples/homelab.yaml");
        let at = at.min(good.len());
        let text = format!("{}{insert}{}", &good[..at], good.get(at + cut..).unwrap_or(""));
        for problem in read(&text).diagnostics {
            for label in problem.labels {
                proptest::prop_assert!(text.get(label.span.clone()).is_some(), "{:?}", label);
            }
        }
    }
}
