mod after;
mod foreign;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::boot::{Resolved, resolve};
use crate::cluster::BootTarget;
use crate::event::{DhcpAsk, Event, Stage, Subject, What};
use crate::world::{Agent, Image, ImageFile, OnDisk, World};

const FILE: &str = "cluster: test
networks:
  lan: { prefix: 10.77.0.0/24 }
profiles:
  stateless: { image: debian-12 }
  disk: { via: image, image: debian-12, disk: { pick: smallest } }
  classic: { via: installer, medium: debian-12 }
  foreign:
    via: image
    image: debian-12
    ssh_key_from: 'file:/key'
    ready_when: port:22
    after_ready: [{ run: check, within: 5m }, { step: reboot }]
  seen: { via: image, image: debian-12, ssh_key_from: 'file:/key', ready_when: ssh }
nodes:
  n1: { mac: '52:54:00:00:00:01', address: 10.77.0.11, profile: disk }
  n2: { mac: '52:54:00:00:00:02', address: 10.77.0.12, profile: stateless }
  n3: { mac: '52:54:00:00:00:03', address: 10.77.0.13, profile: disk, bmc: { address: 10.78.0.13 } }
  n4: { mac: '52:54:00:00:00:04', address: 10.77.0.14, profile: foreign, bmc: { address: 10.78.0.14 } }
  n5: { mac: '52:54:00:00:00:05', address: 10.77.0.15, profile: seen }
";

/// A world with a clock.
struct Stand {
    world: World,
    now: Timestamp,
}

fn stand() -> Stand {
    let cluster = crate::config::read(FILE).cluster.unwrap();
    let file = |name: &str| ImageFile {
        name: name.into(),
        size: 1,
        sha256: "ab".repeat(32),
    };
    let image = Image {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        kernel: file("kernel"),
        initrd: file("initrd"),
        root: file("root.squashfs"),
        built_at: Timestamp::UNIX_EPOCH,
        disk: Some(OnDisk {
            initrd: file("initrd.disk"),
            unpacked: 2,
        }),
    };
    let agent = Agent {
        architecture: "amd64".into(),
        kernel: file("kernel"),
        initrd: file("initrd"),
        built_at: Timestamp::UNIX_EPOCH,
    };
    let mut world = World {
        cluster: std::sync::Arc::new(cluster),
        ..World::default()
    };
    world.images.insert("debian-12".into(), std::sync::Arc::new(image));
    world.agents.insert("agent".into(), std::sync::Arc::new(agent));
    Stand {
        world,
        now: Timestamp::from_second(1_000_000).unwrap(),
    }
}

impl Stand {
    fn happens(&mut self, node: &str, what: What) -> &mut Self {
        self.happens_by("cli:ada", node, what)
    }

    fn happens_by(&mut self, actor: &str, node: &str, what: What) -> &mut Self {
        self.now += SignedDuration::from_secs(1);
        let event = Event {
            seq: self.world.seq + 1,
            at: self.now,
            actor: actor.into(),
            subject: Subject::Node(node.into()),
            what,
        };
        self.world.apply(&event);
        self
    }

    fn wait(&mut self, minutes: i64) -> &mut Self {
        self.now += SignedDuration::from_mins(minutes);
        self
    }

    fn arm(&mut self, node: &str, profile: Option<&str>) -> Seq {
        let declared = self.world.cluster.node(node).unwrap().clone();
        let candidate = candidate(&self.world, &declared, profile);
        assert_eq!(candidate.blocked, None);
        let what = What::DeploymentArmed {
            via: candidate.via,
            source: candidate.source,
            profile: profile.map(str::to_string),
            onto: candidate.onto,
            expires: self.now + SignedDuration::from_hours(24),
            attempts: 2,
            by_hand: false,
            frozen_seconds: None,
            ready_when: candidate.ready_when,
            after_ready: candidate.after_ready,
            foreign: None,
        };
        self.happens(node, what);
        self.world.seq
    }

    fn resolved(&self, node: &str) -> Resolved {
        let declared = self.world.cluster.node(node).unwrap();
        resolve(&self.world, declared, self.world.state(node).boot.as_ref())
    }

    /// The firmware asks for an address and the loader for its script, as the server answers it.
    fn boots(&mut self, node: &str) -> BootTarget {
        let ask = DhcpAsk {
            message: "discover".into(),
            mac: "52:54:00:00:00:01".parse().unwrap(),
            network: "lan".into(),
            stage: Stage::Firmware,
            arch: Some(7),
            uuid: None,
            client_id: None,
            vendor_class: None,
            hostname: None,
            relay: None,
        };
        let offered = What::DhcpOffered {
            ask,
            address: Some([10, 77, 0, 11].into()),
            boot_file: None,
        };
        self.wait(2).happens(node, offered);
        self.asks(node)
    }

