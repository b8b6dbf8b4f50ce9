//! The rules, in the order in which they are asked. The first one that knows an answer gives it.
//!
//! What ended comes first, then what keeps a node from being heard at all, then the steps of a boot in their order.
//! Rules that need a deadline to have passed say so by `case.overdue`; the others rest on something that was recorded.

mod address;
mod again;
mod console;
mod deployment;
mod ended;
mod files;
mod images;
mod loader;
mod never;
mod secure;
mod system;

use super::case::Case;
use super::{Finding, Verdict};
use crate::measure;
use crate::world::Step;

pub(super) type Rule = fn(&Case) -> Option<Finding>;

pub(super) const RULES: &[(&str, Rule)] = &[
    ("parked", deployment::parked),
    ("installer-asks", deployment::installer_asks),
    ("attempt-failed", deployment::attempt_failed),
    ("installing", deployment::installing),
    ("installed", deployment::installed),
    ("finishing", deployment::finishing),
    ("armed", deployment::armed),
    ("ready", ended::ready),
    ("gone-silent", ended::gone_silent),
    ("switched-off", ended::switched_off),
    ("own-disk", ended::own_disk),
    ("clock-set-back", again::clock_set_back),
    ("failed", ended::failed),
    ("bmc-failed", never::bmc_failed),
    ("network-refused", never::network_refused),
    ("network-absent", never::network_absent),
    ("dhcp-closed", never::dhcp_closed),
    ("no-mac", never::no_mac),
    ("similar-mac", never::similar_mac),
    ("never-seen", never::never_seen),
    ("silent-since-power", never::silent_since_power),
    ("console", console::said),
    ("hook-refused", again::hook_refused),
    ("disk-empty", again::disk_empty),
    ("local", ended::local),
    ("shell", ended::shell),
    ("answered-elsewhere", address::answered_elsewhere),
    ("pool-exhausted", address::pool_exhausted),
    ("ignored", address::ignored),
    ("nak-loop", address::nak_loop),
    ("offer-not-taken", address::offer_not_taken),
    ("wrong-architecture", loader::wrong_architecture),
    ("loader-refused", loader::refused),
    ("loader-missing", secure::loader_missing),
    ("no-loader", loader::no_loader),
    ("no-image", images::none_declared),
    ("image-missing", images::missing),
    ("image-architecture", images::architecture),
    ("file-missing", files::missing),
    ("file-broken-off", files::broken_off),
    ("kernel-refused", secure::kernel_refused),
    ("kernel-rebooted", again::kernel_rebooted),
    ("boot-loop", again::boot_loop),
    ("loader-not-asked", loader::not_asked),
    ("no-second-dhcp", loader::no_second_dhcp),
    ("script-not-asked", loader::script_not_asked),
    ("file-not-asked", files::not_asked),
    ("kernel-silent", system::kernel_silent),
    ("settings-not-asked", system::settings_not_asked),
    ("settings-not-done", system::settings_not_done),
    ("overdue", system::overdue),
];

/// Nothing is wrong so far.
pub(super) fn on_its_way(case: &Case) -> Finding {
    let waited = measure::span(case.waited());
    let usual = case
        .limit
        .map(|l| format!(", usually there after {}", measure::span(l.usual())))
        .unwrap_or_default();
    let Some(awaited) = case.awaited else {
        return Finding::new(Verdict::OnItsWay, "is on its way", "Nothing is late.");
    };
    Finding::new(
        Verdict::OnItsWay,
        format!("is on its way: waiting {waited} for {}{usual}", words(awaited)),
        match awaited {
            Step::Discover => "Servers test themselves for minutes before their firmware asks the network.",
            Step::Dhcp => "Firmware collects offers for some 4 s before it takes one.",
            Step::LoaderDhcp => "iPXE shows its prompt for 2 s and collects offers for 3 s.",
            Step::Script => "iPXE waits up to 13 s where no IPv6 router advertises itself.",
            Step::OsDhcp => "The kernel starts and unpacks its initial RAM disk.",
            Step::Answers => "The system starts its services.",
            Step::Ready => "The system applies its settings; packages take their time.",
            _ => "Nothing is late.",
        },
    )
    .advise(format!(
        "follow it: bellwether events --follow, or bellwether timeline {}",
        case.node.name
    ))
}

/// An awaited step as something to wait for.
pub(super) fn words(awaited: Step) -> &'static str {
    match awaited {
        Step::Power => "its power",
        Step::Discover => "its first question",
        Step::Dhcp => "it to take an address",
        Step::Loader => "it to fetch its loader",
        Step::LoaderDhcp => "its second DHCP, from the loader",
        Step::Script => "it to ask for its script",
        Step::Kernel => "it to fetch its kernel",
        Step::Initrd => "it to fetch its initial RAM disk",
        Step::OsDhcp => "its kernel to ask for an address",
        Step::Root => "it to fetch its root image",
        Step::Answers => "it to ask for its settings",
        Step::Started => "its installation to start",
        Step::Installed => "its disk to have its system",
        Step::LocalBoot => "its own disk",
        Step::Ready => "it to say that it is ready",
    }
}
