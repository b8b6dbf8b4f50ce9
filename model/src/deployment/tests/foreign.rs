//! Deployments that a face armed: what the node gets, when its system is looked for, and how they end.

use std::net::SocketAddr;

use jiff::SignedDuration;

use super::{Stand, stand};
use crate::boot::{Key, Site, boot_script};
use crate::cluster::{BootTarget, Via};
use crate::deployment::{CONDUCTOR, Deployment, Ending, Files, Foreign, awaited, drive, due};
use crate::event::{Outcome, Protocol, Role, Transfer, What};
use crate::pelagos;

const PLACE: &str = "10.77.0.13:22";

fn place() -> SocketAddr {
    PLACE.parse().unwrap()
}

fn arm(stand: &mut Stand, target: BootTarget, files: Option<Files>) {
    let what = What::DeploymentArmed {
        via: Via::Image,
        source: "sle-15.1-0.1.1-29.1".into(),
        profile: None,
        onto: "the disk that the image takes".into(),
        expires: stand.now + SignedDuration::from_secs(930),
        attempts: 10,
        by_hand: false,
        frozen_seconds: Some(180),
        ready_when: Default::default(),
        after_ready: Vec::new(),
        foreign: Some(Foreign {
            ticket: Some("t".into()),
            target: target.as_str().into(),
            files,
            answers_at: place(),
        }),
    };
    stand.happens_by("pelagos", "n3", what);
}

fn image() -> Option<Files> {
    Some(pelagos::image("sle-15.1-0.1.1-29.1", "minimal.xz", None))
}

fn power(stand: &mut Stand) {
    let action = "reset".into();
    stand.happens_by(CONDUCTOR, "n3", What::Power { action });
}

/// The node asks for its script and gets what it has to get.
fn asks(stand: &mut Stand) -> BootTarget {
    let resolved = stand.resolved("n3");
    let what = What::ScriptServed {
        target: resolved.target.as_str().into(),
        image: None,
        identified_by: "mac".into(),
        client: "10.77.0.13".parse().unwrap(),
        mac: None,
        deployment: resolved.deployment.filter(|_| resolved.blocked.is_none()),
    };
    stand.happens("n3", what);
    resolved.target
}

fn fetches(stand: &mut Stand, role: Role) {
    let transfer = Transfer {
        protocol: Protocol::Http,
        path: format!("/pelagos/{}", role.as_str()),
        role,
        client: "10.77.0.13".parse().unwrap(),
        bytes: 1,
        total: 1,
        duration_ms: 1,
        outcome: Outcome::Complete,
    };
    stand.happens("n3", What::Transfer(transfer));
}

fn latest(stand: &Stand) -> &Deployment {
    stand.world.deployments.latest("n3").unwrap()
}

fn looked_for(stand: &Stand) -> Option<SocketAddr> {
    awaited(&stand.world, latest(stand), stand.now)
}

/// The end that is due now.
fn end(stand: &Stand) -> Option<(Ending, String)> {
    let due = due(&stand.world, stand.now);
    due.ends.into_iter().find_map(|event| match event.what {
        What::DeploymentEnded { ending, why, .. } => Some((ending, why)),
        _ => None,
    })
}

