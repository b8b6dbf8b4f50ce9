//! Tasks that are played: every URL, by clients that were written for Pelagos.

use super::{CONFIG, alone, curl, ended, get, images, provision};
use crate::support::client::said;
use crate::support::segment::Segment;
use crate::support::server::Served;

fn server(segment: &Segment, how: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    images(&folder.path().join("tftp"));
    let command = alone(segment, folder.path(), &["--pelagos-simulation", how]);
    Served::start_as(command, folder)
}

#[test]
fn teuthology_provisions_parks_and_learns_what_is_not_there() {
    let segment = Segment::new("10.77.0.1/24");
    let server = server(&segment, "fast");
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv-teuthology/bin/python");
    assert!(
        std::path::Path::new(python).exists(),
        "{python}: scripts/python installs it"
    );
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faces_pelagos/client.py");
    let output = segment
        .command(python)
        .args([client, "http://10.77.0.1:5000/"])
        .output()
        .unwrap();
    assert!(
        output.status.success() && said(&output).contains("all is well"),
        "{}\n{}",
        said(&output),
        server.log()
    );
    assert!(server.events("power").is_empty() && server.events("deployment.armed").is_empty());
}

#[test]
fn every_url_answers_as_its_clients_know_it() {
    let segment = Segment::new("10.77.0.1/24");
    let server = server(&segment, "fast");
    let get = |path: &str| get(&segment, path);
    assert!(get("/").body.contains("for access to REST functionality"));
    assert_eq!(
        get("/version").body,
        "{\n  \"app\": \"pelagos\",\n  \"version\": \"0.0.5\"\n}\n"
    );
    let all = get("/nodes").json();
    let config: serde_json::Value = serde_json::from_str(CONFIG).unwrap();
    assert_eq!(all["nodes"], config["nodes"], "as they stand in the file");
    let file = format!("{}/tftp/pxelinux.cfg/01-aa-bb-cc-dd-00-73", server.folder().display());
    assert_eq!(all["pxe"]["test_node"]["pxe_file"], file);
    let node = get("/node/test_node").json();
    assert_eq!(node["pxe"]["os"], "Default config is used: pxelinux.cfg/default");
    assert_eq!(get("/node/test_node3").json()["node"]["node"], "test_node3.lab.example");
    for name in ["nobody", "provision", "dismiss"] {
        let answer = get(&format!("/node/{name}"));
        assert_eq!(answer.status, 404);
        assert!(
            answer.body.contains(&format!("<p>No node [{name}] found</p>")),
            "{}",
            answer.body
        );
    }
    for (os, found) in [
        ("sle-15.1", "sle-15.1-0.1.1-29.1"),
        ("local", "local"),
        ("maintenance_image", "maintenance_image"),
    ] {
        assert_eq!(get(&format!("/check_image/{os}")).json()["os"], found);
    }
    for os in ["other", "..", "%2e%2e%2f%2e%2e%2fetc", "boot"] {
        let answer = get(&format!("/check_image/{os}"));
        assert_eq!(answer.status, 404, "{os}");
    }
    assert!(
        get("/check_image/other")
            .body
            .contains("No os image [other] found in dir [")
    );
    // Records are choices of the world.
    let record = get("/node/bootrecord/test_node/local").json();
    assert_eq!(
        (record["status"].as_str(), record["os"].as_str()),
        (Some("single boot record set"), Some("local"))
    );
    assert_eq!(get("/node/test_node").json()["pxe"]["os"], "local");
    assert_eq!(
        server.json(&["nodes", "test-node"])[0]["because"],
        "chosen by pelagos:10.77.0.1"
    );
    assert_eq!(
        get("/node/bootrecord/test_node/sle-15.1").json()["os"],
        "sle-15.1-0.1.1-29.1"
    );
    assert_eq!(get("/node/test_node").json()["pxe"]["os"], "sle-15.1-0.1.1-29.1");
    for _ in 0..2 {
        assert_eq!(
            get("/node/rmbootrecord/test_node").json()["status"],
            "dedicated boot record removed"
        );
        assert!(
            get("/node/test_node").json()["pxe"]["os"]
                .as_str()
                .unwrap()
                .starts_with("Default")
        );
    }
    assert_eq!(get("/tasks/status/0123").status, 404);
    assert!(get("/tasks/log/0123").body.contains("Task &#34;0123&#34; is not found"));
    assert_eq!(get("/tasks/statuses").json(), serde_json::json!({}));
    assert_eq!(get("/pxe/api/tasks").status, 404);
    assert_eq!(curl(&segment, &["-X", "POST"], "/nodes").status, 405);
}

