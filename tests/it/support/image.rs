//! Images as `bellwether image build` leaves them, but for their content.

use std::path::Path;

use serde_json::{Value, json};
use sha2::Digest as _;

/// Puts an image of a kind (`system`, `agent`) into a folder that is named after it. Each file is its key in the
/// manifest, its name and its content.
pub fn put(folder: &Path, kind: &str, files: &[(&str, &str, &str)]) {
    std::fs::create_dir_all(folder).unwrap();
    let sum = |text: &str| -> String { sha2::Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect() };
    let mut manifest = json!({
        "name": folder.file_name().unwrap().to_str(), "os": "debian-12", "architecture": "amd64", "kind": kind,
        "built_at": "2026-01-01T00:00:00Z", "packages": { "count": 0, "sha256": sum("") }, "recipe": sum(""),
    });
    for (key, name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
        manifest[key] = json!({ "path": name, "size": text.len(), "sha256": sum(text) });
    }
    if files.iter().any(|(key, ..)| *key == "disk_initrd") {
        manifest["unpacked"] = Value::from(1_000_000);
    }
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

/// Puts an image that may go to disks, `tiny`, and the agent that writes it, into a state folder.
pub fn for_disks(state: &Path) {
    let file = |key, name| (key, name, name);
    let boot = [file("kernel", "kernel"), file("initrd", "initrd")];
    let rest = [file("root", "root.squashfs"), file("disk_initrd", "disk-initrd")];
    put(&state.join("images/tiny"), "system", &[boot, rest].concat());
    put(&state.join("images/agent"), "agent", &boot);
}

/// An image of three small files that boots over the network, `tiny`, below a state folder.
pub fn tiny(state: &Path) {
    let kernel = "k".repeat(100_000);
    let files = [
        ("kernel", "vmlinuz", kernel.as_str()),
        ("initrd", "initrd.img", "initrd"),
        ("root", "root.squashfs", "root"),
    ];
    put(&state.join("images/tiny"), "system", &files);
}
