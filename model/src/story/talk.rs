//! HTTP conversations, and whole stretches of a boot.

use super::{ADDRESS, Story};
use crate::event::What;

impl Story {
    pub(crate) fn script(self, target: &str) -> Self {
        let what = What::ScriptServed {
            target: target.into(),
            image: (target == "image").then(|| "debian-12".into()),
            identified_by: "mac".into(),
            client: ADDRESS.into(),
            mac: Some(self.mac),
            deployment: None,
        };
        self.wait(0.05).of_node("http", what)
    }

    /// The last script named no image.
    pub(crate) fn no_image_in_script(mut self) -> Self {
        if let Some(What::ScriptServed { image, .. }) = self.events.last_mut().map(|e| &mut e.what) {
            *image = None;
        }
        self
    }

    pub(crate) fn answers(self) -> Self {
        ["meta-data", "user-data", "vendor-data"]
            .into_iter()
            .fold(self, |story, document| {
                let what = What::AnswersServed {
                    document: document.into(),
                    bytes: 412,
                };
                story.wait(0.1).of_node("http", what)
            })
    }

    fn hook(self, hook: &str, detail: &str) -> Self {
        let what = What::HookCalled {
            hook: hook.into(),
            detail: detail.into(),
            host_keys: Vec::new(),
            deployment: None,
        };
        self.of_node("node", what)
    }

    pub(crate) fn ready(self) -> Self {
        self.wait(6.0).hook("ready", "")
    }

    pub(crate) fn failed(self, why: &str) -> Self {
        self.hook("failed", why)
    }

    pub(crate) fn command_failed(self, label: &str) -> Self {
        self.wait(1.0).failed(label)
    }

    pub(crate) fn hook_refused(self, hook: &str) -> Self {
        let what = What::HookRefused {
            hook: hook.into(),
            client: ADDRESS.into(),
            why: "its token is not that of the boot under way".into(),
        };
        self.of_node("http", what)
    }

    /// UEFI PXE up to iPXE's address.
    pub(crate) fn uefi_to_loader(self) -> Self {
        self.wait(3.84).firmware_dhcp().loader("snponly.efi")
    }

    /// UEFI PXE up to the handed over kernel.
    pub(crate) fn uefi_to_kernel(self) -> Self {
        self.uefi_to_loader().ipxe_dhcp().script("image").kernel().initrd()
    }

    /// UEFI PXE up to the settings of a system that runs an image.
    pub(crate) fn uefi_boot(self) -> Self {
        self.uefi_to_kernel()
            .wait(3.2)
            .os_dhcp()
            .wait(0.1)
            .root()
            .wait(9.0)
            .os_dhcp()
            .wait(1.0)
            .answers()
    }
}
