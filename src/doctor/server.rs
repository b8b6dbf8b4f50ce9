//! The running server: is it this program, and what went wrong lately.

use super::{Finding, Host};

/// A server that answers on its control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its version.
    pub version: String,
    /// Its process, as its lock file says.
    pub pid: Option<u32>,
    /// Networks that it does not serve, with the reason.
    pub idle: Vec<(String, String)>,
    /// Transactions and snapshots that failed since it started.
    pub journal_errors: u64,
    /// What went wrong lately, the latest first: when, and a sentence.
    pub troubles: Vec<String>,
}

/// Troubles that are shown.
const SHOWN: usize = 5;

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(server) = &host.server else {
        return vec![Finding::ok(
            "server.running",
            format!("no server runs on {}", host.state.display()),
        )];
    };
    let own = env!("CARGO_PKG_VERSION");
    let mut findings = vec![if server.version == own {
        Finding::ok("server.running", format!("a server of this version ({own}) runs"))
    } else {
        Finding::warning(
            "server.version",
            format!(
                "the server that runs is version {}, this program is {own}",
                server.version
            ),
        )
        .run("systemctl restart bellwether")
    }];
    findings.extend(server.idle.iter().map(|(network, why)| {
        Finding::warning(
            "server.idle",
            format!("the server does not serve network {network}: {why}"),
        )
        .advise(
            "what is wrong with the network is said above or below; the server goes on by itself when it is put right",
        )
    }));
    if server.journal_errors > 0 {
        findings.push(
            Finding::problem(
                "server.journal",
                format!(
                    "the journal could not be written {} times since the server started",
                    server.journal_errors
                ),
            )
            .run("journalctl -u bellwether -p warning --since -1d"),
        );
    }
    if !server.troubles.is_empty() {
        let shown: Vec<&str> = server.troubles.iter().take(SHOWN).map(String::as_str).collect();
        findings.push(
            Finding::notice(
                "server.troubles",
                format!("went wrong in the last day: {}", shown.join("; ")),
            )
            .advise("`bellwether why NODE` says what to do about a node"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn host(server: Option<Running>) -> Host {
        Host {
            state: "/x".into(),
            cluster: None,
            server,
            loaders: Vec::new(),
            interfaces: Vec::new(),
            root: true,
        }
    }

    fn running(version: &str) -> Running {
        Running {
            version: version.into(),
            pid: None,
            idle: Vec::new(),
            journal_errors: 0,
            troubles: Vec::new(),
        }
    }

    #[test]
    fn a_server_of_another_version_is_a_warning() {
        let found = check(&host(Some(running("0.0.1"))));
        assert_eq!(
            (found[0].severity, found[0].check),
            (Severity::Warning, "server.version")
        );
        let found = check(&host(Some(running(env!("CARGO_PKG_VERSION")))));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Ok));
    }

    #[test]
    fn a_journal_that_could_not_be_written_is_a_problem() {
        let found = check(&host(Some(Running {
            journal_errors: 3,
            ..running(env!("CARGO_PKG_VERSION"))
        })));
        assert_eq!(
            (found[1].severity, found[1].check),
            (Severity::Problem, "server.journal")
        );
    }
}
