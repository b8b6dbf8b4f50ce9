use super::*;
use crate::images::FileEntry;

fn medium(folder: &Path, name: &str) -> Manifest {
    let own = folder.join(name);
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("linux"), b"kernel").unwrap();
    std::fs::write(own.join("initrd.gz"), b"initrd").unwrap();
    let manifest = Manifest {
        name: name.into(),
        os: "debian-12".into(),
        architecture: "amd64".into(),
        version: "1".into(),
        source: "a test".into(),
        added_at: jiff::Timestamp::UNIX_EPOCH,
        kernel: FileEntry::measure(&own, "linux").unwrap(),
        initrd: FileEntry::measure(&own, "initrd.gz").unwrap(),
        extra: Vec::new(),
        udeb_suite: None,
    };
    write(folder, &manifest);
    manifest
}

fn write(folder: &Path, manifest: &Manifest) {
    let path = folder.join(&manifest.name).join(manifest::FILE);
    std::fs::write(path, serde_json::to_vec(manifest).unwrap()).unwrap();
}

#[test]
fn a_medium_that_is_whole_is_listed_checked_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = medium(folder.path(), "debian-12");
    std::fs::create_dir(folder.path().join(".adding-debian-13-7")).unwrap();
    let listed = list(folder.path());
    assert_eq!(listed.len(), 1);
    assert_eq!(check(folder.path(), "debian-12").unwrap(), manifest);
    remove(folder.path(), "debian-12").unwrap();
    assert!(list(folder.path()).is_empty());
    let error = show(folder.path(), "debian-12").unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no medium debian-12; there are none yet: bellwether media add debian-12"
    );
}

#[test]
fn a_file_that_has_changed_is_found() {
    let folder = tempfile::tempdir().unwrap();
    medium(folder.path(), "m");
    std::fs::write(folder.path().join("m/linux"), b"Kernel").unwrap();
    assert!(show(folder.path(), "m").is_ok(), "the size is the same");
    assert!(matches!(check(folder.path(), "m"), Err(MediumError::Differs { .. })));
    std::fs::write(folder.path().join("m/linux"), b"short").unwrap();
    assert!(matches!(show(folder.path(), "m"), Err(MediumError::Differs { .. })));
}

#[test]
fn a_manifest_cannot_point_out_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = medium(folder.path(), "m");
    for path in ["../m/linux", "/etc/passwd", "", ".", ".hidden"] {
        manifest.kernel.path = path.into();
        write(folder.path(), &manifest);
        assert!(
            matches!(show(folder.path(), "m"), Err(MediumError::Manifest { .. })),
            "{path}"
        );
    }
    assert!(matches!(show(folder.path(), "../m"), Err(MediumError::BadName(_))));
}

#[test]
fn a_manifest_of_another_medium_or_none_at_all_is_no_medium() {
    let folder = tempfile::tempdir().unwrap();
    medium(folder.path(), "one");
    std::fs::rename(folder.path().join("one"), folder.path().join("two")).unwrap();
    assert!(matches!(show(folder.path(), "two"), Err(MediumError::Manifest { .. })));
    std::fs::write(folder.path().join("two").join(manifest::FILE), b"{").unwrap();
    assert!(matches!(show(folder.path(), "two"), Err(MediumError::Manifest { .. })));
    remove(folder.path(), "two").unwrap();
}
