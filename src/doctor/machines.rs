//! Virtual machines of the lab: does the processor's virtualisation work, found out by trying.

use super::{Finding, Host};
use crate::lab::{Accel, find_program};

/// Only the lab needs it, so nothing here is worse than a notice.
pub(super) fn check(_host: &Host) -> Vec<Finding> {
    if find_program("qemu-system-x86_64").is_none() {
        return vec![
            Finding::notice("machines.qemu", "QEMU is not installed: there is no lab on this host")
                .run("apt-get install qemu-system-x86 ovmf"),
        ];
    }
    vec![match Accel::find() {
        Accel::Kvm => Finding::ok("machines.kvm", "virtual machines of the lab run by the processor (KVM)"),
        Accel::Tcg => Finding::notice(
            "machines.kvm",
            "virtual machines of the lab are emulated, 10 to 20 times slower: a trial guest did not run with KVM",
        )
        .advise("switch virtualisation on in the firmware (nested virtualisation in the hypervisor), and be in the group kvm"),
    }]
}
