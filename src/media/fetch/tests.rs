use super::*;

const RELEASE: &str = "Origin: Debian\nSuite: oldstable\nVersion: 12.15\nCodename: bookworm\nDate: Sat, 11 Jul 2026 09:00:00 UTC\nMD5Sum:\n \
    0123456789abcdef0123456789abcdef 78509 main/installer-amd64/current/images/SHA256SUMS\nSHA256:\n \
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 78509 main/installer-amd64/current/images/SHA256SUMS\n";

fn job(work: &Path) -> Job<'_> {
    Job {
        os: "debian-12",
        suite: "bookworm",
        architecture: "amd64",
        work,
    }
}

#[test]
fn a_release_is_read_by_its_sha256_sums_only() {
    assert_eq!(field(RELEASE, "Codename"), Some("bookworm"));
    assert_eq!(field(RELEASE, "Code"), None);
    let sum = sum_of(RELEASE, "main/installer-amd64/current/images/SHA256SUMS");
    assert_eq!(sum, Some("a".repeat(64).as_str()));
    assert_eq!(sum_of(RELEASE, "SHA256SUMS"), None);
}

#[test]
fn the_files_are_found_in_every_layout_that_people_have() {
    for place in ["", "debian-installer/amd64", "netboot/debian-installer/amd64"] {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join(place);
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("linux"), b"").unwrap();
        assert!(job(folder.path()).within(folder.path()).is_err(), "no initrd yet");
        std::fs::write(own.join("initrd.gz"), b"").unwrap();
        assert_eq!(
            job(folder.path()).within(folder.path()).unwrap().kernel,
            own.join("linux")
        );
    }
}

/// A mirror on this host, signed by a key that is made for it: `apt-helper` reads `file:` as it reads `http:`.
struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    fn new(codename: &str, linux: &[u8]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let images = root.path().join("dists/bookworm/main/installer-amd64/current/images");
        let netboot = images.join("netboot/debian-installer/amd64");
        std::fs::create_dir_all(&netboot).unwrap();
        let mut sums = String::new();
        for (name, data) in [("linux", linux), ("initrd.gz", b"initrd".as_slice())] {
            std::fs::write(netboot.join(name), data).unwrap();
            let sum = crate::images::manifest::digest(&netboot.join(name)).unwrap().1;
            sums.push_str(&format!("{sum}  ./netboot/debian-installer/amd64/{name}\n"));
        }
        std::fs::write(images.join("SHA256SUMS"), &sums).unwrap();
        let (size, sum) = crate::images::manifest::digest(&images.join("SHA256SUMS")).unwrap();
        let release = format!(
            "Origin: Debian\nCodename: {codename}\nVersion: 12.99\nDate: today\nSHA256:\n {sum} {size} main/installer-amd64/current/images/SHA256SUMS\n"
        );
        std::fs::write(root.path().join("Release"), release).unwrap();
        let fake = Self { root };
        fake.gpg(&[
            "--passphrase",
            "",
            "--quick-generate-key",
            "nobody",
            "rsa2048",
            "sign",
            "1d",
        ]);
        let signed = fake.root.path().join("dists/bookworm/InRelease");
        let plain = fake.root.path().join("Release");
        fake.gpg(&[
            "--output",
            signed.to_str().unwrap(),
            "--clearsign",
            plain.to_str().unwrap(),
        ]);
        fake.gpg(&["--output", fake.keyring().to_str().unwrap(), "--export"]);
        fake
    }

    fn gpg(&self, words: &[&str]) {
        let home = self.root.path().join("gpg");
        std::fs::create_dir_all(&home).unwrap();
        std::os::unix::fs::PermissionsExt::set_mode(&mut std::fs::metadata(&home).unwrap().permissions(), 0o700);
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(&home)
            .args(["--batch", "--quiet", "--yes"])
            .args(words);
        run(&mut command).unwrap();
    }

    fn keyring(&self) -> PathBuf {
        self.root.path().join("key.gpg")
    }

    fn netboot(&self) -> String {
        let root = self.root.path().display();
        format!("file://{root}/dists/bookworm/main/installer-amd64/current/images/netboot/")
    }

    fn fetch(&self) -> Result<Vec<u8>, String> {
        let work = tempfile::tempdir().unwrap();
        let fetched = job(work.path()).from_mirror(&self.netboot(), &self.keyring())?;
        assert_eq!(fetched.version, "12.99, today");
        Ok(std::fs::read(fetched.kernel).unwrap())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let home = self.root.path().join("gpg");
        Command::new("gpgconf")
            .arg("--homedir")
            .arg(home)
            .args(["--kill", "all"])
            .output()
            .ok();
    }
}

