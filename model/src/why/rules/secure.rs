//! Secure Boot: signatures that are refused, and signed files that are not here.
//!
//! Nobody says that a signature was refused. What is seen is who asks next, and for what.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use crate::boot::{Chosen, choose};
use crate::event::What;
use crate::measure;
use crate::world::{Chain, Step};
use wire::dhcp4::Arch;

/// The loader that it gets when it asks next, or when its PXE client does.
fn next(case: &Case, pxe: bool) -> Chosen {
    let code = case.boot.and_then(|boot| boot.arch).or(case.state.arch);
    let arch = match code.map(Arch::from_code) {
        Some(Arch::HttpX64) if pxe => Some(Arch::EfiX64),
        Some(Arch::HttpArm64) if pxe => Some(Arch::EfiArm64),
        other => other,
    };
    choose(case.world, case.node, arch, true)
}

/// What to do about a loader that the firmware did not start.
pub(super) fn advise(case: &Case, path: &str, finding: Finding) -> Finding {
    // What came by TFTP was asked for by PXE, with which the machine will begin again.
    let next = next(case, !path.starts_with('/'));
    let signed = next.file.and_then(Chain::begun_by) == Some(Chain::Signed);
    let finding = match (next.file, next.missing) {
        (_, Some(missing)) => finding.advise(format!("give it what it may start: {missing}")),
        (Some(given), None) if signed && !path.ends_with(given) => {
            finding.advise(format!("switch it off and on: it then gets {given}, which is signed"))
        }
        _ if signed => finding,
        _ => finding.advise("give it a signed loader: loader: grub, or loader: auto, in its settings"),
    };
    finding.advise("or switch Secure Boot off in its firmware setup or over its BMC")
}

/// The signed loader that it is to get is not in the loader folders.
pub(super) fn loader_missing(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Dhcp) && case.position != Some(Step::Discover) {
        return None;
    }
    let next = next(case, false);
    let missing = next.missing.filter(|_| next.file.is_none())?;
    let (what, remedy) = missing.split_once(": ")?;
    Some(
        Finding::new(
            Verdict::Stuck,
            "is stuck before the loader: the signed one is not here",
            format!("It is to get a signed loader ({}), and {what}.", next.because),
        )
        .advise(remedy),
    )
}

/// GRUB fetches the kernel again and again and never its RAM disk: it refuses the kernel.
pub(super) fn kernel_refused(case: &Case) -> Option<Finding> {
    let boot = case.boot?;
    let kernel = boot.mark(Step::Kernel)?;
    let by_grub = case.loader().starts_with("grub");
    if !by_grub || case.position != Some(Step::Kernel) || kernel.times < 2 {
        return None;
    }
    let path = case.recent.iter().rev().find_map(|event| match &event.what {
        What::Transfer(transfer) if transfer.role == crate::event::Role::Kernel => Some(transfer.path.clone()),
        _ => None,
    });
    let image = case.image_name().unwrap_or("its image");
    Some(
        Finding::new(
            Verdict::Stuck,
            format!(
                "is stuck before its RAM disk: GRUB fetched the kernel {} and did not take it",
                times(kernel.times)
            ),
            "The kernel is not signed by anybody whom shim trusts; GRUB says \"bad shim signature\" on the console.",
        )
        .fact(kernel.last, "its kernel was fetched again, and no RAM disk after it")
        .advise(format!(
            "build {image} with a signed kernel: Debian's linux-image-amd64 and linux-image-cloud-amd64 are, those of \
             -unsigned packages and your own are not"
        ))
        .advise(format!(
            "look whose signature there is: sbverify --list {}",
            path.as_deref().unwrap_or("KERNEL")
        ))
        .advise("or switch Secure Boot off in its firmware setup or over its BMC")
        .advise(case.look()),
    )
}

fn times(times: u32) -> String {
    measure::count(times as usize, "time")
}
