//! What follows an installation: readiness that is seen, and steps on the node.

use super::*;
use crate::cluster::Act;

fn ready_by(stand: &mut Stand, node: &str) -> Seq {
    let deployment = stand.latest(node).id;
    let how = "TCP port 22 of 10.77.0.14 takes connections".into();
    stand.happens(node, What::ReadySeen { deployment, how });
    deployment
}

fn began(stand: &mut Stand, node: &str, step: u32, boot: Option<&str>) {
    let what = What::StepBegan {
        deployment: stand.latest(node).id,
        step,
        what: "it".into(),
        boot: boot.map(str::to_string),
    };
    stand.happens(node, what);
}

fn ended(stand: &mut Stand, node: &str, step: u32, failed: Option<&str>) {
    let what = What::StepEnded {
        deployment: stand.latest(node).id,
        step,
        what: "`check`".into(),
        failed: failed.map(str::to_string),
        said: "first\nno such disk".into(),
    };
    stand.happens(node, what);
}

/// What is to be done now.
fn tasks(stand: &Stand) -> Vec<Task> {
    chores(&stand.world, stand.now)
        .now
        .into_iter()
        .map(|chore| chore.task)
        .collect()
}

/// A node whose disk has its system and that was handed over to it.
fn handed_over(node: &str) -> Stand {
    let mut stand = stand();
    stand.arm(node, None);
    stand.boots(node);
    stand.calls(node, "installed", "");
    stand.boots(node);
    stand
}

#[test]
fn a_node_is_looked_at_from_its_own_disk_on_and_its_callback_alone_counts_for_nothing() {
    let mut stand = stand();
    stand.arm("n4", None);
    stand.boots("n4");
    assert_eq!(tasks(&stand), []);
    stand.calls("n4", "installed", "");
    // What installed it may answer still.
    let Chores { now, next } = chores(&stand.world, stand.now);
    assert_eq!((now, next), (vec![], Some(stand.now + SignedDuration::from_secs(60))));
    stand.boots("n4");
    assert_eq!(tasks(&stand), [Task::Probe(ReadyWhen::Port(22))]);
    stand.calls("n4", "ready", "");
    assert_eq!(stand.phase("n4"), Phase::Installed);
    let waits = wait(&stand.world, stand.latest("n4")).unwrap();
    assert_eq!(waits.what, "its system to take connections at TCP port 22");
    stand.wait(61).conduct();
    let end = stand.latest("n4").end.clone().unwrap();
    assert_eq!(
        end.why,
        "installed, and waited 1 h in vain for its system to take connections at TCP port 22"
    );
    assert_eq!(tasks(&stand), []);
}

#[test]
fn a_node_without_steps_is_done_when_it_is_seen_to_be_ready() {
    let mut stand = handed_over("n5");
    assert_eq!(tasks(&stand), [Task::Probe(ReadyWhen::Ssh)]);
    ready_by(&mut stand, "n5");
    stand.conduct();
    assert_eq!(stand.phase("n5"), Phase::Ended(Ending::Done));
}

#[test]
fn steps_come_one_after_the_other_and_the_deployment_is_done_after_the_last() {
    let mut stand = handed_over("n4");
    ready_by(&mut stand, "n4");
    assert_eq!((stand.conduct(), stand.phase("n4")), (None, Phase::Finishing));
    let step = |step, act, under_way| Task::Step { step, act, under_way };
    let check = || Act::Run("check".into());
    assert_eq!(tasks(&stand), [step(0, check(), None)]);
    began(&mut stand, "n4", 0, None);
    let under_way = UnderWay {
        began: stand.now,
        boot: None,
    };
    assert_eq!(tasks(&stand), [step(0, check(), Some(under_way.clone()))]);
    assert!(tasks(&stand)[0].is_same(&step(0, check(), None)));
    let waits = wait(&stand.world, stand.latest("n4")).unwrap();
    assert_eq!(waits.what, "step 1 of 2 on the node, `check`");
    assert_eq!(waits.deadline, Some(stand.now + SignedDuration::from_mins(5)));
    // A server that was killed begins it again: its time runs on.
    stand.wait(2);
    began(&mut stand, "n4", 0, None);
    assert_eq!(stand.latest("n4").under_way, Some(under_way));
    ended(&mut stand, "n4", 0, None);
    // Whatever is said of it again is nothing new.
    ended(&mut stand, "n4", 0, Some("late"));
    began(&mut stand, "n4", 0, None);
    assert_eq!(tasks(&stand), [step(1, Act::Reboot, None)]);
    began(&mut stand, "n4", 1, None);
    began(&mut stand, "n4", 1, Some("boot a"));
    began(&mut stand, "n4", 1, Some("boot b"));
    let under_way = stand.latest("n4").under_way.clone().unwrap();
    assert_eq!(under_way.boot.as_deref(), Some("boot a"), "the boot before the restart");
    // It stands still as far as we hear: it is not switched over.
    stand.wait(9);
    assert_eq!(pushes(&stand), []);
    ended(&mut stand, "n4", 1, None);
    stand.conduct();
    let end = stand.latest("n4").end.clone().unwrap();
    assert_eq!(
        end.why,
        "the node runs from its disk and is ready, and 2 steps on it are done"
    );
    let marks = marks(&stand.world, stand.latest("n4"));
    let said: Vec<_> = marks.iter().filter(|mark| mark.step.starts_with("step")).collect();
    assert_eq!((said.len(), said[1].step.as_str()), (2, "step 2 of 2"));
}

