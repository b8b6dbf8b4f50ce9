//! The two command lines of a build.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::Options;
use crate::images::manifest::Kind;
use crate::images::recipe;

/// How the root filesystem is packed. The root folder itself is not in mmdebstrap's archive, and would be open to all.
pub(super) const SQUASHFS: [&str; 14] = [
    "-comp",
    "zstd",
    "-Xcompression-level",
    "15",
    "-b",
    "256K",
    "-root-mode",
    "0755",
    "-root-uid",
    "0",
    "-root-gid",
    "0",
    "-noappend",
    "-no-progress",
];

/// Files and folders of one build.
pub(super) struct Places<'a> {
    /// Where the image comes to be.
    pub work: &'a Path,
    /// The recipe, written out.
    pub recipe: &'a Path,
    /// The apt sources to use.
    pub sources: &'a Path,
    /// Packages that were fetched before.
    pub cache: &'a Path,
}

/// mmdebstrap, which writes the tree as an archive, and mksquashfs, which packs it; of an agent's tree only what its
/// recipe takes out is kept.
pub(super) fn pair(options: &Options, suite: &str, places: &Places<'_>, root: bool) -> (Command, Option<Command>) {
    let agent = options.kind == Kind::Agent;
    let mut make = Command::new("mmdebstrap");
    make.args([
        "--verbose",
        "--variant=minbase",
        if agent { "--format=null" } else { "--format=tar" },
        "--skip=essential/unlink",
    ]);
    make.arg(if root { "--mode=root" } else { "--mode=unshare" });
    make.arg(format!("--architectures={}", options.architecture));
    let packages = recipe::packages(options.kind, options.network_only).into_iter();
    let packages = packages.chain([options.kernel.as_str()]);
    let packages: Vec<&str> = packages.chain(options.packages.iter().map(String::as_str)).collect();
    make.arg(format!("--include={}", packages.join(",")));
    for path in recipe::EXCLUDED {
        make.arg(format!("--dpkgopt={path}"));
    }
    let mut hook = |kind: &str, words: &[&dyn AsWord]| {
        let mut arg = OsString::from(format!("--{kind}-hook="));
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                arg.push(" ");
            }
            arg.push(word.word());
        }
        make.arg(arg);
    };
    hook("setup", &[&r#"mkdir -p "$1/var/cache/apt/archives""#]);
    hook("setup", &[&"sync-in", &places.cache, &"/var/cache/apt/archives"]);
    hook("customize", &[&"sync-out", &"/var/cache/apt/archives", &places.cache]);
    let (script, lives) = match (agent, options.network_only) {
        (true, _) => ("agent/build.sh", ""),
        (false, true) => ("customize.sh", "network"),
        (false, false) => ("customize.sh", "disk"),
    };
    let script = places.recipe.join(script);
    hook(
        "customize",
        &[&"sh", &script.as_path(), &r#""$1""#, &places.recipe, &lives],
    );
    for &file in made(options) {
        let from = format!("/bellwether/{file}");
        hook(
            "customize",
            &[&"download", &from.as_str(), &places.work.join(file).as_path()],
        );
    }
    hook("customize", &[&r#"rm -r "$1/bellwether""#]);
    make.arg(suite).arg("-").arg(places.sources);
    // The kernel's package would have an initrd made that nobody boots.
    make.env("INITRD", "No").env("LC_ALL", "C.UTF-8");

    if agent {
        return (make, None);
    }
    let mut pack = Command::new("mksquashfs");
    pack.arg("-")
        .arg(places.work.join("root.squashfs"))
        .arg("-tar")
        .args(SQUASHFS);
    if std::env::var_os("SOURCE_DATE_EPOCH").is_none() {
        // Midnight: two builds of one day from the same packages are the same. Not earlier, so that no package is
        // from the future.
        let today = jiff::Timestamp::now().as_second() / 86_400 * 86_400;
        make.env("SOURCE_DATE_EPOCH", today.to_string());
        pack.env("SOURCE_DATE_EPOCH", today.to_string());
    }
    (make, Some(pack))
}

/// What a recipe leaves in `/bellwether` of its tree.
fn made(options: &Options) -> &'static [&'static str] {
    match (options.kind, options.network_only) {
        (Kind::Agent, _) => &["kernel", "initrd", "packages", "kernel-version"],
        (_, true) => &["kernel", "initrd", "packages", "kernel-version", "unpacked"],
        (_, false) => &[
            "kernel",
            "initrd",
            "packages",
            "kernel-version",
            "unpacked",
            "initrd.disk",
        ],
    }
}

/// A word of a hook: text as it is, a path in quotes.
trait AsWord {
    fn word(&self) -> OsString;
}

impl AsWord for &str {
    fn word(&self) -> OsString {
        self.into()
    }
}

impl AsWord for &Path {
    fn word(&self) -> OsString {
        let mut word = OsString::from("'");
        word.push(self.to_string_lossy().replace('\'', r"'\''"));
        word.push("'");
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_the_hooks_whole() {
        let place = Path::new("/srv/it's here");
        let places = Places {
            work: place,
            recipe: place,
            sources: place,
            cache: place,
        };
        let (make, _) = pair(&Options::of("debian-12"), "bookworm", &places, true);
        let hook = make
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .find(|arg| arg.contains("sync-in"));
        assert_eq!(
            hook.as_deref(),
            Some(r"--setup-hook=sync-in '/srv/it'\''s here' /var/cache/apt/archives")
        );
    }

    #[test]
    fn an_agent_is_not_packed_and_a_system_for_the_network_brings_no_boot_loader() {
        let place = Path::new("/p");
        let places = Places {
            work: place,
            recipe: place,
            sources: place,
            cache: place,
        };
        let line = |options: &Options| {
            let (make, pack) = pair(options, "bookworm", &places, true);
            let args: Vec<_> = make.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
            (args.join(" "), pack.is_some())
        };
        let (agent, packed) = line(&Options::agent());
        assert!(agent.contains("--format=null") && agent.contains("/p/agent/build.sh") && !packed);
        let (disk, packed) = line(&Options::of("debian-12"));
        assert!(disk.contains("grub-pc-bin") && disk.contains("initrd.disk") && packed);
        let (network, _) = line(&Options {
            network_only: true,
            ..Options::of("debian-12")
        });
        assert!(
            !network.contains("grub2-common") && !network.contains("initrd.disk"),
            "{network}"
        );
    }

    #[test]
    fn own_packages_and_kernel_are_asked_for() {
        let place = Path::new("/p");
        let places = Places {
            work: place,
            recipe: place,
            sources: place,
            cache: place,
        };
        let options = Options {
            kernel: "linux-image-cloud-amd64".into(),
            packages: vec!["htop".into()],
            ..Options::of("debian-12")
        };
        let (make, pack) = pair(&options, "bookworm", &places, false);
        let args: Vec<_> = make.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert!(
            args.iter()
                .any(|arg| arg.starts_with("--include=") && arg.ends_with("linux-image-cloud-amd64,htop"))
        );
        assert!(args.contains(&"--mode=unshare".to_string()));
        assert_eq!(args[args.len() - 3..], ["bookworm", "-", "/p"]);
        assert!(pack.unwrap().get_args().any(|arg| arg == "/p/root.squashfs"));
    }
}
