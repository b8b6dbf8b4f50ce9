//! How an installed node is seen to be ready, and what is done on it then, against OpenSSH's server as the node's.

use serde_json::Value;

use super::{CLUSTER, Stage, stage};
use crate::support::client::said;
use crate::support::sshd::{Make, Sshd};

/// The login shell of the machine: a real one, but that it does not start this host anew.
const SHELL: &str = r#"#!/bin/sh
echo "$2" >>@HERE@/commands
case "$2" in
*reboot*) touch @HERE@/rebooting; exit 0 ;;
cloud-init*) echo "status: done"; exit 2 ;;
*) exec /bin/sh -c "$2" ;;
esac
"#;

/// Runs until it is allowed to end.
const SLOW: &str = "touch @HERE@/slow; while [ ! -e @HERE@/go ]; do sleep 0.1; done; echo it went";

/// A stage whose node has an SSH server, which is off, and these steps.
fn with_steps(ready_when: &str, steps: &str) -> (Stage, Sshd) {
    let stage = stage();
    let mut sshd = Sshd::start(
        stage.station.command("unshare"),
        Make::OpenSsh,
        "ed25519",
        &["root"],
        SHELL,
    );
    sshd.stop();
    let steps = steps.replace("@HERE@", sshd.path().to_str().unwrap());
    let key = sshd.login_key();
    let cluster = CLUSTER.replace(
        "profiles:",
        &format!(
            "defaults: {{ ready_when: '{ready_when}', ssh_key_from: '{key}', after_ready: [{steps}] }}\nprofiles:"
        ),
    );
    stage.served().reload(&cluster);
    stage.served().until("the steps are known", || {
        stage.served().text(&["explain", "n1", "ssh_key_from"]).contains(&key)
    });
    (stage, sshd)
}

impl Stage {
    /// From being armed to its own disk.
    fn installs(&self) {
        self.arm();
        let agent = self.agent();
        assert_eq!(self.call(&agent, "installed", ""), "200");
        self.power_on();
    }

    fn waits(&self) -> Value {
        self.shown("n1")["waits"]["what"].clone()
    }

    fn until(&self, what: &str, so: impl FnMut() -> bool) {
        self.served().until(what, so);
    }
}

fn commands(sshd: &Sshd) -> Vec<String> {
    let text = std::fs::read_to_string(sshd.path().join("commands")).unwrap_or_default();
    text.lines().map(str::to_string).collect()
}

fn allow(sshd: &Sshd, name: &str) {
    std::fs::write(sshd.path().join(name), "").unwrap();
}

fn is_there(sshd: &Sshd, name: &str) -> bool {
    sshd.path().join(name).exists()
}