    fn asks(&mut self, node: &str) -> BootTarget {
        let resolved = self.resolved(node);
        let served = What::ScriptServed {
            target: resolved.target.to_string(),
            image: None,
            identified_by: "mac".into(),
            client: "10.77.0.11".parse().unwrap(),
            mac: None,
            deployment: resolved.deployment.filter(|_| resolved.blocked.is_none()),
        };
        self.happens(node, served);
        resolved.target
    }

    fn calls(&mut self, node: &str, hook: &str, detail: &str) -> &mut Self {
        let deployment = self.world.deployments.active_of(node).map(|active| active.id);
        self.happens(
            node,
            What::HookCalled {
                hook: hook.into(),
                detail: detail.into(),
                host_keys: Vec::new(),
                deployment,
            },
        )
    }

    /// Lets the conductor do what is due; when it wants to look again.
    fn conduct(&mut self) -> Option<Timestamp> {
        let due = due(&self.world, self.now);
        for end in due.ends {
            let Subject::Node(node) = end.subject.clone() else {
                unreachable!()
            };
            self.happens(&node, end.what);
        }
        due.next
    }

    fn latest(&self, node: &str) -> &Deployment {
        self.world.deployments.latest(node).unwrap()
    }

    fn phase(&self, node: &str) -> Phase {
        self.latest(node).phase()
    }
}

#[test]
fn nothing_installs_that_is_not_armed() {
    let mut stand = stand();
    assert_eq!(stand.boots("n1"), BootTarget::Local);
    assert_eq!(stand.boots("n2"), BootTarget::Image);
}

#[test]
fn an_armed_node_installs_once_and_boots_its_disk_from_then_on() {
    let mut stand = stand();
    let id = stand.arm("n1", None);
    assert_eq!(stand.phase("n1"), Phase::Armed);
    assert_eq!(stand.boots("n1"), BootTarget::Deploy);
    assert_eq!(stand.resolved("n1").because, format!("deployment {id}, attempt 1 of 2"));
    assert_eq!(
        stand.asks("n1"),
        BootTarget::Deploy,
        "a loader that asks twice makes no second attempt"
    );
    assert_eq!(stand.latest("n1").tries.len(), 1);
    stand
        .calls("n1", "started", "")
        .calls("n1", "progress", "40 %")
        .conduct();
    assert_eq!(stand.phase("n1"), Phase::Running);
    stand.calls("n1", "installed", "");
    assert_eq!(stand.phase("n1"), Phase::Installed);
    assert_eq!(stand.boots("n1"), BootTarget::Local);
    assert_eq!(stand.resolved("n1").because, format!("installed by deployment {id}"));
    stand.calls("n1", "ready", "").conduct();
    assert_eq!(stand.phase("n1"), Phase::Ended(Ending::Done));
    for _ in 0..3 {
        assert_eq!(stand.boots("n1"), BootTarget::Local);
    }
    assert_eq!(stand.latest("n1").tries.len(), 1);
}

#[test]
fn a_node_that_fails_too_often_is_parked_and_says_why() {
    let mut stand = stand();
    let id = stand.arm("n1", None);
    stand.boots("n1");
    stand
        .calls("n1", "failed", "no disk of at least 100 GB\nvda 10 GB")
        .conduct();
    assert_eq!(stand.phase("n1"), Phase::Between);
    let waits = wait(&stand.world, stand.latest("n1")).unwrap();
    assert!(waits.what.contains("no disk of at least 100 GB"), "{waits:?}");
    assert_eq!(stand.boots("n1"), BootTarget::Deploy);
    // The second attempt breaks off without a word: the node just starts anew.
    stand.wait(61).conduct();
    assert_eq!(stand.phase("n1"), Phase::Ended(Ending::Failed));
    let parked = stand.resolved("n1");
    assert_eq!(
        (parked.target, parked.because),
        (BootTarget::Maintenance, format!("parked: deployment {id} failed"))
    );
    stand.happens(
        "n1",
        What::DeploymentEnded {
            deployment: id,
            ending: Ending::Dismissed,
            why: "ada dismissed it".into(),
        },
    );
    assert_eq!(
        stand.resolved("n1").target,
        BootTarget::Local,
        "dismissed: what is declared"
    );
}

