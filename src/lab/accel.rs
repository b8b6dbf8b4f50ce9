//! Whether the processor's virtualisation can be used, found out by trying.
//!
//! `/dev/kvm` is there on many machines where it does not work: nested virtualisation that is switched off, a
//! container, an emulator that fails as soon as firmware runs. So a guest of 512 bytes has to run first.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::LabError;

/// How machines run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// By the processor.
    Kvm,
    /// Translated by QEMU: 10 to 20 times slower, runs everywhere.
    Tcg,
}

impl Accel {
    /// QEMU's `-accel`.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg,thread=multi",
        }
    }

    /// QEMU's `-cpu` where none was asked for.
    ///
    /// `qemu64` boots Debian with some 10 % less work than `max`, but lacks the instructions of x86-64-v2, without which
    /// the Red Hat family has not started since version 9.
    pub fn cpu(self) -> &'static str {
        match self {
            Self::Kvm => "host",
            Self::Tcg => "max",
        }
    }

    /// The fastest way that works here. Takes half a second where KVM works, three where it hangs.
    pub fn find() -> Self {
        let usable = std::fs::File::options().read(true).write(true).open("/dev/kvm").is_ok();
        if usable && runs(Self::Kvm, Duration::from_secs(3)).unwrap_or(false) {
            Self::Kvm
        } else {
            Self::Tcg
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "emulation (TCG)",
        })
    }
}

/// `mov dx, 0xf4; mov al, 0x10; out dx, al; hlt`: with QEMU's `isa-debug-exit` at that port the whole emulator ends with
/// status `0x10 << 1 | 1`.
const GUEST: [u8; 7] = [0xba, 0xf4, 0x00, 0xb0, 0x10, 0xee, 0xf4];
const SIGN_OF_LIFE: i32 = 0x10 << 1 | 1;

/// Whether a guest gets from its firmware into its boot sector in time.
fn runs(accel: Accel, patience: Duration) -> Result<bool, LabError> {
    let mut sector = [0; 512];
    sector[..GUEST.len()].copy_from_slice(&GUEST);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    let path = std::env::temp_dir().join(format!("bellwether-kvm-trial-{}", std::process::id()));
    let written = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(&sector));
    let outcome = written
        .map_err(LabError::io("write the trial guest"))
        .and_then(|()| trial(accel, &path, patience));
    std::fs::remove_file(&path).ok();
    outcome
}

fn trial(accel: Accel, sector: &Path, patience: Duration) -> Result<bool, LabError> {
    let mut guest = Command::new(super::qemu::PROGRAM)
        .args([
            "-machine",
            "pc",
            "-accel",
            accel.argument(),
            "-m",
            "32",
            "-display",
            "none",
            "-nodefaults",
        ])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-drive"])
        .arg(format!("if=floppy,format=raw,readonly=on,file={}", sector.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(LabError::io("start the trial guest"))?;
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = guest.try_wait().map_err(LabError::io("wait for the trial guest"))? {
            return Ok(status.code() == Some(SIGN_OF_LIFE));
        }
        if Instant::now() >= until {
            guest.kill().ok();
            guest.wait().ok();
            return Ok(false);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulated_guest_gives_its_sign_of_life() {
        if !Path::new("/usr/bin/qemu-system-x86_64").exists() {
            return;
        }
        assert!(runs(Accel::Tcg, Duration::from_secs(60)).unwrap());
    }
}
