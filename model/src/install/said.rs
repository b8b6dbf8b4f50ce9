//! Which lines of an installer's log matter to somebody who is not reading it.
//!
//! An installation writes some ten thousand lines. Of these about thirty say that it goes on to its next part, and one
//! says why it did not.

use crate::event::Notable;

/// A line that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Why it matters.
    pub notable: Notable,
    /// What to show of it.
    pub line: String,
}

/// The parts of Debian's installer by the names in its menu, with what they do.
const MENU: [(&str, &str); 20] = [
    ("localechooser", "chooses the language"),
    ("console-setup-udeb", "sets the keyboard"),
    ("ethdetect", "looks for network cards"),
    ("netcfg", "sets up the network"),
    ("network-preseed", "fetches its answers"),
    ("choose-mirror", "chooses the mirror"),
    ("download-installer", "fetches its components"),
    ("user-setup-udeb", "prepares accounts"),
    ("clock-setup", "sets the clock"),
    ("disk-detect", "looks for disks"),
    ("partman-base", "partitions the disk"),
    ("bootstrap-base", "installs the base system"),
    ("live-installer", "copies the system"),
    ("apt-setup-udeb", "sets up package sources"),
    ("pkgsel", "installs packages"),
    ("grub-installer", "installs the boot loader"),
    ("nobootloader", "goes on without a boot loader"),
    ("finish-install", "finishes"),
    ("di-utils-shell", "starts a shell"),
    ("save-logs", "saves its logs"),
];

/// The phases of debootstrap, each by the beginning of its lines. There are hundreds of each; whoever keeps them leaves
/// out what was said just before.
const BOOTSTRAP: [(&str, &str); 6] = [
    ("Retrieving ", "fetches the base system"),
    ("Validating ", "fetches the base system"),
    ("Extracting ", "extracts the base system"),
    ("Unpacking ", "unpacks the base system"),
    ("Setting up ", "configures the base system"),
    ("Configuring ", "configures the base system"),
];

/// What a line is worth, by the program that wrote it and its text. `None`: nothing.
pub fn notable(program: &str, text: &str) -> Option<Said> {
    let text = text.trim();
    let said = |notable, line: String| Some(Said { notable, line });
    let quoted = |notable| said(notable, format!("{program}: {text}"));
    match program {
        "main-menu" => return main_menu(text),
        "kernel" if is_grave(text) => return said(Notable::Error, text.to_string()),
        "kernel" => return None,
        "debconf" => {
            let question = text.split("INPUT critical ").nth(1)?.split_whitespace().next()?;
            return said(Notable::Question, question.to_string());
        }
        // Our own watcher, which knows what stands on the screen.
        "bellwether" if text.starts_with("asks ") => {
            return said(Notable::Question, text.trim_start_matches("asks ").to_string());
        }
        "preseed" if text.starts_with("successfully loaded preseed file") => {
            return said(Notable::Stage, "has its answers".into());
        }
        "pkgsel" if text.starts_with("checking for (security) updates") => {
            return said(Notable::Stage, "installs updates".into());
        }
        "pkgsel" if text.starts_with("installing additional packages") => {
            return said(Notable::Stage, "installs the packages that were asked for".into());
        }
        "debootstrap" => {
            let phase = BOOTSTRAP.iter().find(|(start, _)| text.starts_with(start));
            if let Some((_, phase)) = phase {
                return said(Notable::Stage, (*phase).into());
            }
        }
        _ => {}
    }
    if is_error(text) {
        return quoted(Notable::Error);
    }
    if is_warning(text) {
        return quoted(Notable::Warning);
    }
    None
}

/// `INFO: Menu item 'partman-base' selected`, `WARNING **: Menu item 'partman-base' failed.`
fn main_menu(text: &str) -> Option<Said> {
    let item = text.split('\'').nth(1).filter(|item| !item.trim().is_empty());
    match item {
        Some(item) if text.contains("Menu item") && text.ends_with("selected") => Some(Said {
            notable: Notable::Stage,
            line: match MENU.iter().find(|(name, _)| *name == item) {
                Some((_, does)) => format!("{does} ({item})"),
                None => item.to_string(),
            },
        }),
        Some(_) if text.contains("failed") => Some(Said {
            notable: Notable::Error,
            line: text.trim_start_matches("WARNING **: ").to_string(),
        }),
        _ => None,
    }
}