#[test]
fn attempts_that_end_in_a_restart_are_used_up() {
    let mut stand = stand();
    stand.arm("n1", None);
    assert_eq!(stand.boots("n1"), BootTarget::Deploy);
    assert_eq!(stand.boots("n1"), BootTarget::Deploy);
    assert_eq!(stand.latest("n1").tries.len(), 2);
    assert_eq!(
        stand.boots("n1"),
        BootTarget::Maintenance,
        "no third attempt, even before the conductor looks"
    );
    assert_eq!(stand.latest("n1").tries.len(), 2);
}

#[test]
fn a_parked_node_without_anything_to_boot_waits_and_asks_again() {
    let mut stand = stand();
    stand.arm("n1", None);
    stand.boots("n1");
    stand.boots("n1");
    stand.calls("n1", "failed", "broken").conduct();
    stand.world.images.clear();
    let parked = stand.resolved("n1");
    assert!(
        parked
            .blocked
            .unwrap()
            .contains("2 attempts failed, the last one: broken")
    );
}

#[test]
fn what_nobody_switches_on_expires() {
    let mut stand = stand();
    stand.arm("n1", None);
    let expires = stand.latest("n1").expires;
    assert_eq!(stand.conduct(), Some(expires));
    stand.wait(24 * 60 + 1).conduct();
    assert_eq!(stand.phase("n1"), Phase::Ended(Ending::Expired));
    assert_eq!(stand.boots("n1"), BootTarget::Local);
}

#[test]
fn dismissing_leaves_a_defined_state_at_every_step() {
    for steps in 0..4 {
        let mut stand = stand();
        let id = stand.arm("n1", None);
        if steps > 0 {
            stand.boots("n1");
        }
        if steps > 1 {
            stand.calls("n1", "started", "");
        }
        if steps > 2 {
            stand.calls("n1", "installed", "");
        }
        let dismissed = What::DeploymentEnded {
            deployment: id,
            ending: Ending::Dismissed,
            why: "ada dismissed it".into(),
        };
        stand.happens("n1", dismissed);
        assert_eq!(
            stand.phase("n1"),
            Phase::Ended(Ending::Dismissed),
            "after {steps} steps"
        );
        assert_eq!(stand.resolved("n1").target, BootTarget::Local);
        // News of what it did come too late to change anything.
        let before = stand.latest("n1").clone();
        stand.happens(
            "n1",
            What::HookCalled {
                hook: "installed".into(),
                detail: String::new(),
                host_keys: Vec::new(),
                deployment: Some(id),
            },
        );
        assert_eq!(*stand.latest("n1"), before);
    }
}

#[test]
fn a_new_deployment_supersedes_the_one_under_way() {
    let mut stand = stand();
    let first = stand.arm("n1", None);
    stand.boots("n1");
    let second = stand.arm("n1", None);
    let old = stand.world.deployments.get(first).unwrap();
    assert_eq!(old.phase(), Phase::Ended(Ending::Superseded));
    assert_eq!(stand.world.deployments.active().count(), 1);
    assert_eq!(stand.resolved("n1").deployment, Some(second));
    assert_eq!(stand.latest("n1").tries.len(), 0);
}

#[test]
fn another_profile_is_what_the_node_runs_afterwards() {
    let mut stand = stand();
    let id = stand.arm("n2", Some("disk"));
    assert_eq!(stand.boots("n2"), BootTarget::Deploy);
    let declared = stand.world.cluster.node("n2").unwrap().clone();
    assert_eq!(
        effective(&stand.world, &declared).profile.as_ref().unwrap().value,
        "disk"
    );
    stand.calls("n2", "installed", "");
    stand.boots("n2");
    stand.calls("n2", "ready", "").conduct();
    assert_eq!(stand.phase("n2"), Phase::Ended(Ending::Done));
    let resolved = stand.resolved("n2");
    assert_eq!(
        (resolved.target, resolved.because),
        (
            BootTarget::Local,
            format!("installed with profile disk by deployment {id}")
        )
    );
    let image = What::TargetSet {
        target: Some("image".into()),
        once: false,
    };
    stand.happens("n2", image);
    assert_eq!(
        stand.resolved("n2").target,
        BootTarget::Image,
        "a person may choose otherwise"
    );
}

