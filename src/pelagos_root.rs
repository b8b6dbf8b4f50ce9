//! Pelagos' folder of images: what is in it, and where a path in it leads.
//!
//! Invariant: no path leads out of the folder, whatever symbolic links are in it.

use std::path::{Component, Path, PathBuf};

use model::pelagos::{INITRD, image_file};
use model::world::World;

/// Folders beside the images that are none.
const OTHERS: [&str; 2] = ["boot", "pxelinux.cfg"];

/// The folder, while its face is open.
pub fn of(world: &World) -> Option<PathBuf> {
    let faces = &world.cluster.faces;
    faces.pelagos.as_ref()?;
    Some(PathBuf::from(&faces.pelagos_ways.tftp_root))
}

/// The file at a path below the folder; `None` where there is none, or not in the folder. Blocks.
pub fn file(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || path.as_os_str().is_empty() {
        return None;
    }
    let root = root.canonicalize().ok()?;
    let found = root.join(path).canonicalize().ok()?;
    (found.starts_with(&root) && found.is_file()).then_some(found)
}

/// The folder of an image: its own name, or the one that a symbolic link of that name leads to. Blocks.
pub fn image(root: &Path, os: &str) -> Option<String> {
    let is_name = !os.is_empty() && !os.starts_with('.') && !os.contains(['/', '\0']) && os.len() <= 255;
    if !is_name || OTHERS.contains(&os) {
        return None;
    }
    let path = root.join(os);
    let folder = match std::fs::read_link(&path) {
        Ok(target) => target.file_name()?.to_str()?.to_string(),
        Err(_) => os.to_string(),
    };
    let is_there = std::fs::symlink_metadata(root.join(&folder)).is_ok_and(|meta| meta.is_dir());
    is_there.then_some(folder)
}

/// The names of the images, those of links included, in order. Blocks.
pub fn images(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut images: Vec<String> = names.filter(|name| image(root, name).is_some()).collect();
    images.sort();
    images
}

/// The file that is written to disks, in the folder of an image: the one that the folder's name says, else the only compressed
/// file that it can be. Blocks.
///
/// # Errors
/// Something that is needed to start it is missing; says what.
pub fn payload(root: &Path, folder: &str) -> Result<String, String> {
    let has = |name: &str| file(root, &format!("{folder}/{name}")).is_some();
    for needed in [model::pelagos::KERNEL, INITRD] {
        if !has(needed) {
            return Err(format!("{} is missing", root.join(folder).join(needed).display()));
        }
    }
    if let Some(name) = image_file(folder).filter(|name| has(name)) {
        return Ok(name);
    }
    let entries = std::fs::read_dir(root.join(folder)).map_err(|error| error.to_string())?;
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let fits =
        |name: &String| name.ends_with(".xz") && name != INITRD && !name.contains(char::is_whitespace) && has(name);
    let mut names: Vec<String> = names.filter(fits).collect();
    match (names.pop(), names.pop()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(format!("{} holds no image to write", root.join(folder).display())),
        (Some(a), Some(b)) => Err(format!(
            "{} holds several images: {a}, {b}",
            root.join(folder).display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["sle-15.1-0.1.1-29.1", "boot", "pxelinux.cfg", "own"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let link = |from: &str, to: &str| std::os::unix::fs::symlink(to, root.path().join(from)).unwrap();
        link("sle-15.1", &format!("{}/sle-15.1-0.1.1-29.1", root.path().display()));
        link("away", "/etc");
        link("gone", "nothing");
        for file in [
            "sle-15.1-0.1.1-29.1/pxeboot.kernel",
            "sle-15.1-0.1.1-29.1/pxeboot.initrd.xz",
        ] {
            std::fs::write(root.path().join(file), file).unwrap();
        }
        root
    }

    #[test]
    fn an_image_is_a_folder_or_a_link_to_one_of_the_folders() {
        let root = root();
        let image = |os| image(root.path(), os);
        assert_eq!(image("sle-15.1").as_deref(), Some("sle-15.1-0.1.1-29.1"));
        assert_eq!(image("own").as_deref(), Some("own"));
        for other in ["..", ".", "", "boot", "pxelinux.cfg", "away", "gone", "own/..", "no"] {
            assert_eq!(image(other), None, "{other}");
        }
        assert_eq!(images(root.path()), ["own", "sle-15.1", "sle-15.1-0.1.1-29.1"]);
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let root = root();
        let file = |path| file(root.path(), path);
        assert!(file("sle-15.1/pxeboot.kernel").is_some());
        for other in [
            "away/passwd",
            "../etc/passwd",
            "/etc/passwd",
            "sle-15.1",
            "",
            "sle-15.1/../../etc/passwd",
        ] {
            assert_eq!(file(other), None, "{other}");
        }
    }

    #[test]
    fn the_file_to_write_is_named_by_the_folder_or_the_only_one() {
        let root = root();
        let payload = |folder| payload(root.path(), folder);
        let put = |path: &str| std::fs::write(root.path().join(path), "x").unwrap();
        assert!(payload("own").unwrap_err().contains("pxeboot.kernel is missing"));
        assert!(payload("sle-15.1-0.1.1-29.1").unwrap_err().contains("no image"));
        put("sle-15.1-0.1.1-29.1/other.xz");
        assert_eq!(payload("sle-15.1-0.1.1-29.1").as_deref(), Ok("other.xz"));
        put("sle-15.1-0.1.1-29.1/more.xz");
        assert!(payload("sle-15.1-0.1.1-29.1").unwrap_err().contains("several"));
        put("sle-15.1-0.1.1-29.1/minimal-sle-15-sp1.x86_64-0.1.1.xz");
        assert_eq!(
            payload("sle-15.1-0.1.1-29.1").as_deref(),
            Ok("minimal-sle-15-sp1.x86_64-0.1.1.xz")
        );
    }
}