#[test]
fn a_step_that_fails_or_has_no_end_fails_the_deployment_and_says_why() {
    let mut stand = handed_over("n4");
    ready_by(&mut stand, "n4");
    began(&mut stand, "n4", 0, None);
    ended(&mut stand, "n4", 0, Some("exit status 7"));
    assert_eq!(tasks(&stand), [], "nothing is done after a failure");
    stand.conduct();
    let end = stand.latest("n4").end.clone().unwrap();
    assert_eq!(
        end.why,
        "step 1 of 2 failed, `check`: exit status 7; it said last: no such disk"
    );
    assert!(!stand.latest("n4").parks(), "its disk has its system");

    let mut stand = handed_over("n4");
    ready_by(&mut stand, "n4");
    began(&mut stand, "n4", 0, None);
    let next = stand.conduct().unwrap();
    assert_eq!(next, stand.now + SignedDuration::from_secs(5 * 60 + 15));
    stand.wait(6).conduct();
    let end = stand.latest("n4").end.clone().unwrap();
    assert_eq!(end.why, "step 1 of 2 on the node, `check`: no end after 5 min");
}

#[test]
fn what_was_armed_is_done_and_nothing_more_after_a_dismissal() {
    let mut stand = handed_over("n4");
    let other = FILE.replace("run: check", "run: other").replace("port:22", "port:80");
    stand.world.cluster = std::sync::Arc::new(crate::config::read(&other).cluster.unwrap());
    assert_eq!(tasks(&stand), [Task::Probe(ReadyWhen::Port(22))]);
    let deployment = ready_by(&mut stand, "n4");
    assert!(matches!(&tasks(&stand)[..], [Task::Step { act: Act::Run(run), .. }] if run == "check"));
    let dismissed = What::DeploymentEnded {
        deployment,
        ending: Ending::Dismissed,
        why: "no".into(),
    };
    stand.happens("n4", dismissed);
    assert_eq!(tasks(&stand), []);
    ended(&mut stand, "n4", 0, None);
    assert_eq!(stand.latest("n4").done, []);
}

#[test]
fn a_node_that_calls_back_brings_its_host_keys() {
    let mut stand = handed_over("n1");
    let deployment = stand.latest("n1").id;
    let trusted = |key: &str| What::SshTrusted {
        deployment: Some(deployment),
        place: "10.77.0.11:22".into(),
        algorithm: "ssh-ed25519".into(),
        fingerprint: key.into(),
    };
    stand.happens("n1", trusted("SHA256:a"));
    assert_eq!(stand.latest("n1").host_key.as_ref().unwrap().fingerprint, "SHA256:a");
    assert_eq!(stand.world.state("n1").console_key, None, "that is another server");
    let ready = What::HookCalled {
        hook: "ready".into(),
        detail: String::new(),
        host_keys: vec!["ssh-ed25519 AAAA".into()],
        deployment: Some(deployment),
    };
    stand.happens("n1", ready);
    assert_eq!(stand.latest("n1").host_keys, ["ssh-ed25519 AAAA"]);
    // The next system has others.
    stand.arm("n1", None);
    assert_eq!(
        (&stand.latest("n1").host_key, stand.latest("n1").host_keys.len()),
        (&None, 0)
    );
}
