use super::*;

fn kernel() -> Vec<u8> {
    let mut kernel = vec![0; 4096];
    kernel[0x202..0x206].copy_from_slice(b"HdrS");
    kernel
}

/// A folder with an installer in it, and options to add it.
fn given(folder: &Path) -> Options {
    std::fs::write(folder.join("linux"), kernel()).unwrap();
    std::fs::write(folder.join("initrd.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
    std::fs::write(folder.join("key.cpio"), b"0707010000").unwrap();
    Options {
        name: "debian-12".into(),
        os: "debian-12".into(),
        architecture: "amd64".into(),
        from: From::Folder(folder.to_path_buf()),
        extra_initrds: Vec::new(),
        udeb_suite: None,
        keyring: None,
    }
}

fn try_it(media: &Path, options: &Options) -> Result<Outcome, AddError> {
    add(media, Path::new("/nonexistent"), options, &mut |_| {})
}

#[test]
fn what_was_typed_behind_from_is_understood() {
    assert_eq!(
        From::parse("https://mirror.example/x.deb"),
        From::Url("https://mirror.example/x.deb".into())
    );
    assert_eq!(From::parse("./x.deb"), From::Deb("./x.deb".into()));
    assert_eq!(From::parse("/srv/netboot"), From::Folder("/srv/netboot".into()));
}

#[test]
fn a_medium_is_added_once_and_replaced_when_it_changes() {
    let (source, media) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut options = given(source.path());
    assert!(matches!(try_it(media.path(), &options).unwrap(), Outcome::Added(_)));
    assert!(matches!(try_it(media.path(), &options).unwrap(), Outcome::Unchanged(_)));
    options.extra_initrds.push(source.path().join("key.cpio"));
    options.udeb_suite = Some("components".into());
    let Outcome::Added(manifest) = try_it(media.path(), &options).unwrap() else {
        panic!()
    };
    assert_eq!(manifest.extra[0].path, "extra1.cpio");
    assert_eq!(catalog::check(media.path(), "debian-12").unwrap(), manifest);
    let left: Vec<_> = std::fs::read_dir(media.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["debian-12"], "nothing is left lying about");
}

#[test]
fn what_cannot_be_a_medium_leaves_the_one_before_in_place() {
    let (source, media) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let good = given(source.path());
    try_it(media.path(), &good).unwrap();
    let refuse = |options: &Options| try_it(media.path(), options).unwrap_err().to_string();
    std::fs::write(source.path().join("linux"), b"<html>404</html>").unwrap();
    assert!(refuse(&good).ends_with("linux is not a kernel"));
    given(source.path());
    std::fs::write(source.path().join("initrd.gz"), b"<html>404</html>").unwrap();
    assert!(refuse(&good).ends_with("initrd.gz is not an initial RAM disk"));
    given(source.path());
    let bad = |change: &dyn Fn(&mut Options)| {
        let mut options = good.clone();
        change(&mut options);
        refuse(&options)
    };
    assert!(bad(&|o| o.extra_initrds.push(source.path().join("linux"))).ends_with("is not an initial RAM disk"));
    assert!(bad(&|o| o.extra_initrds.push(source.path().join("none"))).starts_with("cannot copy"));
    assert!(bad(&|o| o.name = "../evil".into()).contains("cannot be a medium's name"));
    assert!(bad(&|o| o.os = "plan-9".into()).contains("debian-12 and debian-13 can"));
    assert!(bad(&|o| o.udeb_suite = Some("a b".into())).contains("not the name of a suite"));
    assert!(bad(&|o| o.from = From::Folder(media.path().into())).contains("has no linux and initrd.gz"));
    assert!(bad(&|o| o.from = From::Apt).contains("--mirror URL"));
    assert!(catalog::check(media.path(), "debian-12").is_ok());
    assert_eq!(std::fs::read_dir(media.path()).unwrap().count(), 1);
}