#[test]
fn tasks_are_told_apart_stopped_and_remembered_when_the_server_comes_back() {
    let segment = Segment::new("10.77.0.1/24");
    let server = server(&segment, "medium");
    let post = |path: &str, fields: &str| curl(&segment, &["-d", fields], path);
    let first = provision(&segment, "test_node", "sle-15.1");
    let running = get(&segment, &first);
    assert_eq!(running.status, 202, "{}", running.head);
    assert_eq!(
        (running.header("node"), running.header("os")),
        (Some("test_node"), Some("sle-15.1"))
    );
    assert_eq!(
        (running.header("endtime"), running.header("stopped")),
        (Some("-1"), Some("False"))
    );
    let other = post(
        "/node/provision",
        "os=maintenance_image&node=test_node2&extra_sls=a+b.c",
    )
    .task();
    let second = post("/node/provision", "os=local&node=test_node&add_sls=x").task();
    let stopped = get(&segment, &first);
    assert_eq!(stopped.status, 410);
    assert!(
        stopped.body.contains("<p>Stop provisioning thread by request</p>"),
        "{}",
        stopped.body
    );
    assert_eq!(
        (get(&segment, &second).status, get(&segment, &other).status),
        (202, 202)
    );
    // Both spellings of the way to stop it.
    let dismissed = post("/tasks/node/dismiss", "node=test_node").json();
    assert_eq!(dismissed["node"], "test_node");
    assert_eq!(
        format!("/tasks/status/{}", dismissed["stopped_task"].as_str().unwrap()),
        second
    );
    assert_eq!(get(&segment, &second).status, 410);
    let nobody = post("/node/dismiss", "node=test_node");
    assert_eq!(nobody.status, 404);
    assert!(
        nobody
            .body
            .contains("Caught NoTaskException Cannot find task for &#34;test_node&#34; node"),
        "{}",
        nobody.body
    );
    let missing = provision(&segment, "test_node3.lab.example", "other");
    assert!(
        ended(&server, &segment, &missing)
            .body
            .contains("No os image [other] found")
    );
    // A failure is an entry like every other.
    let id = |task: &str| task.rsplit('/').next().unwrap().to_string();
    let all = get(&segment, "/tasks/statuses").json();
    assert_eq!(all[id(&first)]["rv"]["code"], 410);
    assert_eq!(
        (all[id(&first)]["stopped"].as_bool(), all[id(&first)]["status"].as_str()),
        (Some(true), Some("done"))
    );
    assert_eq!(
        (all[id(&other)]["end_time"].as_i64(), all[id(&other)]["status"].as_str()),
        (Some(-1), Some("not completed"))
    );
    // Killed and started again.
    let folder = server.kill();
    let command = alone(&segment, folder.path(), &["--pelagos-simulation", "medium"]);
    let server = Served::start_as(command, folder);
    server.until("the face is open", || server.log().contains("a face is open"));
    assert_eq!(get(&segment, &first).status, 410);
    let done = ended(&server, &segment, &other);
    assert_eq!(
        (done.status, done.json()["os"].as_str()),
        (200, Some("maintenance_image"))
    );
    assert_eq!(done.json()["node"]["boot_node"], "nobody");
    let log = get(&segment, &format!("/tasks/log/{}", id(&other))).json();
    let text = log["LogData"].as_str().unwrap();
    for wanted in [
        "| MainProcess| Thread-2   | INFO | Found os [maintenance_image]",
        "sleep, n=19",
        "salt states [a b.c]",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn the_configuration_file_is_read_again_when_it_changes() {
    let segment = Segment::new("10.77.0.1/24");
    let server = server(&segment, "fast");
    let path = server.folder().join("pelagos.json");
    std::fs::write(&path, CONFIG.replace("test_node2", "another")).unwrap();
    assert_eq!(get(&segment, "/node/another").status, 200);
    server.until("it is a node of the cluster", || {
        server.cli(&["show", "another"]).status.success()
    });
    std::fs::write(&path, "{ \"nodes\": [").unwrap();
    assert_eq!(
        get(&segment, "/node/another").status,
        200,
        "what cannot be read changes nothing"
    );
    assert!(server.log().contains("stays in force"), "{}", server.log());
}