#[test]
fn a_choice_made_after_arming_is_honoured_for_its_boot() {
    let mut stand = stand();
    stand.happens(
        "n1",
        What::TargetSet {
            target: Some("shell".into()),
            once: false,
        },
    );
    stand.arm("n1", None);
    assert_eq!(
        stand.resolved("n1").target,
        BootTarget::Deploy,
        "arming takes an earlier choice back"
    );
    stand.happens(
        "n1",
        What::TargetSet {
            target: Some("maintenance".into()),
            once: true,
        },
    );
    assert_eq!(stand.boots("n1"), BootTarget::Maintenance);
    assert_eq!(
        stand.asks("n1"),
        BootTarget::Maintenance,
        "for as long as that boot lasts"
    );
    stand.calls("n1", "ready", "");
    assert_eq!(
        stand.phase("n1"),
        Phase::Armed,
        "a system that is not the installed one ends nothing"
    );
    assert_eq!(stand.boots("n1"), BootTarget::Deploy);
}

#[test]
fn an_installed_system_that_never_says_it_is_ready_fails_without_parking() {
    let mut stand = stand();
    stand.arm("n1", None);
    stand.boots("n1");
    stand.calls("n1", "installed", "");
    stand.boots("n1");
    stand.wait(61).conduct();
    assert_eq!(stand.phase("n1"), Phase::Ended(Ending::Failed));
    assert!(!stand.latest("n1").parks());
    assert_eq!(stand.resolved("n1").target, BootTarget::Local);
}

#[test]
fn a_node_that_is_no_longer_declared_ends_its_deployment() {
    let mut stand = stand();
    stand.arm("n1", None);
    let without = FILE.replace("  n1:", "  n9:");
    stand.world.cluster = std::sync::Arc::new(crate::config::read(&without).cluster.unwrap());
    stand.conduct();
    assert_eq!(stand.phase("n1"), Phase::Ended(Ending::Dismissed));
}

#[test]
fn what_was_armed_is_installed_or_nothing_is() {
    let mut stand = stand();
    stand.arm("n1", None);
    let changed = FILE.replace("profile: disk", "profile: stateless");
    stand.world.cluster = std::sync::Arc::new(crate::config::read(&changed).cluster.unwrap());
    let resolved = stand.resolved("n1");
    assert!(resolved.blocked.unwrap().contains("no longer declared"));
    stand.boots("n1");
    assert_eq!(stand.latest("n1").tries.len(), 0, "what is blocked is no attempt");
}

#[test]
fn a_snapshot_holds_every_deployment() {
    let mut stand = stand();
    stand.arm("n1", None);
    stand.boots("n1");
    stand.calls("n1", "progress", "40 %");
    let first = stand.latest("n1").clone();
    stand.arm("n2", Some("disk"));
    let read = World::from_snapshot(&stand.world.to_snapshot()).unwrap();
    assert_eq!(*read.deployments.latest("n1").unwrap().as_ref(), first);
    assert_eq!(read.deployments.active().count(), 2);
    assert_eq!(read.to_snapshot(), stand.world.to_snapshot());
}

#[test]
fn what_stands_in_the_way_is_told_with_its_remedy() {
    let stand = stand();
    let node = |name: &str| stand.world.cluster.node(name).unwrap().clone();
    let blocked = |name: &str, profile| candidate(&stand.world, &node(name), profile).blocked;
    assert_eq!(blocked("n1", None), None);
    assert_eq!(
        blocked("n2", None).unwrap(),
        "n2 runs over the network: set `via: installer` or `via: image` in its profile"
    );
    assert!(
        blocked("n1", Some("dusk"))
            .unwrap()
            .contains("there is no profile `dusk`")
    );
    assert!(
        blocked("n1", Some("classic"))
            .unwrap()
            .contains("bellwether media add debian-12")
    );
    let candidate = candidate(&stand.world, &node("n1"), None);
    assert_eq!(candidate.onto, "the smallest disk: plain, ext4, no swap");
}

#[test]
fn marks_and_waits_tell_where_a_deployment_stands() {
    let mut stand = stand();
    stand.arm("n1", None);
    let said = |stand: &Stand| wait(&stand.world, stand.latest("n1")).unwrap();
    assert_eq!(said(&stand).step, "power");
    stand.boots("n1");
    assert_eq!(said(&stand).step, "kernel");
    stand.calls("n1", "started", "").calls("n1", "progress", "40 %");
    assert_eq!(said(&stand).what, "the end; the agent said: 40 %");
    assert!(!said(&stand).is_overdue(stand.now));
    stand.wait(90);
    assert!(said(&stand).is_overdue(stand.now));
    stand.calls("n1", "installed", "");
    assert_eq!(said(&stand).what, "the node to restart into its system");
    stand.boots("n1");
    stand.calls("n1", "ready", "").conduct();
    assert_eq!(wait(&stand.world, stand.latest("n1")), None);
    let steps: Vec<String> = marks(&stand.world, stand.latest("n1"))
        .into_iter()
        .map(|mark| mark.step)
        .collect();
    assert_eq!(
        steps.join(" "),
        "armed discover script started progress installed local boot ready done"
    );
}

