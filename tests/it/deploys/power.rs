//! A machine that loses power at every step of its deployment: it is installed in the end, once, and then left alone.

use std::time::Duration;

use serde_json::Value;

use super::{CLUSTER, HOUR, armed, complete, hook, script, soft_off};
use crate::support::lab::Lab;

/// What is waited for before the power goes, and the script that the next start is given.
type Loss = (&'static str, fn(&Value) -> bool, &'static str);

/// After each event the machine is torn from its power at once, but for the last, where the disk's system is starting.
const LOSSES: [Loss; 8] = [
    ("the firmware has an address", |e| e["kind"] == "dhcp.leased", "deploy"),
    ("the loader is there", |e| complete("loader")(e), "deploy"),
    ("the script is there", |e| script("deploy")(e), "deploy"),
    ("the kernel is there", |e| complete("kernel")(e), "deploy"),
    ("the agent has begun", |e| hook("started")(e), "deploy"),
    ("the disk is being written", |e| hook("progress")(e), "deploy"),
    ("it is installed", |e| hook("installed")(e), "local"),
    ("it is sent to its disk", |e| script("local")(e), "local"),
];

#[test]
#[ignore = "starts one machine nine times: `make e2e-power-loss`"]
fn a_machine_that_loses_power_at_every_step_is_installed_once() {
    let cluster = CLUSTER.replace("    via: image\n", "    via: image\n    attempts: 10\n");
    let lab = armed(&cluster, "uefi");
    let mut expected = "deploy";
    for (what, reached, next) in LOSSES {
        let before = lab.events("n1").len();
        lab.text(&["lab", "power", "n1", "on"]);
        lab.until(what, HOUR, |lab| lab.events("n1").iter().skip(before).any(reached));
        if next == "local" && expected == "local" {
            // On its way from GRUB into the system of the disk, which remounts and writes by then.
            std::thread::park_timeout(Duration::from_secs(20));
        }
        lab.text(&["lab", "power", "n1", "off"]);
        let events = lab.events("n1");
        let scripts = events.iter().skip(before).filter(|e| e["kind"] == "script.served");
        for served in scripts {
            assert_eq!(served["body"]["target"], expected, "when {what}");
        }
        eprintln!("power lost when {what}: {}", phase(&lab));
        expected = next;
    }
    let installed = |lab: &Lab| lab.events("n1").iter().filter(|e| hook("installed")(e)).count();
    lab.text(&["lab", "power", "n1", "on"]);
    lab.until("the deployment ends", HOUR, |lab| {
        lab.events("n1").iter().any(|e| e["kind"] == "deployment.ended")
    });
    assert_eq!(phase(&lab), "done", "{}", lab.text(&["deployment", "show", "n1"]));
    assert_eq!(installed(&lab), 1);
    lab.until("the system has told of itself", HOUR, |lab| {
        lab.console("n1").matches("CHECK over").count() >= 1
    });
    let end = lab.events("n1").len();
    // In order: within seconds of its first "ready" cloud-init has not yet noted on the disk what it did.
    soft_off(&lab);
    lab.text(&["lab", "power", "n1", "on"]);
    lab.until("it is up once more", HOUR, |lab| {
        lab.console("n1").matches("CHECK over").count() >= 2
    });
    let again = &lab.events("n1")[end..];
    assert!(again.iter().any(script("local")) && !again.iter().any(script("deploy")));
    assert_eq!(installed(&lab), 1);
}

fn phase(lab: &Lab) -> String {
    let said: Value = serde_json::from_str(&lab.text(&["--output", "json", "deployment", "show", "n1"])).unwrap();
    said["phase"].as_str().unwrap().to_string()
}