#[test]
fn an_image_is_started_with_our_address_and_its_system_is_looked_for_once_the_kernel_has_gone() {
    let mut stand = stand();
    arm(&mut stand, BootTarget::Install, image());
    power(&mut stand);
    assert_eq!(looked_for(&stand), None, "what answers now is what ran before");
    let resolved = stand.resolved("n3");
    let node = stand.world.cluster.node("n3").unwrap().clone();
    let site = Site {
        address: "10.77.0.1".parse().unwrap(),
        http_port: 8080,
    };
    let text = boot_script(&Key::new([1; 32]), site, None, 5, Some((&node, &resolved))).text;
    for wanted in [
        "kernel http://10.77.0.1:8080/pelagos/sle-15.1-0.1.1-29.1/pxeboot.kernel initrd=pxeboot.initrd.xz biosdevname=0",
        "rd.kiwi.install.image=http://10.77.0.1:8080/pelagos/sle-15.1-0.1.1-29.1/minimal.xz console=tty1 console=ttyS1,115200",
        "initrd http://10.77.0.1:8080/pelagos/sle-15.1-0.1.1-29.1/pxeboot.initrd.xz",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert_eq!(asks(&mut stand), BootTarget::Install);
    assert_eq!(looked_for(&stand), None);
    fetches(&mut stand, Role::Kernel);
    assert_eq!(looked_for(&stand), Some(place()));
    // A loader that asks again gets the same.
    assert_eq!(asks(&mut stand), BootTarget::Install);
    assert_eq!(latest(&stand).tries.len(), 1);
    let (deployment, place) = (latest(&stand).id, PLACE.into());
    stand.happens_by("pelagos", "n3", What::SystemAnswered { deployment, place });
    assert_eq!(end(&stand).unwrap().0, Ending::Done);
    assert_eq!(
        (looked_for(&stand), stand.resolved("n3").target),
        (None, BootTarget::Local)
    );
}

#[test]
fn a_node_that_has_its_image_boots_it_and_is_not_written_a_second_time() {
    let mut stand = stand();
    arm(&mut stand, BootTarget::Install, image());
    power(&mut stand);
    asks(&mut stand);
    for role in [Role::Kernel, Role::Initrd] {
        fetches(&mut stand, role);
    }
    // It lost its way before it had the image: the next boot writes it.
    power(&mut stand);
    assert_eq!(asks(&mut stand), BootTarget::Install);
    assert_eq!(latest(&stand).tries.len(), 2);
    for role in [Role::Kernel, Role::Initrd, Role::Root] {
        fetches(&mut stand, role);
    }
    for _ in 0..2 {
        stand.now += SignedDuration::from_secs(120);
        assert_eq!(asks(&mut stand), BootTarget::Local);
    }
    assert_eq!((latest(&stand).tries.len(), looked_for(&stand)), (2, Some(place())));
}

#[test]
fn a_node_is_restarted_three_times_and_then_given_up_unless_a_kernel_works_in_silence() {
    let mut still = stand();
    arm(&mut still, BootTarget::Install, image());
    for _ in 0..4 {
        power(&mut still);
        assert_eq!(end(&still), None);
        still.now += SignedDuration::from_secs(181);
    }
    assert_eq!(latest(&still).restarts, 3);
    let (ending, why) = end(&still).unwrap();
    assert_eq!(ending, Ending::Failed);
    assert!(why.contains("stood still"), "{why}");

    let mut silent = stand();
    arm(&mut silent, BootTarget::Install, image());
    power(&mut silent);
    asks(&mut silent);
    fetches(&mut silent, Role::Kernel);
    silent.now += SignedDuration::from_secs(600);
    assert!(drive(&silent.world, silent.now, |_| None).pushes.is_empty());
    let said = silent.now - SignedDuration::from_secs(200);
    let pushes = drive(&silent.world, silent.now, |_| Some(said)).pushes;
    assert_eq!(pushes.len(), 1, "its console has been still for too long");
    silent.now += SignedDuration::from_secs(330);
    let (ending, why) = end(&silent).unwrap();
    assert_eq!(
        (ending, why.as_str()),
        (Ending::Expired, "nothing answered at 10.77.0.13:22 within 15 min 29 s")
    );
    assert_eq!(silent.resolved("n3").deployment, Some(latest(&silent).id));
    let deployment = latest(&silent).id;
    silent.happens(
        "n3",
        What::DeploymentEnded {
            deployment,
            ending,
            why,
        },
    );
    assert_eq!(silent.resolved("n3").deployment, None, "it parks nobody");
}

#[test]
fn a_bmc_that_fails_to_switch_ends_it_at_once_and_one_that_cannot_choose_does_not() {
    let mut stand = stand();
    let fails = |order: &str| What::BmcFailed {
        order: order.into(),
        why: "who are you".into(),
        outside: false,
    };
    stand.happens("n3", fails("power off"));
    arm(&mut stand, BootTarget::Install, image());
    stand.happens_by(CONDUCTOR, "n3", fails("boot pxe"));
    assert_eq!(end(&stand), None);
    stand.happens_by(CONDUCTOR, "n3", fails("power cycle"));
    let why = "its BMC failed to power cycle: who are you".to_string();
    assert_eq!(end(&stand), Some((Ending::Failed, why)));
    // One that does not let us in is not asked for its power at all.
    let outside = What::BmcFailed {
        order: "boot pxe".into(),
        why: "who are you".into(),
        outside: true,
    };
    stand.happens_by(CONDUCTOR, "n3", outside);
    assert_eq!(end(&stand).unwrap().0, Ending::Failed);
}

#[test]
fn a_node_that_is_to_boot_its_disk_may_do_so_without_asking() {
    let mut stand = stand();
    arm(&mut stand, BootTarget::Local, None);
    power(&mut stand);
    assert_eq!(looked_for(&stand), None);
    stand.now += SignedDuration::from_secs(30);
    assert_eq!(looked_for(&stand), Some(place()));
    assert_eq!(asks(&mut stand), BootTarget::Local);
    assert_eq!(latest(&stand).tries.len(), 1);
    assert_eq!(looked_for(&stand), Some(place()));
}