/// What the conductor does to machines now, where no console says anything.
fn pushes(stand: &Stand) -> Vec<Push> {
    let drive = drive(&stand.world, stand.now, |_| None);
    drive.pushes.into_iter().map(|(_, push)| push).collect()
}

fn switched(stand: &mut Stand, action: &str) {
    stand.happens_by(CONDUCTOR, "n3", What::Power { action: action.into() });
}

#[test]
fn a_node_with_a_bmc_is_switched_on_once_and_one_without_is_waited_for() {
    let mut stand = stand();
    stand.arm("n1", None);
    assert_eq!(pushes(&stand), []);
    stand.arm("n3", None);
    let all = drive(&stand.world, stand.now, |_| None);
    assert_eq!(all.pushes, [("n3".to_string(), Push::Begin)]);
    let waits = |stand: &Stand, node: &str| {
        let deployment = stand.world.deployments.latest(node).unwrap();
        wait(&stand.world, deployment).unwrap().what
    };
    assert_eq!(waits(&stand, "n1"), "the node to be switched on");
    assert_eq!(waits(&stand, "n3"), "its BMC to switch it on");
    // What it refuses is asked again a minute later, and its reason is what is waited for.
    let failed = What::BmcFailed {
        order: "power cycle".into(),
        why: "it does not answer".into(),
        outside: false,
    };
    stand.happens_by(CONDUCTOR, "n3", failed);
    assert_eq!(pushes(&stand), []);
    assert_eq!(
        waits(&stand, "n3"),
        "its BMC, which failed to power cycle: it does not answer"
    );
    stand.wait(1);
    assert_eq!(pushes(&stand), [Push::Begin]);
    // And one that refuses again has twice the time: an account that is asked for too often is locked.
    let failed = What::BmcFailed {
        order: "boot pxe".into(),
        why: "the password is wrong".into(),
        outside: false,
    };
    stand.happens_by(CONDUCTOR, "n3", failed);
    stand.wait(1);
    assert_eq!(pushes(&stand), []);
    stand.wait(1);
    assert_eq!(pushes(&stand), [Push::Begin]);
    switched(&mut stand, "on");
    assert_eq!(pushes(&stand), []);
    assert_eq!(waits(&stand, "n3"), "its firmware to ask the network");
}

#[test]
fn a_machine_that_stands_still_is_restarted_three_times_and_then_given_up() {
    let mut stand = stand();
    let id = stand.arm("n3", None);
    switched(&mut stand, "on");
    for restart in 0..Deployment::RESTARTS {
        stand.wait(9);
        assert_eq!(pushes(&stand), [], "restart {restart}");
        // A console that talks is a sign of life.
        let said = stand.now;
        stand.wait(2);
        assert_eq!(drive(&stand.world, stand.now, |_| Some(said)).pushes, []);
        assert_eq!(pushes(&stand), [Push::Again]);
        switched(&mut stand, "reset");
    }
    stand.wait(14);
    assert_eq!((pushes(&stand), due(&stand.world, stand.now).ends.len()), (vec![], 0));
    stand.wait(2);
    let ends = due(&stand.world, stand.now).ends;
    assert!(
        matches!(&ends[0].what, What::DeploymentEnded { deployment, ending: Ending::Failed, why }
            if *deployment == id && why.contains("stood still after each of 3 restarts")),
        "{ends:?}"
    );
}

#[test]
fn a_machine_that_is_dismissed_or_switched_by_hand_is_left_alone() {
    let mut stand = stand();
    let id = stand.arm("n3", None);
    let dismissed = What::DeploymentEnded {
        deployment: id,
        ending: Ending::Dismissed,
        why: "no".into(),
    };
    stand.happens("n3", dismissed);
    assert_eq!(pushes(&stand), []);
    let by_hand = What::DeploymentArmed {
        via: crate::cluster::Via::Image,
        source: "debian-12".into(),
        profile: None,
        onto: "the smallest disk".into(),
        expires: stand.now + SignedDuration::from_hours(1),
        attempts: 1,
        by_hand: true,
        frozen_seconds: Some(60),
        ready_when: Default::default(),
        after_ready: Vec::new(),
        foreign: None,
    };
    stand.happens("n3", by_hand);
    stand.wait(50);
    assert_eq!(pushes(&stand), []);
}
