//! busybox sh with the agent's functions.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The agent's recipe.
pub fn recipe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/images/recipe")
}

/// A folder in which functions of the agent run.
pub struct Boxed {
    folder: tempfile::TempDir,
}

impl Boxed {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        let boxed = Self { folder };
        // udev would tell of the disks of the host.
        boxed.program("udevadm", "exit 1");
        boxed
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a program in front of the host's own.
    pub fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path().join("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Runs a script in which every function of the agent is known. `fail` ends it with 9 and its words on standard error.
    pub fn output(&self, script: &str) -> Output {
        let folder = self.path().display();
        let recipe = recipe();
        let parts: String = [
            "report", "plan", "disks", "layout", "fetch", "tree", "whole", "firmware",
        ]
        .iter()
        .map(|part| format!(". '{}/agent/{part}.sh'\n", recipe.display()))
        .collect();
        let script = format!(
            "RUN='{folder}/run' TARGET='{folder}/target' SYS='{folder}/sys' HOOKS= SWAP=0 RECIPE=plain FILESYSTEM=ext4\n\
             uptime_now() {{ echo 0; }}\nsay() {{ echo \"$*\" >>'{folder}/said'; }}\n{parts}\
             fail() {{ echo \"$*\" >&2; exit 9; }}\nsleep() {{ :; }}\nsettle() {{ :; }}\ncd '{folder}'\n{script}\n"
        );
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("busybox")
            .args(["sh", "-c", &script])
            .env("PATH", format!("{folder}/bin:{path}:/usr/sbin:/sbin"))
            // The agent's shell runs what is on the node, not what busybox brings.
            .env("ENV", "/dev/null")
            .output()
            .unwrap()
    }

    /// Standard output of a script that must succeed.
    pub fn run(&self, script: &str) -> String {
        let output = self.output(script);
        assert!(
            output.status.success(),
            "{script}: {}\n{}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.read("said"),
            self.read("run/agent.log"),
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The words with which a script must fail.
    pub fn failure(&self, script: &str) -> String {
        let output = self.output(script);
        let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
        assert_eq!(output.status.code(), Some(9), "{script}: {said}");
        said
    }
}
