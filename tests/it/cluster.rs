//! The cluster file in a user's hands: check, plan, apply, reload, and what becomes of a file with mistakes.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output};

use crate::support::segment::Segment;
use crate::support::server::{PROGRAM, Served};

const CLUSTER: &str = r#"
cluster: test
domain: test.example
networks:
  lan: { prefix: 10.77.0.0/24, pool: 10.77.0.100-10.77.0.120 }
groups:
  blue: { members: "n[1-2]" }
nodes:
  n[1-3]: { mac: "52:54:00:00:00:01+", address: 10.77.0.11+ }
"#;

fn bellwether(words: &[&str]) -> Output {
    Command::new(PROGRAM).args(words).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_example_is_fine() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let output = bellwether(&["check", path.to_str().unwrap()]);
            assert!(output.status.success(), "{}: {}", path.display(), err(&output));
            assert_eq!(err(&output), "", "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 3, "homelab, hpc and demo");
}

#[test]
fn usage_mistakes_end_with_status_2_and_a_hint() {
    for words in [
        &["no-such-command"][..],
        &["check", "/no/such/file.yaml"],
        &["boot", "n1"],
        &["explain"],
    ] {
        let output = bellwether(words);
        let status = output.status.code();
        assert!(
            status == Some(2) || (words[0] == "check" && status == Some(1)),
            "{words:?}: {status:?}"
        );
        assert!(err(&output).contains("error"), "{words:?}: {}", err(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let noise = folder.path().join("noise.yaml");
    std::fs::write(&noise, [0xff, 0x00, 0xfe]).unwrap();
    let binary = bellwether(&["check", noise.to_str().unwrap()]);
    assert_eq!(binary.status.code(), Some(2));
    assert!(err(&binary).contains("not text in UTF-8"), "{}", err(&binary));
    let nobody = Command::new(PROGRAM)
        .arg("--state")
        .arg(folder.path())
        .arg("status")
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(1));
    assert!(err(&nobody).contains("no server is running") && err(&nobody).contains("bellwether serve"));
    let empty = Command::new(PROGRAM)
        .arg("--state")
        .arg(folder.path())
        .arg("serve")
        .output()
        .unwrap();
    assert_eq!(empty.status.code(), Some(2));
    assert!(err(&empty).contains("--config"), "{}", err(&empty));
}

#[test]
fn help_completions_schema_and_manual_pages_are_made() {
    let help = out(&bellwether(&["--help"]));
    for word in ["serve", "check", "timeline", "why", "image", "lab"] {
        assert!(help.contains(word), "{help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(out(&bellwether(&["completions", shell])).contains("bellwether"));
    }
    let schema: serde_json::Value = serde_json::from_str(&out(&bellwether(&["schema"]))).unwrap();
    assert!(schema["properties"]["nodes"].is_object());
    let folder = tempfile::tempdir().unwrap();
    assert!(bellwether(&["man", folder.path().to_str().unwrap()]).status.success());
    assert!(folder.path().join("bellwether.1").is_file());
    assert!(folder.path().join("bellwether-why.1").is_file());
}

#[test]
fn of_the_same_mistake_three_hundred_times_a_hundred_are_shown_and_all_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slip.yaml");
    let mut text = "cluster: test\nnetworks:\n  lan: { prefix: 10.99.0.0/24 }\nnodes:\n".to_string();
    for n in 0..300 {
        let (high, low) = (n / 250, n % 250 + 1);
        text += &format!("  n{n}: {{ mac: \"52:54:00:00:{high:02x}:{low:02x}\", address: 10.77.{high}.{low} }}\n");
    }
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&out(&bellwether(&["--output", "json", "check", path]))).unwrap();
    let problems = json["problems"].as_array().unwrap();
    assert!(problems.len() >= 300);
    let of_the_last: Vec<_> = problems
        .iter()
        .filter(|problem| problem["message"].as_str().unwrap().contains("`n299`"))
        .map(|problem| &problem["labels"][0]["line"])
        .collect();
    assert_eq!(of_the_last, [304]);
    let shown = err(&bellwether(&["check", path]));
    assert_eq!(shown.matches("error[").count(), 100, "{shown}");
    let rest = format!("and {} more", problems.len() - 100);
    assert!(shown.contains(&rest), "{shown}");
}

#[test]
fn a_thousand_nodes_are_a_few_lines() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hpc.yaml");
    let output = bellwether(&["--output", "json", "check", file]);
    let value: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert!(value["nodes"].as_u64().unwrap() > 1000);
    let explained = out(&bellwether(&["explain", "nid0950", "-f", file]));
    assert!(
        explained.contains("group gpu") && explained.contains("iommu=pt"),
        "{explained}"
    );
    let unknown = bellwether(&["explain", "nid095O", "-f", file]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("did you mean"), "{}", err(&unknown));
}

#[test]
fn a_plan_shows_what_apply_then_does() {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, CLUSTER);
    let next = served.folder().join("next.yaml");
    let text = CLUSTER
        .replace("n[1-3]", "n[1-4]")
        .replace("blue: {", "blue: { packages: [htop],");
    std::fs::write(&next, text.replace("n[1-2]", "n1")).unwrap();
    let next = next.to_str().unwrap();
    let plan = served.json(&["plan", next]);
    assert_eq!(plan["added"], serde_json::json!(["n4"]));
    assert_eq!(plan["changed"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!(plan["changed"][0]["node"], "n1");
    let shown = served.text(&["plan", next]);
    assert!(shown.contains("+ n4 new") && shown.contains("+  - \"htop\""), "{shown}");
    assert_eq!(
        served.json(&["nodes"]).as_array().unwrap().len(),
        3,
        "a plan changes nothing"
    );

    let unasked = served.cli(&["apply", next]);
    assert_eq!(unasked.status.code(), Some(2), "nobody confirms: {}", err(&unasked));
    served.text(&["apply", next, "--yes"]);
    assert_eq!(served.json(&["nodes"]).as_array().unwrap().len(), 4);
    assert!(served.text(&["apply", next, "--yes"]).contains("in force already"));
    assert_eq!(served.json(&["nodes", "@blue"]).as_array().unwrap().len(), 1);
    let applied = served.events("cluster.applied");
    assert_eq!(applied.len(), 2);
    assert!(
        applied[1]["actor"].as_str().unwrap().starts_with("cli:"),
        "every change names its actor"
    );
}

#[test]
fn a_file_of_megabytes_is_planned_and_applied_and_an_endless_one_is_refused() {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, CLUSTER);
    let path = served.folder().join("long.yaml");
    let path = path.to_str().unwrap();
    let comment = "# the inventory of a large machine room has many lines\n";
    let text = CLUSTER.replace("n[1-3]", "n[1-4]") + &comment.repeat((7 << 20) / comment.len());
    std::fs::write(path, &text).unwrap();
    assert_eq!(served.json(&["plan", path])["added"], serde_json::json!(["n4"]));
    served.text(&["apply", path, "--yes"]);
    assert_eq!(served.json(&["nodes"]).as_array().unwrap().len(), 4);

    let longest = 64 << 20;
    std::fs::write(path, text + &comment.repeat(longest / comment.len())).unwrap();
    for words in [&["plan", path][..], &["apply", path, "--yes"], &["check", path]] {
        let refused = served.cli(words);
        assert_eq!(refused.status.code(), Some(1), "{words:?}");
        assert!(err(&refused).contains("longer than 64 MiB"), "{}", err(&refused));
    }
    assert_eq!(served.json(&["nodes"]).as_array().unwrap().len(), 4);
}

#[test]
fn a_file_with_mistakes_never_replaces_a_good_world() {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, CLUSTER);
    let broken = CLUSTER.replace("10.77.0.11+", "10.99.0.11+");
    let path = served.folder().join("broken.yaml");
    std::fs::write(&path, &broken).unwrap();
    let refused = served.cli(&["apply", path.to_str().unwrap(), "--yes"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(err(&refused).contains("10.99.0.11"), "{}", err(&refused));

    served.reload(&broken);
    served.until("the reload is refused", || {
        served.log().contains("the cluster stays as it is")
    });
    assert_eq!(served.json(&["nodes"])[0]["address"], "10.77.0.11");
    served.reload(&CLUSTER.replace("n[1-3]", "n[1-5]"));
    served.until("a good file is read again", || {
        served.json(&["nodes"]).as_array().unwrap().len() == 5
    });

    // Killed, and started with a file that went bad meanwhile: the last good one goes on.
    let folder = served.kill();
    std::fs::write(folder.path().join("cluster.yaml"), &broken).unwrap();
    let served = Served::start_in(&segment, folder);
    assert_eq!(served.json(&["nodes"]).as_array().unwrap().len(), 5);
    assert!(
        served
            .log()
            .contains("going on with the cluster that was applied before")
    );
}

#[test]
fn one_server_for_one_state_folder() {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, CLUSTER);
    let second = Segment::new("10.77.0.1/24");
    let output = Served::command(&second, served.folder()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        served.log().contains(&served.pid().to_string()),
        "it names the holder: {}",
        served.log()
    );
    assert_eq!(
        served.json(&["nodes"]).as_array().unwrap().len(),
        3,
        "the first goes on undisturbed"
    );
}

#[test]
fn a_server_that_is_told_to_stop_ends_in_order_and_goes_on_where_it_was() {
    let segment = Segment::new("10.77.0.1/24");
    let served = Served::start(&segment, CLUSTER);
    served.until_served();
    served.text(&["boot", "n1", "--target", "shell"]);
    let mut follow = Command::new(PROGRAM)
        .args(["--output", "json", "--state"])
        .arg(served.folder())
        .args(["events", "--follow", "--kind", "server"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("server.started"));
    let folder = served.stop();
    assert!(follow.wait().unwrap().success(), "a follower is let go at the end");
    let served = Served::start_in(&segment, folder);
    assert_eq!(
        served.json(&["show", "n1"])["next_target"],
        "shell",
        "what was chosen is remembered"
    );
    assert_eq!(served.events("server").len(), 3, "started, stopped, started");
}