/// What the kernel says when hardware or memory gives out.
fn is_grave(text: &str) -> bool {
    const GRAVE: [&str; 6] = [
        "Kernel panic",
        "Out of memory: Killed",
        "I/O error",
        "Machine check",
        "soft lockup",
        "segfault at",
    ];
    // Disks that are asked what they can do answer some questions with an error.
    let harmless = text.contains("Dev fd0") || text.contains("sr0");
    GRAVE.iter().any(|part| text.contains(part)) && !harmless
}

fn is_error(text: &str) -> bool {
    const STARTS: [&str; 6] = ["E: ", "error: ", "Error: ", "ERROR: ", "dpkg: error ", "CRITICAL **"];
    const PARTS: [&str; 11] = [
        "exiting on error ",
        "BAD signature",
        "Can't check signature",
        "NO_PUBKEY",
        "Bad archive",
        "bad md5sum",
        "too small for expert recipe",
        "No space left on device",
        "package retrieval failed",
        "Failed to retrieve",
        "error code: ",
    ];
    STARTS.iter().any(|start| text.starts_with(start)) || PARTS.iter().any(|part| text.contains(part))
}

fn is_warning(text: &str) -> bool {
    const STARTS: [&str; 2] = ["WARNING **: ", "warning: "];
    const PARTS: [&str; 4] = [
        "missing firmware files",
        "does not support the specified release",
        "cannot tell the server",
        "Network autoconfiguration failed",
    ];
    STARTS.iter().any(|start| text.starts_with(start)) || PARTS.iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parts_of_an_installation_say() {
        let lines = [
            ("main-menu", "INFO: Menu item 'partman-base' selected"),
            ("main-menu", "INFO: Menu item 'strange-thing' selected"),
            ("main-menu", "DEBUG: configure anna, status: 2"),
            (
                "main-menu",
                "WARNING **: Configuring 'base-installer' failed with error code 1",
            ),
            ("main-menu", "WARNING **: Menu item 'base-installer' failed."),
            ("anna", "DEBUG: retrieving partman-efi 101"),
            ("anna", "WARNING **: package retrieval failed"),
            ("net-retriever", "gpgv: BAD signature from \"somebody\""),
            ("debootstrap", "Retrieving libc6 2.36-9"),
            ("debootstrap", "Setting up libc6 (2.36-9)"),
            ("debootstrap", "dpkg: warning: ignored"),
            ("in-target", "E: Unable to locate package no-such-thing"),
            ("in-target", "Setting up openssh-server"),
            (
                "partman-auto",
                "Available disk space (900) too small for expert recipe (4600); skipping",
            ),
            (
                "base-installer",
                "error: exiting on error base-installer/kernel/failed-install",
            ),
            (
                "check-missing-firmware",
                "missing firmware files (rtl_nic/rtl8168h-2.fw) for r8169",
            ),
            ("kernel", "[  100.0] blk_update_request: I/O error, dev vda, sector 0"),
            ("kernel", "[    1.0] ACPI Error: AE_NOT_FOUND"),
            ("debconf", "--> INPUT critical netcfg/get_nameservers"),
            ("debconf", "--> INPUT low partman/mount_style"),
            ("bellwether", "asks partman-auto/select_disk "),
            ("bellwether", "cannot tell the server: progress"),
            (
                "preseed",
                "successfully loaded preseed file from http://10.0.0.1/preseed.cfg",
            ),
            ("preseed", "running preseed command preseed/early_command: true"),
            ("pkgsel", "installing additional packages"),
            ("grub-installer", "info: Installing grub on '/dev/vda'"),
            ("grub-installer", "error: Running 'grub-install' failed."),
            ("", ""),
        ];
        let mut told = String::new();
        for (program, text) in lines {
            let said = match notable(program, text) {
                None => "-".to_string(),
                Some(said) => format!("{:?}: {}", said.notable, said.line),
            };
            told.push_str(&format!("{program}: {text}\n    {said}\n"));
        }
        insta::assert_snapshot!(told);
    }

    proptest::proptest! {
        #[test]
        fn any_line_can_be_judged(program in ".{0,20}", text in "\\PC{0,300}") {
            if let Some(said) = notable(&program, &text) {
                proptest::prop_assert!(!said.line.is_empty());
            }
        }
    }
}