#[test]
fn files_of_a_mirror_are_taken_when_every_link_of_the_chain_holds() {
    let fake = Fake::new("bookworm", b"kernel");
    assert_eq!(fake.fetch().unwrap(), b"kernel");

    let images = fake
        .root
        .path()
        .join("dists/bookworm/main/installer-amd64/current/images");
    std::fs::write(images.join("netboot/debian-installer/amd64/linux"), b"KERNEL").unwrap();
    assert!(
        fake.fetch().unwrap_err().contains("linux"),
        "the kernel is not what the list says"
    );

    std::fs::write(images.join("SHA256SUMS"), b"nothing").unwrap();
    assert!(
        fake.fetch().unwrap_err().contains("SHA256SUMS"),
        "the list is not what the release says"
    );

    let signed = fake.root.path().join("dists/bookworm/InRelease");
    let text = std::fs::read_to_string(&signed).unwrap().replace("12.99", "12.98");
    std::fs::write(&signed, text).unwrap();
    assert!(
        fake.fetch().unwrap_err().contains("signature"),
        "the release is not what was signed"
    );
}

#[test]
fn a_mirror_that_somebody_else_signed_is_refused() {
    let fake = Fake::new("bookworm", b"kernel");
    let other = Fake::new("bookworm", b"kernel");
    let work = tempfile::tempdir().unwrap();
    let error = job(work.path())
        .from_mirror(&fake.netboot(), &other.keyring())
        .unwrap_err();
    assert!(error.contains("signature"), "{error}");
}

#[test]
fn a_mirror_of_another_release_is_refused() {
    let error = Fake::new("trixie", b"kernel").fetch().unwrap_err();
    assert!(error.contains("is trixie, debian-12 is bookworm"), "{error}");
    let work = tempfile::tempdir().unwrap();
    let error = job(work.path())
        .from_mirror("http://mirror.example/netboot", Path::new("/k"))
        .unwrap_err();
    assert!(error.contains("has to hold /dists/bookworm/"), "{error}");
}

/// A package as Debian's build makes it, but small.
fn package(folder: &Path, name: &str) -> PathBuf {
    let root = folder.join("root");
    let files = root.join("usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
    std::fs::write(files.join("linux"), b"kernel").unwrap();
    std::fs::write(files.join("initrd.gz"), b"initrd").unwrap();
    let control =
        format!("Package: {name}\nVersion: 1+deb12u9\nArchitecture: all\nMaintainer: n <n@n>\nDescription: d\n");
    std::fs::write(root.join("DEBIAN/control"), control).unwrap();
    let deb = folder.join("netboot.deb");
    run(Command::new("dpkg-deb").arg("-b").arg(&root).arg(&deb)).unwrap();
    deb
}

#[test]
fn debians_package_is_unpacked_and_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let deb = package(folder.path(), "debian-installer-12-netboot-amd64");
    let fetched = job(folder.path()).unpack(&deb).unwrap();
    assert_eq!(std::fs::read(&fetched.kernel).unwrap(), b"kernel");
    assert_eq!(fetched.version, "1+deb12u9");
    let other = Job {
        os: "debian-13",
        ..job(folder.path())
    };
    assert!(
        other
            .unpack(&deb)
            .unwrap_err()
            .contains("not debian-installer-13-netboot-amd64")
    );
    std::fs::write(&deb, b"no package").unwrap();
    assert!(job(folder.path()).unpack(&deb).is_err());
}
