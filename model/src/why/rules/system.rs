//! From the kernel to ready.

use super::super::case::Case;
use super::super::{Finding, Verdict};
use super::again::memory;
use super::ended::ssh;
use super::words;
use crate::measure;
use crate::world::Step;

/// The kernel was handed over and does not ask for an address.
pub(super) fn kernel_silent(case: &Case) -> Option<Finding> {
    if case.awaited != Some(Step::OsDhcp) || !case.overdue {
        return None;
    }
    let mut finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck after the kernel: not a word from it for {}",
            measure::span(case.waited())
        ),
        "The kernel hangs or panicked without restarting, has no driver for the NIC, or looks at another NIC.",
    )
    .advise(case.look());
    if case.node.settings.console.is_none() {
        finding = finding.advise("let it speak to a serial console: console: ttyS0,115200 in its settings");
    }
    if let Some(need) = memory(case) {
        finding = finding.advise(format!("has it enough memory? this image needs {need} at least"));
    }
    Some(finding)
}

/// The root image is there and the system does not ask for its settings.
pub(super) fn settings_not_asked(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Root) || !case.overdue {
        return None;
    }
    let finding = Finding::new(
        Verdict::Stuck,
        format!("is stuck after its root image: no question for its settings for {}", measure::span(case.waited())),
        "The root was not mounted (a shell in the initial RAM disk waits at the console), or the system came up without network or without cloud-init.",
    )
    .advise(case.look());
    Some(match case.address() {
        Some(address) => finding
            .advise(format!("is it up? ping {address}"))
            .advise(format!("if it is, {}", ssh(case, "systemctl --failed"))),
        None => finding,
    })
}

/// The system has its settings and does not say that it is ready.
pub(super) fn settings_not_done(case: &Case) -> Option<Finding> {
    if case.position != Some(Step::Answers) || !case.overdue {
        return None;
    }
    let boot = case.boot?;
    let packages = case.node.settings.packages.len();
    let finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck at its settings: not ready for {}",
            measure::span(case.waited())
        ),
        match (&boot.failed, packages) {
            (Some((what, _)), _) => format!(
                "cloud-init has not ended. It said on its way: \"{}\".",
                Case::one_line(what)
            ),
            (None, 0) => "cloud-init has not ended: a command waits for something.".to_string(),
            (None, n) => format!(
                "cloud-init has not ended: {} may come slowly or not at all, or a command waits for something.",
                measure::count(n, "package")
            ),
        },
    )
    .advise(format!("see where it is: {}", ssh(case, "cloud-init status --long")))
    .advise(format!(
        "read what it did: {}",
        ssh(case, "tail -n 50 /var/log/cloud-init-output.log")
    ));
    Some(match &boot.failed {
        Some((what, at)) => finding.fact(*at, format!("it said: {}", Case::one_line(what))),
        None => finding,
    })
}

/// Something is late, and no rule knows why.
pub(super) fn overdue(case: &Case) -> Option<Finding> {
    let awaited = case.awaited.filter(|_| case.overdue)?;
    let finding = Finding::new(
        Verdict::Stuck,
        format!(
            "is stuck: waiting {} for {}",
            measure::span(case.waited()),
            words(awaited)
        ),
        "Nothing that was recorded explains it.",
    );
    let finding = match case.boot.and_then(|boot| boot.trouble.as_ref()) {
        Some(trouble) => finding.fact(case.boot.map(|b| b.last), format!("the latest trouble: {trouble}")),
        None => finding,
    };
    Some(finding.advise(case.look()).advise(case.listen()))
}
