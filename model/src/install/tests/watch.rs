//! What runs beside the installer: telling the server, naming the question on the screen, watching for what fails.
//! Run by the installer's own shell, with its programs played by scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{PLAIN, rendered};

/// An installer that has run `start.sh`.
struct Installer {
    root: PathBuf,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Installer {
    fn started() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("bellwether-watch-{}-{number}", std::process::id()));
        fs::create_dir_all(root.join("usr/share/debconf")).unwrap();
        fs::create_dir_all(root.join("tools")).unwrap();
        let installer = Self { root };
        // As the installer's own library answers: a question with "skip" in its name is not shown.
        let confmodule = "_db_cmd () { echo \"$*\" >>\"$ASKED\"; case \"$*\" in INPUT*skip*) return 30 ;; esac; \
                          [ ! -e \"$NOTES/waiting\" ] || cat \"$NOTES/waiting\" >>\"$ASKED\"; }\n\
                          db_input () { _db_cmd \"INPUT $@\"; }\ndb_go () { _db_cmd \"GO $@\"; }\n";
        fs::write(installer.root.join("usr/share/debconf/confmodule"), confmodule).unwrap();
        installer.tool(
            "wget",
            "for word; do case $word in --post-file=*) cat \"${word#--post-file=}\" ;; http*) echo \"= ${word##*/}\" ;; esac; done >>\"$TOLD\"\n\
             [ -z \"$ANSWER\" ] || { echo \"  HTTP/1.1 $ANSWER\" >&2; exit 8; }",
        );
        installer.tool("logger", ":");
        installer.tool("pidof", "exit 1");
        fs::write(installer.root.join("syslog"), "").unwrap();
        let out = installer.run(&installer.script("start.sh", "start"), &[]);
        assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
        installer
    }

    fn tool(&self, name: &str, body: &str) {
        let path = self.root.join("tools").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn notes(&self) -> PathBuf {
        self.root.join("notes")
    }

    /// A script of the installer that lives below our root.
    fn script(&self, name: &str, as_name: &str) -> String {
        let path = self.root.join(as_name);
        let text = rendered(PLAIN, name)
            .replace("/var/run/bellwether", &self.notes().display().to_string())
            .replace("/var/log/syslog", &self.root.join("syslog").display().to_string())
            // The tests run it themselves.
            .replace("bellwether-watch </dev/null", ": </dev/null")
            .replace("/dev/console", &self.root.join("console").display().to_string());
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn run(&self, script: &str, environment: &[(&str, &str)]) -> Output {
        let path = format!(
            "{}:{}:{}",
            self.root.join("bin").display(),
            self.root.join("tools").display(),
            std::env::var("PATH").unwrap()
        );
        Command::new("busybox")
            .args(["sh", script])
            .env("PATH", path)
            .env("ROOT", &self.root)
            .env("NOTES", self.notes())
            .env("TOLD", self.root.join("told"))
            .env("ASKED", self.root.join("asked"))
            .env("PAUSE", "0")
            .envs(environment.iter().copied())
            .output()
            .unwrap()
    }

    /// Runs a few lines of shell; what the server was told since.
    fn told(&self, lines: &str, environment: &[(&str, &str)]) -> (Output, String) {
        fs::remove_file(self.root.join("told")).ok();
        let path = self.root.join("lines");
        fs::write(&path, lines).unwrap();
        let out = self.run(path.to_str().unwrap(), environment);
        (out, fs::read_to_string(self.root.join("told")).unwrap_or_default())
    }

    /// Runs the watcher beside a log that ends like this; what the server was told.
    fn watched(&self, log: &str, waiting: Option<&str>) -> String {
        fs::write(self.root.join("syslog"), log).unwrap();
        match waiting {
            Some(question) => fs::write(self.notes().join("waiting"), question).unwrap(),
            None => {
                fs::remove_file(self.notes().join("waiting")).ok();
            }
        }
        self.told("exec bellwether-watch", &[]).1
    }
}

impl Drop for Installer {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).ok();
    }
}

