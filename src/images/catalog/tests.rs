use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::*;
use crate::images::manifest::{Kind, Packages};

/// An image of three small files, the root a real squashfs.
fn image(folder: &Path, name: &str) -> Manifest {
    let at = folder.join(name);
    std::fs::create_dir_all(at.join("tree/etc")).unwrap();
    std::fs::write(at.join("tree/etc/hostname"), "stateless\n").unwrap();
    let pack = Command::new("mksquashfs")
        .args(["tree", "root.squashfs", "-quiet", "-no-progress"])
        .current_dir(&at)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(pack.success());
    std::fs::remove_dir_all(at.join("tree")).unwrap();
    std::fs::write(at.join("kernel"), "a kernel").unwrap();
    std::fs::write(at.join("initrd"), "an initrd").unwrap();
    let measure = |name| FileEntry::measure(&at, name).unwrap();
    let manifest = Manifest {
        name: name.into(),
        os: "debian-12".into(),
        architecture: "amd64".into(),
        built_at: Timestamp::UNIX_EPOCH,
        kind: Kind::System,
        kernel: Some(FileEntry {
            version: Some("6.1.0-1-amd64".into()),
            ..measure("kernel")
        }),
        initrd: Some(measure("initrd")),
        root: Some(measure("root.squashfs")),
        disk_initrd: None,
        disk: None,
        unpacked: None,
        packages: Some(Packages::sum_up("bash 5.2 amd64\n")),
        recipe: "0".repeat(64),
    };
    write(folder, &manifest);
    manifest
}

fn write(folder: &Path, manifest: &Manifest) {
    std::fs::write(
        folder.join(&manifest.name).join(manifest::FILE),
        serde_json::to_vec(manifest).unwrap(),
    )
    .unwrap();
}

fn message<T: std::fmt::Debug>(folder: &Path, result: Result<T, CatalogError>) -> String {
    result
        .unwrap_err()
        .to_string()
        .replace(folder.to_str().unwrap(), "IMAGES")
}

#[test]
fn whole_images_are_listed_by_name_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    let second = image(folder.path(), "debian-12");
    image(folder.path(), "a.b_c");
    let listed: Vec<_> = list(folder.path())
        .into_iter()
        .map(|(name, image)| (name, image.unwrap().os))
        .collect();
    assert_eq!(
        listed,
        [
            ("a.b_c".into(), "debian-12".into()),
            ("debian-12".into(), "debian-12".into())
        ]
    );
    assert_eq!(verify(folder.path(), "debian-12").unwrap(), second);
}

#[test]
fn builds_at_work_and_logs_are_not_images() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".build-debian-12")).unwrap();
    std::fs::write(folder.path().join("debian-12.build.log"), "").unwrap();
    assert!(list(folder.path()).is_empty());
    assert!(list(&folder.path().join("nowhere")).is_empty());
}

#[test]
fn broken_images_are_listed_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir(root.join("empty")).unwrap();
    image(root, "garbled");
    std::fs::write(root.join("garbled/manifest.json"), "{").unwrap();
    image(root, "short");
    std::fs::write(root.join("short/initrd"), "an").unwrap();
    image(root, "copied");
    std::fs::rename(root.join("copied"), root.join("copy")).unwrap();
    let evil = image(root, "evil");
    write(
        root,
        &Manifest {
            kernel: evil.kernel.clone().map(|kernel| FileEntry {
                path: "../../etc/shadow".into(),
                ..kernel
            }),
            ..evil
        },
    );
    let said: Vec<_> = list(root).into_iter().map(|(_, image)| message(root, image)).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    IMAGES/copy/manifest.json describes the image copied, not copy; build the image again
    cannot read IMAGES/empty/manifest.json: No such file or directory (os error 2)
    IMAGES/evil/manifest.json names the file "../../etc/shadow", which is not in its folder; build the image again
    IMAGES/garbled/manifest.json is not a manifest: EOF while parsing an object at line 1 column 1; build the image again
    IMAGES/short/initrd is not what was built (2 bytes, not 9); build the image again
    "#);
}

#[test]
fn a_changed_byte_is_found_by_verify_only() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "debian-12");
    std::fs::write(folder.path().join("debian-12/kernel"), "a Kernel").unwrap();
    show(folder.path(), "debian-12").unwrap();
    let said = message(folder.path(), verify(folder.path(), "debian-12"));
    assert!(
        said.starts_with("IMAGES/debian-12/kernel is not what was built (its SHA-256 is "),
        "{said}"
    );
}

#[test]
fn removing_takes_broken_images_too_and_names_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "debian-12");
    std::fs::create_dir(folder.path().join("broken")).unwrap();
    assert_eq!(
        message(folder.path(), remove(folder.path(), "debian-13")),
        "there is no image debian-13; there are broken, debian-12"
    );
    remove(folder.path(), "broken").unwrap();
    remove(folder.path(), "debian-12").unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(
        message(folder.path(), show(folder.path(), "debian-12")),
        "there is no image debian-12; there are none yet: bellwether image build debian-12"
    );
}

#[test]
fn names_cannot_lead_out_of_the_folder() {
    for name in [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        ".hidden",
        "-x",
        "Big",
        "ä",
        &"x".repeat(65),
    ] {
        assert!(check_name(name).is_err(), "{name}");
    }
    for name in ["debian-12", "a", "9front", "x.y_z"] {
        check_name(name).unwrap();
    }
}
