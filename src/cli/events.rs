//! Events as lines for people.

use anstyle::Style;
use jiff::tz::TimeZone;
use model::deployment::Ending;
use model::event::{Event, Notable, Outcome, Subject, What};

use super::sheet;

/// An event in one line without its end: time of this host, subject, sentence.
pub fn line(event: &Event, color: bool) -> String {
    line_in(event, color, &TimeZone::system())
}

fn line_in(event: &Event, color: bool, zone: &TimeZone) -> String {
    let at = event
        .at
        .to_zoned(zone.clone())
        .strftime("%b %d %H:%M:%S%.3f")
        .to_string();
    let subject = match &event.subject {
        Subject::Cluster => "cluster".to_string(),
        Subject::Node(name) => name.clone(),
        Subject::Machine(mac) => mac.to_string(),
        Subject::Network(name) => format!("network {name}"),
        Subject::Image(name) => format!("image {name}"),
        Subject::Medium(name) => format!("medium {name}"),
    };
    let paint = |style: Style, text: &str| {
        if color && style != Style::new() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    };
    // What a node or a file name brings along must not steer the terminal.
    let sentence: String = event
        .sentence()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!(
        "{}  {}  {}",
        paint(sheet::DIM, &at),
        paint(Style::new().bold(), &format!("{subject:<17}")),
        paint(style(event), &sentence)
    )
}

/// Bad news is red, good news green; harmless detours are dim; the rest is by what it is.
fn style(event: &Event) -> Style {
    match &event.what {
        What::DhcpIgnored { .. }
        | What::DhcpElsewhere { address: None, .. }
        | What::DhcpRefused { .. }
        | What::DhcpConflict { .. }
        | What::NetworkRefused { .. }
        | What::NetworkAbsent { .. }
        | What::CacheTrouble { .. }
        | What::BmcFailed { .. }
        | What::HookRefused { .. } => sheet::BAD,
        What::ConsoleSaid { weight, .. } => match weight.as_str() {
            "bad" => sheet::BAD,
            "good" => sheet::GOOD,
            _ => Style::new(),
        },
        What::CacheRecovered { .. } | What::SystemAnswered { .. } => sheet::GOOD,
        What::HookCalled { hook, .. } if hook == "failed" => sheet::BAD,
        What::HookCalled { hook, .. } if hook == "ready" || hook == "installed" => sheet::GOOD,
        What::HookCalled { .. } => Style::new(),
        What::InstallerSaid { notable, .. } => match notable {
            Notable::Stage => Style::new(),
            Notable::Warning => sheet::WATCH,
            Notable::Question | Notable::Error => sheet::BAD,
        },
        What::StepEnded { failed: Some(_), .. } => sheet::BAD,
        What::DeploymentEnded { ending, .. } => match ending {
            Ending::Done => sheet::GOOD,
            Ending::Failed | Ending::Expired => sheet::BAD,
            Ending::Dismissed | Ending::Superseded => sheet::WATCH,
        },
        What::Transfer(transfer) => match &transfer.outcome {
            _ if transfer.benign().is_some() => sheet::DIM,
            Outcome::Complete | Outcome::Partial | Outcome::Probed => sheet::FILE,
            Outcome::Aborted(_) | Outcome::TimedOut | Outcome::NotFound | Outcome::Refused(_) => sheet::BAD,
        },
        What::DhcpOffered { .. } => sheet::DIM,
        What::DhcpElsewhere { .. } => sheet::TALK,
        What::DhcpLeased { .. } | What::DhcpInformed { .. } | What::DhcpReleased { .. } => sheet::TALK,
        What::ScriptServed { .. } | What::AnswersServed { .. } => sheet::TALK,
        What::ServerStarted { .. }
        | What::ServerStopped {}
        | What::ClusterApplied { .. }
        | What::NetworkServed { .. }
        | What::TargetSet { .. }
        | What::DeploymentArmed { .. }
        | What::ReadySeen { .. }
        | What::StepBegan { .. }
        | What::StepEnded { failed: None, .. }
        | What::ImageAdded(_)
        | What::DiskImageAdded(_)
        | What::AgentAdded(_)
        | What::ImageRemoved {}
        | What::MediumAdded(_)
        | What::MediumRemoved {}
        | What::LoadersFound { .. }
        | What::BmcBoot { .. }
        | What::BmcTrusted { .. }
        | What::SshTrusted { .. }
        | What::SecretKept { .. }
        | What::SecretRemoved { .. }
        | What::Power { .. } => sheet::WATCH,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::journal;
    use super::*;

    #[test]
    fn a_journal_reads_as_lines() {
        let lines: Vec<_> = journal("trouble")
            .iter()
            .map(|e| line_in(e, false, &TimeZone::UTC))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn colours_change_no_letter() {
        for event in journal("uefi") {
            let painted = line_in(&event, true, &TimeZone::UTC);
            assert_eq!(
                anstream::adapter::strip_str(&painted).to_string(),
                line_in(&event, false, &TimeZone::UTC)
            );
        }
    }

    #[test]
    fn a_file_name_cannot_steer_the_terminal() {
        let mut event = journal("trouble")
            .into_iter()
            .rfind(|e| matches!(e.what, What::Transfer(_)))
            .unwrap();
        if let What::Transfer(transfer) = &mut event.what {
            transfer.path = "\u{1b}[2Jgone\r\n".into();
        }
        let line = line_in(&event, false, &TimeZone::UTC);
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
