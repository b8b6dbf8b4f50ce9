//! The end of an installation, run on a system that is a folder. By the system's shell: busybox would use its own `chroot`
//! whatever stands in `PATH`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::{FULL, rendered};

#[test]
fn the_end_leaves_accounts_keys_and_the_instructions_for_the_first_start() {
    let root = std::env::temp_dir().join(format!("bellwether-end-{}", std::process::id()));
    let target = root.join("target");
    for folder in ["bin", "target/etc/apt/apt.conf.d", "target/etc/network", "sys"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let tool = |name: &str, body: &str| {
        let path = root.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    // The system knows `users` and nobody else; whoever is added gets a home.
    tool(
        "chroot",
        "shift; for word; do printf '<%s>' \"$word\" >>\"$DONE\"; done; echo >>\"$DONE\"\n\
         case $1,$2,$3 in getent,group,users) ;; getent,passwd,*) grep -q \"useradd.*<$3>\" \"$DONE\" && echo \"$3:x:1:1::/home/$3:/bin/sh\" ;;\n\
         getent,*) exit 2 ;; esac",
    );
    tool("preseed_fetch", "echo \"from $1\" >\"$2\"");
    fs::write(
        target.join("etc/apt/apt.conf.d/00InstallRecommends"),
        "APT::Install-Recommends \"false\";",
    )
    .unwrap();
    fs::write(
        target.join("etc/network/interfaces"),
        "auto lo\nallow-hotplug eno1\niface eno1 inet dhcp\n",
    )
    .unwrap();
    fs::write(root.join("script"), rendered(FULL, "end.sh")).unwrap();
    let out = Command::new("dash")
        .arg(root.join("script"))
        .env(
            "PATH",
            format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap()),
        )
        .env("TARGET", &target)
        .env("SYS", root.join("sys"))
        .env("DONE", root.join("done"))
        .output()
        .unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let mut told = fs::read_to_string(root.join("done")).unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![target.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let name = path.strip_prefix(&target).unwrap().display().to_string();
        if path.is_file() {
            told.push_str(&format!("--- {name} {mode:o}\n{}", fs::read_to_string(&path).unwrap()));
        } else if name.ends_with(".ssh") || name.ends_with("nocloud") {
            told.push_str(&format!("--- {name} {mode:o}\n"));
        }
    }
    fs::remove_dir_all(&root).ok();
    insta::assert_snapshot!(told);
}
