//! The Debian package, in a Debian that knows nothing of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bellwether::apt;

use super::repository;
use crate::support::client::{require, run, said, succeed};
use crate::support::segment::Segment;
use crate::support::server::PROGRAM;

/// A small Debian as a tar, made once and kept with what cargo builds.
fn debian() -> PathBuf {
    require("mmdebstrap", "mmdebstrap");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-12.tar");
    if kept.exists() {
        return kept;
    }
    let files: Vec<(PathBuf, String)> = apt::files(Path::new("/etc/apt"))
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))
        .collect();
    let sources = apt::parse(files.iter().map(|(path, text)| (path.as_path(), text.as_str())));
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("debian.sources");
    std::fs::write(&list, apt::render(&apt::select(&sources, "bookworm", &[]))).unwrap();
    let unfinished = kept.with_extension("unfinished.tar");
    let made = Command::new("mmdebstrap")
        .args(["--variant=apt", "--quiet", "bookworm"])
        .args([&unfinished, &list])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", said(&made));
    std::fs::rename(&unfinished, &kept).unwrap();
    kept
}

fn package(folder: &Path) -> PathBuf {
    require("dpkg-shlibdeps", "dpkg-dev");
    let script = repository("packaging/deb");
    let output = Command::new(script)
        .arg(PROGRAM)
        .arg(folder)
        // What is tested is not how small it is.
        .env("DEB_COMPRESSION", "gzip")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Every path of a root, but for what dpkg itself keeps.
fn paths(root: &Path) -> BTreeSet<String> {
    let listed = succeed(&["find", root.to_str().unwrap(), "-xdev", "-printf", "/%P\n"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    let kept = [
        "/run/",
        "/var/lib/dpkg/",
        "/var/log/",
        "/var/cache/",
        "/etc/passwd-",
        "/etc/group-",
        "/etc/shadow-",
        "/etc/gshadow-",
    ];
    text.lines()
        .filter(|path| !kept.iter().any(|start| path.starts_with(start)))
        .map(str::to_string)
        .collect()
}

#[test]
fn package_installs_runs_and_leaves_nothing_but_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let deb = package(folder.path());
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let (shown, tar) = (root.to_str().unwrap(), debian());
    succeed(&[
        "tar",
        "-C",
        shown,
        "-xf",
        tar.to_str().unwrap(),
        "--numeric-owner",
        "--exclude=./dev/*",
    ]);
    succeed(&["mknod", "-m", "666", &format!("{shown}/dev/null"), "c", "1", "3"]);
    let before = paths(&root);
    std::fs::copy(&deb, root.join("x.deb")).unwrap();
    succeed(&["chroot", shown, "dpkg", "-i", "/x.deb"]);
    std::fs::remove_file(root.join("x.deb")).unwrap();

    let mode = succeed(&[
        "chroot",
        shown,
        "stat",
        "-c",
        "%a %U:%G",
        "/etc/bellwether",
        "/etc/bellwether/environment",
    ]);
    assert_eq!(said(&mode), "750 root:bellwether\n640 root:bellwether\n");
    assert!(
        !root
            .join("etc/systemd/system/multi-user.target.wants/bellwether.service")
            .exists(),
        "not enabled"
    );
    let example = "/usr/share/doc/bellwether/examples/demo.yaml";
    let checked = succeed(&["chroot", shown, "bellwether", "check", example]);
    assert!(said(&checked).contains("is fine"), "{}", said(&checked));
    for file in [
        "usr/share/man/man1/bellwether.1.gz",
        "usr/share/man/man1/bellwether-doctor.1.gz",
        "usr/share/bash-completion/completions/bellwether",
    ] {
        assert!(root.join(file).exists(), "{file}");
    }
    serves(shown, example);

    // What an administrator adds to the configuration goes with it; what happened stays.
    std::fs::write(root.join("etc/bellwether/cluster.yaml"), "cluster: x\n").unwrap();
    succeed(&["chroot", shown, "dpkg", "--purge", "bellwether"]);
    let left: BTreeSet<String> = paths(&root).difference(&before).cloned().collect();
    assert!(left.contains("/var/lib/bellwether/journal.db"), "{left:?}");
    let other: Vec<_> = left
        .iter()
        .filter(|path| !path.starts_with("/var/lib/bellwether"))
        .collect();
    assert!(other.is_empty(), "{other:?}");
    assert!(before.is_subset(&paths(&root)));
}

/// The program of the package serves inside that Debian, as its own user.
fn serves(root: &str, example: &str) {
    let segment = Segment::new("10.77.0.1/24");
    let mut server = segment
        .command("chroot")
        .args([root, "bellwether", "serve", "--user", "bellwether", "--config", example])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = std::time::Instant::now();
    let status = loop {
        let output = run(&["chroot", root, "bellwether", "status"]);
        if output.status.success() || began.elapsed() > std::time::Duration::from_secs(60) {
            break said(&output);
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    };
    let user = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    succeed(&["kill", &server.id().to_string()]);
    assert!(server.wait().unwrap().success());
    assert!(status.contains("serves demo"), "{status}");
    let uid = user.lines().find_map(|line| line.strip_prefix("Uid:\t")).unwrap();
    assert!(!uid.starts_with("0\t"), "it gave up root");
}

#[test]
fn lintian_has_nothing_to_say() {
    require("lintian", "lintian");
    let folder = tempfile::tempdir().unwrap();
    let deb = package(folder.path());
    let output = run(&[
        "lintian",
        "--allow-root",
        "--fail-on",
        "error,warning",
        deb.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", said(&output));
}
