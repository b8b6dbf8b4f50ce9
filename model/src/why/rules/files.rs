//! Files of a boot that are not to be had, break off, or are not asked for.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use super::again::memory;
use crate::event::{Outcome, Protocol, Role};
use crate::measure;
use crate::world::Step;

/// The file that is awaited, with its place in the headline.
fn awaited(case: &Case) -> Option<(Role, &'static str)> {
    match case.awaited? {
        Step::Loader => Some((Role::Loader, "before the loader")),
        Step::Kernel => Some((Role::Kernel, "before the kernel")),
        Step::Initrd => Some((Role::Initrd, "before the initial RAM disk")),
        // Where addresses are given by another server, the root image may be asked for before we hear of the kernel.
        Step::OsDhcp | Step::Root => Some((Role::Root, "before its root image")),
        // A second loader: GRUB after shim.
        Step::Script => Some((Role::Loader, "after the first loader")),
        _ => None,
    }
}

/// It asked for a file that is not there, or that it may not have.
pub(super) fn missing(case: &Case) -> Option<Finding> {
    let (role, place) = awaited(case)?;
    let bad = case.bad_transfers(role);
    let (at, transfer) = bad.last()?;
    let why = match &transfer.outcome {
        Outcome::NotFound => "is not there".to_string(),
        Outcome::Refused(why) => format!("was refused: {why}"),
        _ => return None,
    };
    let finding = Finding::new(
        Verdict::Stuck,
        format!("is stuck {place}: {} {why}", transfer.path),
        match (role, case.image_name()) {
            (Role::Loader, _) => {
                "The loader is not in the folder of loaders, or is asked for by another name than it has there."
                    .to_string()
            }
            (_, Some(image)) => {
                format!("The files of image {image} are not where its record says: moved, deleted, or half copied.")
            }
            (_, None) => "The script names a file that is not there.".to_string(),
        },
    )
    .fact(
        *at,
        format!("it asked for {} ({})", transfer.path, measure::count(bad.len(), "time")),
    );
    Some(match (role, case.image_name()) {
        (Role::Loader, _) => finding.advise(format!("put {} into the folder of loaders", transfer.file())),
        (_, Some(image)) => finding.advise(format!("build it again: {}", case.build(image))),
        (_, None) => finding.advise(format!("set an image for {} and apply the file", case.node.name)),
    })
}

/// A transfer broke off, and not only once.
pub(super) fn broken_off(case: &Case) -> Option<Finding> {
    let (role, place) = awaited(case)?;
    let bad = case.bad_transfers(role);
    let (at, transfer) = bad.last()?;
    if bad.len() < 2 && !case.overdue {
        return None; // Firmware and loaders try again by themselves.
    }
    let got = measure::size(transfer.bytes);
    let total = measure::size(transfer.total);
    // The largest payload that a frame of 1,500 bytes can carry, as UEFI firmware asks for it.
    let first_block = transfer.bytes <= 1_468;
    let cause = match (transfer.protocol, &transfer.outcome) {
        (Protocol::Tftp, Outcome::TimedOut) if first_block => {
            "Not even the first block was acknowledged: a firewall drops TFTP's data, which flows between ports that are not 69, or blocks are larger than the path carries.".to_string()
        }
        (Protocol::Tftp, Outcome::TimedOut) => format!("The transfer died after {got}: packets are lost, or its buffer is full."),
        _ if matches!(role, Role::Initrd | Role::Root) => match memory(case) {
            Some(need) => format!("It hung up after {got} of {total}. Most often its memory is too small: this image needs {need} at least."),
            None => format!("It hung up after {got} of {total}. Most often its memory is too small."),
        },
        _ => format!("It hung up after {got} of {total}: its link fails, or it was restarted meanwhile."),
    };
    let finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck {place}: {} broke off, {}",
            transfer.file(),
            measure::count(bad.len(), "time")
        ),
        cause,
    )
    .fact(
        *at,
        format!("{}: {} after {got} of {total}", transfer.file(), transfer.outcome),
    );
    let interface = case.interface();
    Some(match (transfer.protocol, case.address()) {
        (Protocol::Tftp, Some(address)) => finding
            .advise(format!(
                "is anything dropped? ping -M do -s 1472 {address}; ip -s link show {interface}"
            ))
            .advise("firewalls need their TFTP helper, or UDP from this host to the nodes without restriction"),
        (_, _) => finding
            .advise(format!("look for errors of the link: ip -s link show {interface}"))
            .advise(case.look()),
    })
}

/// A file of the image is due and was not asked for.
pub(super) fn not_asked(case: &Case) -> Option<Finding> {
    if !case.overdue {
        return None;
    }
    let waited = measure::span(case.waited());
    let (what, cause) = match case.awaited? {
        Step::Kernel => (
            "before the kernel: it has its script and asks for no kernel",
            "The script stopped before its kernel: its lines are on the console. Or it fetches the kernel from another server, which we do not see.",
        ),
        Step::Initrd => (
            "after the kernel: it asks for no initial RAM disk",
            "The kernel was refused (Secure Boot wants it signed), or its memory is too small for it.",
        ),
        Step::Root => (
            "before its root image: its kernel has an address and asks for no root",
            "Its initial RAM disk cannot reach us by HTTP, waits for another NIC, or stopped in a shell.",
        ),
        _ => return None,
    };
    let finding = Finding::new(Verdict::Stuck, format!("is stuck {what}, for {waited}"), cause).advise(case.look());
    Some(match (case.awaited, case.address()) {
        (Some(Step::Root), Some(address)) => finding.advise(format!("does its kernel answer? ping {address}")),
        (Some(Step::Initrd), _) => match memory(case) {
            Some(need) => finding.advise(format!("has it enough memory? this image needs {need} at least")),
            None => finding,
        },
        _ => finding,
    })
}