#[test]
fn from_the_disk_over_steps_and_a_restart_to_done_with_the_server_killed_in_the_middle() {
    let steps = format!("{{ step: cloud-init }}, {{ run: '{SLOW}' }}, {{ step: reboot }}");
    let (mut stage, mut sshd) = with_steps("port:22", &steps);
    stage.installs();
    assert_eq!(stage.waits(), "its system to take connections at TCP port 22");
    assert_eq!(stage.phase(), "installed");
    sshd.run(stage.station.command("unshare"));
    stage.until("the second step runs", || is_there(&sshd, "slow"));
    assert_eq!(stage.phase(), "finishing");
    assert!(
        stage
            .waits()
            .as_str()
            .unwrap()
            .starts_with("step 2 of 3 on the node, `touch"),
        "{}",
        stage.waits()
    );
    let why = stage.served().text(&["why", "n1"]);
    assert!(
        why.contains("is ready: waiting") && why.contains("bellwether dismiss n1"),
        "{why}"
    );
    // Nobody knows what came of it: it is done again.
    std::fs::remove_file(sshd.path().join("slow")).unwrap();
    stage.kill();
    stage.until("the second step runs again", || is_there(&sshd, "slow"));
    allow(&sshd, "go");
    stage.until("it is told to start anew", || is_there(&sshd, "rebooting"));
    let told = commands(&sshd).iter().filter(|line| line.contains("reboot")).count();
    sshd.stop();
    stage.kill();
    assert_eq!(stage.phase(), "finishing");
    sshd.run(stage.station.command("unshare"));
    stage.until("it is done", || stage.phase() == "done");
    // It was in another boot when the server came back: it is not told again.
    let again = commands(&sshd).iter().filter(|line| line.contains("reboot")).count();
    assert_eq!((told, again), (1, 1), "{:?}", commands(&sshd));
    assert_eq!(
        commands(&sshd)
            .iter()
            .filter(|line| line.contains("cloud-init"))
            .count(),
        1
    );
    let ended = stage.served().events("deployment.step-ended");
    let words: Vec<_> = ended
        .iter()
        .map(|event| event["body"]["said"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(words, ["status: done", "it went", ""]);
    let shown = stage.shown("n1");
    assert_eq!(
        shown["end"]["why"],
        "the node runs from its disk and is ready, and 3 steps on it are done"
    );
    assert!(
        shown["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["state"] == "done"),
        "{shown}"
    );
    assert_eq!(stage.served().events("deployment.ready").len(), 1);
    assert_eq!(stage.served().events("ssh.trusted").len(), 1);
}

#[test]
fn a_step_that_fails_says_with_what_and_what_it_said_last() {
    let steps = "{ run: 'echo looking; echo no such disk >&2; exit 7' }, { run: 'touch @HERE@/never' }";
    let (stage, mut sshd) = with_steps("ssh", steps);
    sshd.run(stage.station.command("unshare"));
    stage.installs();
    stage.until("it has failed", || stage.phase() == "failed");
    let shown = stage.shown("n1");
    let why = shown["end"]["why"].as_str().unwrap();
    assert!(why.starts_with("step 1 of 2 failed, `echo looking"), "{why}");
    assert!(why.ends_with("exit status 7; it said last: no such disk"), "{why}");
    assert_eq!(shown["steps"][1]["state"], "to do");
    let text = stage.served().text(&["deployment", "show", "n1"]);
    assert!(text.contains("exit status 7") && text.contains("  looking\n"), "{text}");
    assert!(!is_there(&sshd, "never") && !shown["parked"].as_bool().unwrap());
}

#[test]
fn another_machine_at_its_address_is_told_nothing_more() {
    let (stage, mut sshd) = with_steps("ssh", "{ step: reboot }, { run: 'touch @HERE@/never' }");
    sshd.run(stage.station.command("unshare"));
    stage.installs();
    stage.until("it is told to start anew", || is_there(&sshd, "rebooting"));
    sshd.stop();
    sshd.new_key("ed25519");
    sshd.run(stage.station.command("unshare"));
    stage.until("it has failed", || stage.phase() == "failed");
    let why = stage.shown("n1")["end"]["why"].as_str().unwrap().to_string();
    assert!(
        why.contains("shows another host key than before") && why.contains(&sshd.fingerprint()),
        "{why}"
    );
    assert!(!is_there(&sshd, "never"));
}

#[test]
fn a_dismissed_deployment_does_nothing_more_and_a_key_that_is_not_there_is_told_before_a_disk_is_wiped() {
    let (stage, mut sshd) = with_steps("ssh", &format!("{{ run: '{SLOW}' }}, {{ run: 'touch @HERE@/never' }}"));
    let key = sshd.path().join("login");
    std::fs::rename(&key, key.with_extension("away")).unwrap();
    let refused = said(&stage.served().cli(&["deploy", "n1", "--yes", "--no-wait"]));
    assert!(
        refused.contains("nothing was armed") && refused.contains("private key cannot be read"),
        "{refused}"
    );
    std::fs::rename(key.with_extension("away"), &key).unwrap();
    sshd.run(stage.station.command("unshare"));
    stage.installs();
    stage.until("the step runs", || is_there(&sshd, "slow"));
    stage.served().text(&["dismiss", "n1"]);
    assert_eq!(stage.phase(), "dismissed");
    allow(&sshd, "go");
    // Another one is what the conductor does next: the first one's steps are over by then.
    std::fs::remove_file(sshd.path().join("slow")).unwrap();
    stage.installs();
    stage.until("it is done", || stage.phase() == "done");
    let ended = stage.served().events("deployment.step-ended");
    assert_eq!(ended.len(), 2, "both of the second deployment");
    assert_eq!(commands(&sshd).iter().filter(|line| line.contains("never")).count(), 1);
}
