//! States of Salt, applied over SSH with the host's own `salt-ssh`.
//!
//! Invariant: the password of the nodes is in a file for this program alone while salt-ssh runs, and never an argument.
//! Invariant: what it says is kept to a bound, and it runs for a bounded time.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use model::pelagos::config::Config;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// How long a state may take.
const WITHIN: Duration = Duration::from_secs(3600);
/// So much of what it says is kept, the end, in octets of each of its two outputs.
const SAID: usize = 64 << 10;
/// The program.
const PROGRAM: &str = "salt-ssh";

/// How states are applied to one node.
pub(super) struct Salt {
    password: Option<String>,
    roster: String,
    folder: String,
    /// Where the private roster is while it runs.
    own: PathBuf,
    host: String,
}

/// What is wrong, and what it said.
type Failure = (String, Vec<String>);

impl Salt {
    /// For the node that is that host.
    pub fn new(config: &Config, folder: &Path, task: &str, host: &str) -> Self {
        let option = |key, usual: &str| config.option(key).unwrap_or(usual).to_string();
        Self {
            password: config.option("target_node_password").map(str::to_string),
            roster: option("roster_file", "deploy.roster"),
            folder: option("salt_cfg_dir", "."),
            own: folder.join(format!("roster-{task}")),
            host: host.to_string(),
        }
    }

    /// Applies a state; what it said.
    ///
    /// # Errors
    /// There is no salt-ssh, or it failed.
    pub async fn apply(&self, state: &str) -> Result<Vec<String>, Failure> {
        let Some(program) = on_path(PROGRAM) else {
            let why = format!("{PROGRAM} is not on this host: install it, or ask for no states");
            return Err((why, Vec::new()));
        };
        let roster = match &self.password {
            Some(password) => {
                let text = roster(&self.host, password);
                put(&self.own, &text)
                    .map_err(|error| (format!("cannot write {}: {error}", self.own.display()), vec![]))?;
                self.own.display().to_string()
            }
            None => self.roster.clone(),
        };
        let ran = self.run(&program, &roster, state).await;
        std::fs::remove_file(&self.own).ok();
        ran
    }

    async fn run(&self, program: &Path, roster: &str, state: &str) -> Result<Vec<String>, Failure> {
        let mut command = Command::new(program);
        command
            .args([
                "-i",
                "--roster-file",
                roster,
                "-c",
                &self.folder,
                "--no-host-keys",
                "--key-deploy",
            ])
            .args([&self.host, "state.apply", state, "-l", "debug"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let failed = |why: String| (why, Vec::new());
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("cannot start {PROGRAM}: {error}")))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let all = async { tokio::join!(tail(out), tail(err), child.wait()) };
        let Ok((out, err, ended)) = tokio::time::timeout(WITHIN, all).await else {
            return Err(failed(format!("it did not end within {} s", WITHIN.as_secs())));
        };
        let said: Vec<String> = [out, err]
            .iter()
            .flat_map(|octets| {
                String::from_utf8_lossy(octets)
                    .lines()
                    .map(str::to_string)
                    .collect::<Vec<_>>()
            })
            .collect();
        match ended {
            Ok(status) if status.success() => Ok(said),
            Ok(status) => Err((format!("{PROGRAM} failed: {status}"), said)),
            Err(error) => Err((format!("{PROGRAM} is lost: {error}"), said)),
        }
    }
}

/// A roster with one host, whose id is its address.
fn roster(host: &str, password: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    format!(
        "{}:\n  host: {}\n  user: root\n  passwd: {}\n",
        quoted(host),
        quoted(host),
        quoted(password)
    )
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::remove_file(path).ok();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// The end of what is said, read to its end so that nobody waits for us.
async fn tail(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return kept };
    let mut piece = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        if kept.len() > 2 * SAID {
            kept.drain(..kept.len() - SAID);
        }
    }
    if kept.len() > SAID {
        kept.drain(..kept.len() - SAID);
    }
    kept
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
