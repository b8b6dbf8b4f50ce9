use super::*;

/// A disk of 2 MiB with a partition table that sfdisk made.
fn disk(folder: &Path) -> PathBuf {
    let path = folder.join("disk.raw");
    File::create(&path).unwrap().set_len(4 << 20).unwrap();
    shell(folder, "echo 'label: gpt\nsize=1MiB' | sfdisk -q disk.raw");
    path
}

fn shell(folder: &Path, script: &str) {
    let status = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{script}");
}

fn wanted(source: &Path) -> Import {
    Import {
        name: "disk".into(),
        source: source.to_str().unwrap().into(),
        os: "debian-12".into(),
        architecture: "amd64".into(),
        sha256: None,
    }
}

fn taken(folder: &Path, wanted: &Import) -> Result<Manifest, String> {
    let folders = Folders::of_state(&folder.join("state"));
    let result = import(&folders, wanted, &mut |_| ());
    let left: Vec<_> = std::fs::read_dir(&folders.images)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with(".lock"))
        .collect();
    match &result {
        Ok(_) => assert_eq!(left, ["disk"]),
        Err(_) => assert!(left.is_empty(), "{left:?}"),
    }
    result.map_err(|error| error.to_string())
}

#[test]
fn every_form_of_a_disk_becomes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let raw = disk(at);
    let bytes = std::fs::read(&raw).unwrap();
    shell(
        at,
        "zstd -q disk.raw -o disk.raw.zst; xz -k disk.raw; gzip -k disk.raw; qemu-img convert -f raw -O qcow2 disk.raw \
         disk.qcow2; xz -k disk.qcow2",
    );
    for name in [
        "disk.raw",
        "disk.raw.zst",
        "disk.raw.xz",
        "disk.raw.gz",
        "disk.qcow2",
        "disk.qcow2.xz",
    ] {
        let manifest = taken(at, &wanted(&at.join(name))).unwrap();
        assert_eq!(
            (manifest.kind, manifest.unpacked),
            (Kind::Disk, Some(4 << 20)),
            "{name}"
        );
        let images = at.join("state/images");
        assert_eq!(catalog::verify(&images, "disk").unwrap(), manifest);
        let unpacked = Command::new("zstd")
            .arg("-dc")
            .arg(images.join("disk/disk.zst"))
            .output()
            .unwrap();
        assert!(unpacked.stdout == bytes, "{name}");
        std::fs::remove_dir_all(&images).unwrap();
    }
}

#[test]
fn what_is_no_disk_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(at.join(name), bytes).unwrap();
        taken(at, &wanted(&at.join(name))).unwrap_err()
    };
    assert!(write("text", b"hello").contains("is not the image of a disk: it has 5 bytes only"));
    assert!(write("zeros", &vec![0; 2 << 20]).contains("its first sector has no partition table"));
    assert!(write("torn", &[0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]).starts_with("cannot unpack the image: "));
    assert!(write("empty", b"").contains("is not the image of a disk"));
    let none = taken(at, &wanted(&at.join("none"))).unwrap_err();
    assert!(none.contains("cannot read") && none.contains("none"), "{none}");
    let agent = Import {
        name: "agent".into(),
        ..wanted(&disk(at))
    };
    assert!(taken(at, &agent).unwrap_err().starts_with("the agent is called agent"));
}

#[test]
fn a_file_that_is_not_the_one_that_was_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Import {
        sha256: Some("0".repeat(64)),
        ..wanted(&disk(folder.path()))
    };
    let said = taken(folder.path(), &wrong).unwrap_err();
    assert!(
        said.contains("has the SHA-256") && said.contains("expected 0000"),
        "{said}"
    );
}

#[test]
fn a_qcow2_that_leans_on_a_file_of_this_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    disk(at);
    shell(at, "qemu-img create -q -f qcow2 -b disk.raw -F raw leaning.qcow2");
    let said = taken(at, &wanted(&at.join("leaning.qcow2"))).unwrap_err();
    assert!(said.contains("the rest is in disk.raw"), "{said}");
}
