//! Images of whole disks, written to files that stand for disks.

use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use super::boxed::Boxed;

fn shell(folder: &Path, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-ec", script])
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()))
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}: {said}");
    said
}

/// A disk of 24 MiB with an ext4 in its second partition, compressed, and an empty disk of 64 MiB.
fn image(boxed: &Boxed) -> String {
    shell(
        boxed.path(),
        "truncate -s 24M image.raw
         printf 'label: gpt\nsize=4MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\nsize=16MiB\n' | sfdisk -q image.raw
         mkdir tree; echo hello >tree/file; head -c 300000 /dev/urandom >tree/noise
         truncate -s 16M fs; mkfs.ext4 -q -F -d tree fs; dd if=fs of=image.raw bs=1M seek=5 conv=notrunc status=none
         zstd -q image.raw -o disk.zst
         truncate -s 64M target.raw",
    );
    let bytes = std::fs::read(boxed.path().join("disk.zst")).unwrap();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `stream` reads the file here: transfers have tests of their own.
const LOCAL: &str = "stream() { cat disk.zst; }\nmkfifo run/sum-pipe\nsha256sum <run/sum-pipe >run/sum &\n";

#[test]
fn a_disk_cannot_boot_before_all_of_it_is_there_and_checked() {
    let boxed = Boxed::new();
    let digest = image(&boxed);
    let written = boxed.run(&format!(
        "{LOCAL}write_stream x x target.raw run/sum-pipe; echo $?; wait; cut -d ' ' -f 1 run/sum"
    ));
    assert_eq!(written, format!("0\n{digest}\n"));
    let image = std::fs::read(boxed.path().join("image.raw")).unwrap();
    let target = std::fs::read(boxed.path().join("target.raw")).unwrap();
    let first = 1 << 20;
    assert!(
        target[..first].iter().all(|byte| *byte == 0),
        "the beginning waits for the checksum"
    );
    assert!(target[first..image.len()] == image[first..]);
    assert!(std::fs::read(boxed.path().join("run/first")).unwrap() == image[..first]);
}

#[test]
fn an_image_that_is_damaged_or_torn_is_noticed() {
    for damage in [
        "truncate -s -5000 disk.zst",
        "printf x | dd of=disk.zst bs=1 seek=5000 conv=notrunc status=none",
    ] {
        let boxed = Boxed::new();
        image(&boxed);
        shell(boxed.path(), damage);
        let status = boxed.run(&format!(
            "{LOCAL}write_stream x x target.raw run/sum-pipe; echo $?; wait"
        ));
        assert_ne!(status.trim(), "0", "{damage}");
    }
}

#[test]
fn a_larger_disk_is_used_to_its_end() {
    let boxed = Boxed::new();
    image(&boxed);
    boxed.run(
        "dd if=image.raw of=target.raw conv=notrunc 2>/dev/null; DISK=target.raw\n\
         blockdev() { :; }; find_root() { return 1; }; fallback_loader() { echo \"esp $1\" >>said; }\n\
         partition_number() { echo \"${1#target.raw}\"; }; grow() { echo \"grow $1\" >>said; }\n\
         settle_whole",
    );
    assert!(shell(boxed.path(), "sgdisk -v target.raw").contains("No problems found"));
    assert_eq!(boxed.read("said"), "grow target.raw2\nesp target.raw1\n");
    let table = shell(boxed.path(), "sfdisk --json target.raw");
    let table: serde_json::Value = serde_json::from_str(&table).unwrap();
    let size = table["partitiontable"]["partitions"][1]["size"].as_u64().unwrap() / 2048;
    assert_eq!(size, 58, "the last partition has what there is");
    // What was in it is still there, and can grow into it.
    shell(
        boxed.path(),
        "dd if=target.raw of=fs2 bs=1M skip=5 count=58 status=none; e2fsck -fy fs2 >/dev/null; resize2fs fs2 2>/dev/null >/dev/null
         e2fsck -fn fs2 >/dev/null; debugfs -R 'cat file' fs2 2>/dev/null | grep hello",
    );
}
