//! How deployments end, whatever happens to the server meanwhile.

use super::{Stage, stage};

fn installs(script: &str) -> bool {
    script.contains("images/agent/kernel")
}

#[test]
fn from_power_on_to_done_with_the_server_killed_at_every_step() {
    let mut stage = stage();
    let id = stage.arm();
    stage.kill();
    assert_eq!(
        (stage.shown("n1")["id"].as_u64(), stage.phase()),
        (Some(id), "armed".into())
    );
    let agent = stage.agent();
    stage.kill();
    // The same boot asks again, as a loader does that lost its connection: no second attempt.
    assert!(stage.script().contains(&agent.plan));
    let plan = stage.station.succeed(&["curl", "-fsS", &agent.plan]);
    assert!(
        plan.starts_with("#bellwether-plan 1\n") && plan.contains("\nDISK_MIN=3000000000\n"),
        "{plan}"
    );
    for (hook, said, phase) in [
        ("started", "tiny goes to /dev/vda", "installing"),
        ("progress", "40 %", "installing"),
        ("log", "a line", "installing"),
        ("installed", "", "installed"),
    ] {
        assert_eq!(stage.call(&agent, hook, said), "200", "{hook}");
        stage.kill();
        assert_eq!(stage.phase(), phase, "after {hook}");
    }
    assert_eq!(stage.shown("n1")["attempt"], 1);
    // A lost answer makes an agent call again.
    assert_eq!(stage.call(&agent, "installed", ""), "200");
    let script = stage.power_on();
    assert!(!installs(&script) && script.contains("sanboot"), "{script}");
    stage.kill();
    assert_eq!(stage.call(&agent, "ready", ""), "200");
    stage.served().until("it is done", || stage.phase() == "done");
    stage.kill();
    assert_eq!(stage.phase(), "done");
    for _ in 0..3 {
        assert!(!installs(&stage.power_on()), "and never again by itself");
    }
    let log = stage.served().text(&["deployment", "show", "n1", "--log"]);
    for line in ["started: tiny goes to /dev/vda", "progress: 40 %", "log: a line"] {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert_eq!(stage.served().events("deployment.ended").len(), 1);
}

#[test]
fn a_node_that_fails_as_often_as_it_may_is_parked_with_the_reason_until_a_person_says_more() {
    let mut stage = stage();
    stage.arm();
    let why = "no disk fits: /dev/vda has 2 GB";
    let agent = stage.agent();
    assert_eq!(stage.call(&agent, "failed", why), "200");
    assert_eq!(stage.phase(), "retrying");
    // Its script in the same boot: the agent failed, the next attempt is that of the next boot or of the next question.
    let agent = stage.agent();
    assert_eq!(stage.shown("n1")["attempt"], 2);
    assert_eq!(stage.call(&agent, "failed", why), "200");
    stage.served().until("it is parked", || stage.phase() == "failed");
    let end = stage.shown("n1");
    assert_eq!(
        end["end"]["why"],
        format!("2 attempts failed, the last one: {why}"),
        "{end}"
    );
    stage.kill();
    for _ in 0..2 {
        assert!(!installs(&stage.power_on()));
    }
    let told = stage.served().text(&["why", "n1"]);
    assert!(told.contains("is parked") && told.contains(why), "{told}");

    stage.arm();
    let agent = stage.agent();
    assert_eq!(stage.call(&agent, "started", ""), "200");
    assert_eq!(stage.phase(), "installing");
}

#[test]
fn machines_that_lose_power_again_and_again_use_their_attempts_up() {
    let stage = stage();
    stage.arm();
    for step in [None, Some("started")] {
        let agent = stage.agent();
        if let Some(step) = step {
            assert_eq!(stage.call(&agent, step, ""), "200");
        }
    }
    let script = stage.power_on();
    assert!(!installs(&script), "a third attempt: {script}");
}

/// Where a deployment stands when it is dismissed.
fn dismissed_when(reach: impl FnOnce(&Stage) -> Option<super::Agent>) {
    let mut stage = stage();
    stage.arm();
    let agent = reach(&stage);
    stage.served().text(&["dismiss", "n1"]);
    assert_eq!(stage.phase(), "dismissed");
    stage.kill();
    assert_eq!(stage.phase(), "dismissed");
    if let Some(agent) = agent {
        for hook in ["started", "progress", "failed", "installed", "ready"] {
            assert_eq!(stage.call(&agent, hook, ""), "403", "{hook}");
        }
        assert_eq!(stage.status("GET", &agent.plan), "403");
    }
    assert_eq!(stage.phase(), "dismissed");
    assert!(!installs(&stage.power_on()));
    let again = stage.served().cli(&["dismiss", "n1"]);
    let said = crate::support::client::said(&again);
    assert!(
        said.contains("is under way"),
        "a second dismissal is told what is: {said}"
    );
    // A defined state: it can be armed anew.
    stage.arm();
    assert!(installs(&stage.power_on()));
}

#[test]
fn dismissed_before_it_began() {
    dismissed_when(|_| None);
}

#[test]
fn dismissed_with_an_agent_on_its_way() {
    dismissed_when(|stage| Some(stage.agent()));
}

#[test]
fn dismissed_while_the_disk_is_written() {
    dismissed_when(|stage| {
        let agent = stage.agent();
        assert_eq!(stage.call(&agent, "started", ""), "200");
        Some(agent)
    });
}

#[test]
fn dismissed_between_two_attempts() {
    dismissed_when(|stage| {
        let agent = stage.agent();
        assert_eq!(stage.call(&agent, "failed", "why"), "200");
        Some(agent)
    });
}

#[test]
fn dismissed_with_the_system_on_the_disk() {
    dismissed_when(|stage| {
        let agent = stage.agent();
        assert_eq!(stage.call(&agent, "installed", ""), "200");
        Some(agent)
    });
}
