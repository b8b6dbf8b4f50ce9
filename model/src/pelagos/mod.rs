//! Pelagos' images: folders with what kiwi built, named by rules, and how such an image is started.
//!
//! A folder `sle-15.1-0.1.1-29.1` holds `pxeboot.kernel`, `pxeboot.initrd.xz` and the image itself, which the RAM disk fetches over
//! HTTP and writes to the disk (kiwi's OEM installation over the network).

pub mod config;

use crate::cluster::Console;
use crate::deployment::Files;
use crate::event::Role;

/// The folder of the images as it is called in our URLs and over TFTP.
pub const FOLDER: &str = "pelagos";
/// The kernel of an image.
pub const KERNEL: &str = "pxeboot.kernel";
/// The initial RAM disk of an image.
pub const INITRD: &str = "pxeboot.initrd.xz";

/// Names that are no images: what a node boots from its own disk, and the system that it is parked in.
pub const LOCAL: &str = "local";
/// See [`LOCAL`].
pub const MAINTENANCE: &str = "maintenance_image";

/// The file of an image by the name of its folder: `minimal-sle-15-sp1.x86_64-0.1.1.xz` in `sle-15.1-0.1.1-29.1`. `None` for a
/// folder that is not named by the rule `<os>-<major>.<minor>-<x.y.z>-<x.y>`.
pub fn image_file(folder: &str) -> Option<String> {
    let parts: Vec<&str> = folder.split('-').collect();
    parts.windows(4).find_map(|window| {
        let [os, system, image, build] = window else {
            return None;
        };
        let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
        let (major, minor) = system.split_once('.')?;
        let fits = is_word(os) && is_version(system, 2) && is_version(image, 3) && is_version(build, 2);
        fits.then(|| format!("minimal-{os}-{major}-sp{minor}.x86_64-{image}.xz"))
    })
}

/// Whether a text is so many numbers with dots between them.
fn is_version(text: &str, numbers: usize) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() == numbers && text.split('.').all(is_number)
}

/// What a node starts to have an image written to its disk. `console` is the node's, where it has one.
pub fn image(folder: &str, file: &str, console: Option<&Console>) -> Files {
    let base = Files::BASE;
    Files {
        name: folder.into(),
        kernel: format!("{FOLDER}/{folder}/{KERNEL}"),
        initrd: format!("{FOLDER}/{folder}/{INITRD}"),
        args: format!(
            "biosdevname=0 net.ifnames=0 rd.kiwi.install.pxe rd.kiwi.install.image={base}/{FOLDER}/{folder}/{file} {} \
             rd.debug rd.kiwi.debug",
            consoles(console)
        ),
    }
}

/// What a node starts to be parked: a kernel and a RAM disk in the folder `boot`.
pub fn maintenance(kernel: &str, initrd: &str, console: Option<&Console>) -> Files {
    Files {
        name: MAINTENANCE.into(),
        kernel: format!("{FOLDER}/boot/{kernel}"),
        initrd: format!("{FOLDER}/boot/{initrd}"),
        args: format!(
            "{} kiwiserver={} ramdisk_size=2048000 disableProgressInfo=1 kiwidebug=1",
            consoles(console),
            Files::HOST
        ),
    }
}

fn consoles(console: Option<&Console>) -> String {
    match console {
        Some(console) => format!("console=tty1 console={console}"),
        None => "console=tty1 console=ttyS1,115200".into(),
    }
}

/// What a file of an image's folder is in a boot, by its name.
pub fn role(path: &str) -> Role {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.contains("initrd") {
        Role::Initrd
    } else if name == KERNEL || name.ends_with(".kernel") {
        Role::Kernel
    } else if [".xz", ".raw", ".zst"].iter().any(|ending| name.ends_with(ending)) {
        Role::Root
    } else {
        Role::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_the_name_of_its_folder() {
        let file = |folder| image_file(folder);
        assert_eq!(
            file("sle-15.1-0.1.1-29.1").as_deref(),
            Some("minimal-sle-15-sp1.x86_64-0.1.1.xz")
        );
        assert_eq!(
            file("my-leap-15.2-1.0.12-3.44").as_deref(),
            Some("minimal-leap-15-sp2.x86_64-1.0.12.xz")
        );
        for other in [
            "sle-15.1",
            "sle-15-0.1.1-29.1",
            "sle-15.1-0.1-29.1",
            "",
            "-15.1-0.1.1-29.1",
        ] {
            assert_eq!(file(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_file_is_to_a_boot_is_in_its_name() {
        let roles = [
            ("sle/pxeboot.kernel", Role::Kernel),
            ("boot/opensuse-leap-15.0-default.kernel", Role::Kernel),
            ("sle/pxeboot.initrd.xz", Role::Initrd),
            ("sle/minimal-sle-15-sp1.x86_64-0.1.1.xz", Role::Root),
            ("sle/minimal-sle-15-sp1.x86_64-0.1.1.sha256", Role::File),
        ];
        for (path, wanted) in roles {
            assert_eq!(role(path), wanted, "{path}");
        }
    }
}