#[test]
fn the_start_is_told_and_every_part_of_the_installation_tells_of_itself() {
    let installer = Installer::started();
    assert_eq!(
        fs::read_to_string(installer.root.join("told")).unwrap(),
        "\n= started\n"
    );
    let mut hooks = Vec::new();
    for folder in ["base-installer.d", "pre-pkgsel.d", "finish-install.d"] {
        for entry in fs::read_dir(installer.root.join("usr/lib").join(folder)).unwrap() {
            hooks.push(entry.unwrap().path());
        }
    }
    hooks.sort();
    let mut told = String::new();
    for hook in hooks {
        assert_eq!(
            fs::metadata(&hook).unwrap().permissions().mode() & 0o111,
            0o111,
            "{}",
            hook.display()
        );
        told.push_str(&installer.told(&format!(". {}", hook.display()), &[]).1);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn with_a_failure_goes_the_end_of_the_log() {
    let installer = Installer::started();
    fs::write(installer.root.join("syslog"), "before\nE: the reason\n").unwrap();
    let (out, told) = installer.told("bellwether failed \"it's $HOME\"", &[("HOME", "/root")]);
    assert!(out.status.success());
    assert_eq!(told, "it's /root\n\nbefore\nE: the reason\n= failed\n");
}

#[test]
fn an_installed_machine_that_cannot_tell_its_server_does_not_restart() {
    let installer = Installer::started();
    // The third call gets through.
    installer.tool("sleep", ":");
    installer.tool("wget", "echo call >>\"$TOLD\"; [ \"$(wc -l <\"$TOLD\")\" -ge 3 ]");
    let last = installer.root.join("usr/lib/finish-install.d/96bellwether");
    let (out, told) = installer.told(&format!(". {}", last.display()), &[]);
    assert!(out.status.success());
    assert_eq!(told.lines().count(), 3);
    assert!(installer.notes().join("over").exists());
}

#[test]
fn a_server_that_refuses_the_token_is_not_asked_for_ever() {
    let installer = Installer::started();
    let last = installer.root.join("usr/lib/finish-install.d/96bellwether");
    let (out, told) = installer.told(&format!(". {}", last.display()), &[("ANSWER", "403 Forbidden")]);
    assert!(out.status.success());
    assert_eq!(told.matches("= installed").count(), 1);
}

#[test]
fn the_question_on_the_screen_is_noted_while_it_is_there() {
    let installer = Installer::started();
    let library = installer.root.join("usr/share/debconf/confmodule");
    let lines = format!(
        "set -e\n. {}\ndb_input critical first/question\ndb_input high skip/this || [ $? -eq 30 ]\ndb_input critical second/one\ndb_go\ndb_go\n",
        library.display()
    );
    let (out, _) = installer.told(&lines, &[]);
    assert!(out.status.success(), "{out:?}");
    let asked = fs::read_to_string(installer.root.join("asked")).unwrap();
    assert_eq!(
        asked,
        "INPUT critical first/question\nINPUT high skip/this\nINPUT critical second/one\n\
         GO \nfirst/question second/one GO \n"
    );
    assert!(!installer.notes().join("waiting").exists());
}

#[test]
fn a_question_that_nobody_answers_is_reported_by_its_name() {
    let installer = Installer::started();
    let told = installer.watched("Nov 25 18:00:00 partman: something\n", Some("partman-auto/no_recipe "));
    assert!(
        told.starts_with("stopped at the question partman-auto/no_recipe"),
        "{told}"
    );
    assert!(told.ends_with("= failed\n"), "{told}");
}

#[test]
fn a_step_that_failed_is_reported_in_the_menus_own_words() {
    let installer = Installer::started();
    let log = "Nov 25 18:00:00 main-menu[257]: INFO: Menu item 'pkgsel' selected\n\
               Nov 25 18:00:09 in-target: E: Unable to locate package nothing\n\
               Nov 25 18:00:10 main-menu[257]: WARNING **: Configuring 'pkgsel' failed with error code 1\n\
               Nov 25 18:00:10 main-menu[257]: WARNING **: Menu item 'pkgsel' failed.\n";
    let told = installer.watched(log, None);
    assert!(told.starts_with("Menu item 'pkgsel' failed.\n"), "{told}");
    assert!(told.contains("E: Unable to locate package nothing"), "{told}");
}

#[test]
fn a_watcher_goes_on_while_the_installation_does() {
    let installer = Installer::started();
    let late = "echo \"x main-menu[1]: WARNING **: Menu item 'anna' failed.\" >>\"$ROOT/syslog\"";
    // Many turns pass without anything; then the step fails.
    installer.tool(
        "sleep",
        &format!("echo . >>\"$ROOT/turns\"; [ \"$(wc -l <\"$ROOT/turns\")\" -lt 60 ] || {late}"),
    );
    let told = installer.watched("x anna[9]: retrieving\n", None);
    assert!(told.starts_with("Menu item 'anna' failed."), "{told}");
    assert_eq!(told.matches("= failed").count(), 1);
}
