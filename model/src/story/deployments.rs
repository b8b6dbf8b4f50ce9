//! Deployments and what an installer says.

use jiff::SignedDuration;

use super::Story;
use crate::cluster::{Act, NodeStep, Via};
use crate::deployment::Ending;
use crate::event::{Notable, What};

impl Story {
    /// A person arms a deployment of two attempts that writes the image to the disk.
    pub(crate) fn armed(self) -> Self {
        let what = What::DeploymentArmed {
            via: Via::Installer,
            source: "debian-12".into(),
            profile: None,
            onto: "the first disk: plain, ext4, no swap".into(),
            expires: self.now + SignedDuration::from_hours(24),
            attempts: 2,
            by_hand: false,
            frozen_seconds: None,
            ready_when: Default::default(),
            after_ready: Vec::new(),
            foreign: None,
        };
        self.of_node("cli:ada", what)
    }

    fn deployment(&self) -> Option<u64> {
        let armed = self
            .events
            .iter()
            .rev()
            .find(|e| matches!(e.what, What::DeploymentArmed { .. }));
        armed.map(|event| event.seq)
    }

    /// UEFI PXE up to the answers of an installer.
    pub(crate) fn uefi_to_installer(self) -> Self {
        let mut story = self.uefi_to_loader().ipxe_dhcp().script("install");
        let deployment = story.deployment();
        if let Some(What::ScriptServed { deployment: of, .. }) = story.events.last_mut().map(|e| &mut e.what) {
            *of = deployment;
        }
        let story = story.kernel().initrd().wait(40.0).os_dhcp().wait(5.0);
        let what = What::AnswersServed {
            document: "preseed.cfg".into(),
            bytes: 4096,
        };
        story.of_node("http", what)
    }

    /// The installer calls back.
    pub(crate) fn installer(self, hook: &str, detail: &str) -> Self {
        let what = What::HookCalled {
            hook: hook.into(),
            detail: detail.into(),
            host_keys: Vec::new(),
            deployment: self.deployment(),
        };
        self.of_node("node", what)
    }

    /// The deployment that was armed has this step.
    pub(crate) fn step(mut self, command: &str) -> Self {
        let step = NodeStep {
            act: Act::Run(command.into()),
            within_seconds: 600,
        };
        for event in &mut self.events {
            if let What::DeploymentArmed { after_ready, .. } = &mut event.what {
                after_ready.push(step.clone());
            }
        }
        self
    }

    /// Its first step begins.
    pub(crate) fn step_begins(self) -> Self {
        let what = What::StepBegan {
            deployment: self.deployment().unwrap(),
            step: 0,
            what: "it".into(),
            boot: None,
        };
        self.of_node("conductor", what)
    }

    /// A notable line of the installer's log.
    pub(crate) fn installer_says(self, notable: Notable, line: &str) -> Self {
        let line = line.to_string();
        self.of_node("syslog", What::InstallerSaid { notable, line })
    }

    /// The deployment under way ends.
    pub(crate) fn deployment_ends(self, ending: Ending, why: &str) -> Self {
        let what = What::DeploymentEnded {
            deployment: self.deployment().unwrap(),
            ending,
            why: why.into(),
        };
        self.of_node("conductor", what)
    }
}
