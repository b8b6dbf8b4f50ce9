//! Callbacks without the token of the attempt change nothing.

use super::{Agent, Stage, stage};
use crate::support::client::said;

const HOOKS: [&str; 6] = ["started", "progress", "log", "failed", "installed", "ready"];

/// Everything that a deployment is, but for the clock.
fn standing(stage: &Stage, of: &str) -> serde_json::Value {
    let mut shown = stage.shown(of);
    for moving in ["seconds", "waits"] {
        shown.as_object_mut().unwrap().remove(moving);
    }
    shown
}

fn refused_everywhere(stage: &Stage, agent: &Agent, of: &str) {
    let before = standing(stage, of);
    for hook in HOOKS {
        assert_eq!(stage.call(agent, hook, "forged"), "403", "{hook}");
    }
    assert_eq!(stage.status("GET", &agent.plan), "403");
    assert_eq!(standing(stage, of), before);
    let log = stage.served().cli(&["deployment", "show", of, "--log"]);
    assert!(!String::from_utf8_lossy(&log.stdout).contains("forged"));
}

#[test]
fn a_node_that_is_not_armed_has_no_word_that_installs() {
    let stage = stage();
    let script = stage.power_on();
    assert!(
        !script.contains("/install/") && !script.contains("images/agent"),
        "{script}"
    );
    let hooks = "http://10.77.0.1/boot/hook/n1";
    for token in ["0".repeat(32), "x".into(), "f".repeat(4000), "%00".into()] {
        for hook in HOOKS {
            let status = stage.call_at(&format!("{hooks}/{token}/{hook}"), "forged");
            assert_eq!(status, "403", "{hook} with {} bytes", token.len());
        }
        assert_eq!(
            stage.status("GET", &format!("http://10.77.0.1/install/n1/{token}/plan")),
            "403"
        );
    }
    assert!(stage.served().events("hook.called").is_empty());
    assert!(!stage.served().events("hook.refused").is_empty());
    let none = stage.served().cli(&["deployment", "show", "n1"]);
    assert!(!none.status.success());
}

#[test]
fn the_token_of_a_boot_over_the_network_installs_nothing() {
    let stage = stage();
    // A maintenance system runs on the node, with a token of its own.
    stage
        .served()
        .text(&["boot", "n1", "--target", "maintenance", "--once"]);
    let script = stage.power_on();
    let token = |script: &str| -> Option<String> {
        let rest = script.split("/boot/hook/n1/").nth(1)?;
        Some(rest.split('/').next()?.to_string())
    };
    let token = token(&script).unwrap_or_else(|| panic!("no token in {script}"));
    let id = stage.arm();
    for hook in ["started", "log", "installed"] {
        let url = format!("http://10.77.0.1/boot/hook/n1/{token}/{hook}");
        assert_eq!(stage.call_at(&url, ""), "403", "{hook}");
    }
    assert_eq!(
        stage.status("GET", &format!("http://10.77.0.1/install/n1/{token}/plan")),
        "403"
    );
    // Its own news are heard, and are no news of the deployment.
    let ready = format!("http://10.77.0.1/boot/hook/n1/{token}/ready");
    assert_eq!(stage.call_at(&ready, ""), "200");
    assert_eq!(stage.phase(), "armed");
    assert_eq!(stage.shown("n1")["id"], id);
}

#[test]
fn the_token_of_one_node_is_none_of_another() {
    let stage = stage();
    stage.served().text(&["deploy", "n1,n2", "--yes", "--no-wait"]);
    let agent = stage.agent();
    let other = Agent {
        plan: agent.plan.replace("/n1/", "/n2/"),
        hooks: agent.hooks.replace("/n1/", "/n2/"),
    };
    refused_everywhere(&stage, &other, "n2");
    assert_eq!(stage.call(&agent, "started", ""), "200");
}

#[test]
fn after_a_loss_of_power_the_attempt_before_is_not_listened_to() {
    let stage = stage();
    stage.arm();
    let first = stage.agent();
    assert_eq!(stage.status("GET", &first.plan), "200");
    assert_eq!(stage.call(&first, "started", "wipes /dev/vda"), "200");
    assert_eq!(stage.call(&first, "progress", "40 %"), "200");
    let second = stage.agent();
    assert_ne!(first.hooks, second.hooks);
    assert_eq!(stage.shown("n1")["attempt"], 2);
    refused_everywhere(&stage, &first, "n1");
    let refused = stage.served().events("hook.refused");
    let why = refused.last().unwrap()["body"]["why"].as_str().unwrap();
    assert!(why.contains("earlier attempt"), "{why}");
    assert_eq!(stage.call(&second, "started", ""), "200");
}

#[test]
fn a_second_deployment_takes_the_place_of_the_first() {
    let stage = stage();
    let first_id = stage.arm();
    let first = stage.agent();
    assert_eq!(stage.call(&first, "started", ""), "200");
    // Nobody is there to say yes.
    let plan = said(&stage.served().cli(&["deploy", "n1"]));
    assert!(
        plan.contains(&first_id.to_string()),
        "the plan says what it supersedes: {plan}"
    );
    let second_id = stage.arm();
    assert!(second_id > first_id);
    let old = stage.shown(&first_id.to_string());
    assert_eq!(old["phase"], "superseded");
    assert!(old["end"]["why"].as_str().unwrap().contains(&second_id.to_string()));
    refused_everywhere(&stage, &first, &second_id.to_string());
    assert_eq!(stage.phase(), "armed");
    let second = stage.agent();
    assert_eq!(stage.call(&second, "started", ""), "200");
    assert_eq!(stage.shown("n1")["id"], second_id);
    let all = stage.served().json(&["deployments", "--all"]);
    assert_eq!(all.as_array().unwrap().len(), 2);
    let latest = stage.served().json(&["deployments"]);
    assert_eq!(latest.as_array().unwrap().len(), 1);
}
