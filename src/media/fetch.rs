//! Where an installer's kernel and initial RAM disk come from, and what vouches for them.
//!
//! Debian's package of them, through apt and its signatures; or the files of a mirror, through the signed `Release` that
//! names the list that names them; or files of this host, for which nobody vouches but who gave them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::command::{judge, run};
use crate::apt::{self, Source};

/// Debian's own keys.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An installer on this host, not yet a medium.
#[derive(Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its kernel.
    pub kernel: PathBuf,
    /// Its initial RAM disk.
    pub initrd: PathBuf,
    /// Its version.
    pub version: String,
    /// Where it is from and what vouches for it.
    pub source: String,
}

/// What is fetched, and where to.
#[derive(Debug)]
pub struct Job<'a> {
    /// `debian-12`.
    pub os: &'a str,
    /// `bookworm`.
    pub suite: &'a str,
    /// `amd64`.
    pub architecture: &'a str,
    /// A folder that is thrown away afterwards.
    pub work: &'a Path,
}

impl Job<'_> {
    fn package(&self) -> String {
        format!(
            "debian-installer-{}-netboot-{}",
            self.os.trim_start_matches("debian-"),
            self.architecture
        )
    }

    /// Debian's package, from the sources that are given, checked by apt.
    ///
    /// # Errors
    /// What apt said.
    pub fn package_from(&self, sources: &[Source]) -> Result<Fetched, String> {
        let apt = self.work.join("apt");
        for folder in ["lists/partial", "archives/partial", "empty"] {
            make(&apt.join(folder))?;
        }
        let list = apt.join("sources.sources");
        write(&list, apt::render(sources).as_bytes())?;
        let options = [
            format!("Dir::Etc::SourceList={}", list.display()),
            format!("Dir::Etc::SourceParts={}", apt.join("empty").display()),
            format!("Dir::State::Lists={}", apt.join("lists").display()),
            format!("Dir::Cache={}", apt.display()),
            "Dir::State::Status=/dev/null".to_string(),
            "Acquire::Languages=none".to_string(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_string(),
            "Acquire::Retries=3".to_string(),
            format!("APT::Architecture={}", self.architecture),
            format!("APT::Architectures={}", self.architecture),
            // The folder belongs to whoever calls this, not to apt's own user.
            "APT::Sandbox::User=".to_string(),
        ];
        let apt_get = |words: &[&str]| {
            let mut command = Command::new("apt-get");
            for option in &options {
                command.arg("-o").arg(option);
            }
            command.arg("-qq").args(words).current_dir(&apt);
            run(&mut command)
        };
        apt_get(&["update"])?;
        apt_get(&["download", &self.package()])?;
        let deb = only_deb(&apt)?;
        let mut fetched = self.unpack(&deb)?;
        let mirrors: Vec<&str> = sources.iter().map(|source| source.uri.as_str()).take(1).collect();
        fetched.source = format!("{} of {}, signed by Debian", self.package(), mirrors.join(""));
        Ok(fetched)
    }

    /// Debian's package as a file of this host.
    ///
    /// # Errors
    /// If it is not that package.
    pub fn unpack(&self, deb: &Path) -> Result<Fetched, String> {
        let field = |name: &str| {
            run(Command::new("dpkg-deb").arg("-f").arg(deb).arg(name))
                .map(|text| String::from_utf8_lossy(&text).trim().to_string())
        };
        let (package, version) = (field("Package")?, field("Version")?);
        if package != self.package() {
            return Err(format!(
                "{} is the package {package}, not {}",
                deb.display(),
                self.package()
            ));
        }
        let root = self.work.join("package");
        make(&root)?;
        let mut unpack = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(deb)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("dpkg-deb: {error}"))?;
        let files = unpack.stdout.take().expect("it was asked for as a pipe");
        let took = Command::new("tar")
            .args(["-x", "--no-same-owner", "--wildcards", "-C"])
            .arg(&root)
            .args(["*/text/debian-installer/*/linux", "*/text/debian-installer/*/initrd.gz"])
            .stdin(files)
            .output();
        let ended = unpack.wait().map_err(|error| format!("dpkg-deb: {error}"))?;
        judge("tar", took)?;
        if !ended.success() {
            return Err(format!("{} cannot be unpacked: dpkg-deb: {ended}", deb.display()));
        }
        let mut fetched = self.within(&root)?;
        fetched.version = version;
        fetched.source = format!("{}, given by hand", file_name(deb));
        Ok(fetched)
    }

    /// The files of a folder of this host, as a mirror or the package lays them out.
    ///
    /// # Errors
    /// If they are not there.
    pub fn within(&self, folder: &Path) -> Result<Fetched, String> {
        let number = self.os.trim_start_matches("debian-");
        let places = [
            String::new(),
            format!("debian-installer/{}", self.architecture),
            format!("netboot/debian-installer/{}", self.architecture),
            format!(
                "usr/lib/debian-installer/images/{number}/{a}/text/debian-installer/{a}",
                a = self.architecture
            ),
        ];
        let there = |place: &String| {
            let at = folder.join(place);
            at.join("linux").is_file() && at.join("initrd.gz").is_file()
        };
        let Some(place) = places.iter().find(|place| there(place)) else {
            return Err(format!(
                "{} has no linux and initrd.gz, nor a debian-installer/{} with them",
                folder.display(),
                self.architecture
            ));
        };
        Ok(Fetched {
            kernel: folder.join(place).join("linux"),
            initrd: folder.join(place).join("initrd.gz"),
            version: "unknown".to_string(),
            source: "files of this host, given by hand".to_string(),
        })
    }

    /// The files of a mirror: `…/dists/SUITE/main/installer-ARCH/current/images/netboot`. Debian's signature is on
    /// `Release`, which has the digest of `SHA256SUMS`, which has those of the files.
    ///
    /// # Errors
    /// If one of the links is missing or does not hold.
    pub fn from_mirror(&self, url: &str, keyring: &Path) -> Result<Fetched, String> {
        let url = url.trim_end_matches('/');
        let Some((mirror, rest)) = url.split_once("/dists/") else {
            return Err(format!(
                "{url} is no place on a mirror: it has to hold /dists/{}/, so that its signature can be found",
                self.suite
            ));
        };
        let (suite, images) = rest.split_once('/').unwrap_or((rest, ""));
        let images = match images.trim_end_matches("/netboot") {
            "" => format!("main/installer-{}/current/images", self.architecture),
            images => images.to_string(),
        };
        let dist = format!("{mirror}/dists/{suite}");
        let release = self.release(&dist, keyring)?;
        let codename = field(&release, "Codename");
        if codename != Some(self.suite) {
            return Err(format!(
                "{dist} is {}, {} is {}",
                codename.unwrap_or("of no name"),
                self.os,
                self.suite
            ));
        }
        let sums = self.work.join("SHA256SUMS");
        let digest = sum_of(&release, &format!("{images}/SHA256SUMS"))
            .ok_or_else(|| format!("{dist}/Release does not name {images}/SHA256SUMS"))?;
        download(&format!("{dist}/{images}/SHA256SUMS"), &sums, digest)?;
        let sums = read(&sums)?;
        let folder = self.work.join("mirror");
        make(&folder)?;
        for name in ["linux", "initrd.gz"] {
            let path = format!("netboot/debian-installer/{}/{name}", self.architecture);
            let digest = sum_of(&sums, &format!("./{path}"))
                .or_else(|| sum_of(&sums, &path))
                .ok_or_else(|| format!("{dist}/{images}/SHA256SUMS does not name {path}"))?;
            download(&format!("{dist}/{images}/{path}"), &folder.join(name), digest)?;
        }
        let mut fetched = self.within(&folder)?;
        fetched.version = field(&release, "Version").map_or_else(
            || format!("{suite}, {}", field(&release, "Date").unwrap_or("without a date")),
            |version| format!("{version}, {}", field(&release, "Date").unwrap_or_default()),
        );
        fetched.source = format!("{dist}/{images}, signed by Debian");
        Ok(fetched)
    }

    /// The text of a `Release` whose signature holds.
    fn release(&self, dist: &str, keyring: &Path) -> Result<String, String> {
        let (signed, plain) = (self.work.join("InRelease"), self.work.join("Release"));
        download(&format!("{dist}/InRelease"), &signed, "")?;
        run(Command::new("gpgv")
            .arg("--keyring")
            .arg(keyring)
            .arg("--output")
            .arg(&plain)
            .arg(&signed))
        .map_err(|why| format!("the signature of {dist}/InRelease does not hold: {why}"))?;
        read(&plain)
    }
}

/// apt's own downloader: HTTP, HTTPS, proxies as apt has them. An empty digest checks nothing.
fn download(url: &str, to: &Path, sha256: &str) -> Result<(), String> {
    let mut command = Command::new("/usr/lib/apt/apt-helper");
    command
        .arg("-o")
        .arg("APT::Sandbox::User=")
        .arg("download-file")
        .arg(url)
        .arg(to);
    if !sha256.is_empty() {
        command.arg(format!("SHA256:{sha256}"));
    }
    run(&mut command).map(drop).map_err(|why| format!("{url}: {why}"))
}

/// The value of a field of a `Release`.
fn field<'a>(release: &'a str, name: &str) -> Option<&'a str> {
    release
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// The SHA-256 of a path in a `Release` or a `SHA256SUMS`.
fn sum_of<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let sum = words.next().filter(|sum| sum.len() == 64)?;
        (words.last() == Some(path)).then_some(sum)
    })
}

fn only_deb(folder: &Path) -> Result<PathBuf, String> {
    std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .ok_or_else(|| "apt-get has left no package".to_string())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

fn write(path: &Path, data: &[u8]) -> Result<(), String> {
    std::fs::write(path, data).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
