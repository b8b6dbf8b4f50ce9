//! Foreign programs as clients.

use std::process::{Command, Output, Stdio};

/// Seconds until a client that hangs is ended.
const PATIENCE: &str = "120";

/// Fails with the package to install when a program is not on this machine.
pub fn require(program: &str, package: &str) {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    assert!(found, "this test needs `{program}`: apt-get install {package}");
}

/// Runs a command to its end.
pub fn run(words: &[&str]) -> Output {
    Command::new("timeout")
        .arg(PATIENCE)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {words:?}: {error}"))
}

/// Runs a command that must succeed.
pub fn succeed(words: &[&str]) -> Output {
    let output = run(words);
    assert!(
        output.status.success(),
        "{words:?} ended with {}: {}",
        output.status,
        said(&output)
    );
    output
}

/// All that a command wrote.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
