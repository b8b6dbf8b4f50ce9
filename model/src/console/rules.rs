//! Lines that matter, and what each means.

/// How a line is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The machine stands still, or lost something.
    Bad,
    /// Worth a line of the story.
    Note,
    /// As it should be.
    Good,
}

impl Weight {
    /// Its name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Note => "note",
            Self::Good => "good",
        }
    }
}

/// A kind of line.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the journal; never reused.
    pub name: &'static str,
    /// How it is taken.
    pub weight: Weight,
    /// What it means, as a sentence that begins with the machine: it …
    pub means: &'static str,
    /// What to do, for bad ones.
    pub advice: &'static str,
    texts: &'static [&'static str],
    matched: Match,
}

#[derive(Debug, PartialEq, Eq)]
enum Match {
    /// Somewhere in the line.
    Within,
    /// At its beginning.
    Begins,
    /// At its end, whether or not the line goes on: a prompt.
    Ends,
}

const fn bad(name: &'static str, texts: &'static [&'static str], means: &'static str, advice: &'static str) -> Rule {
    Rule {
        name,
        weight: Weight::Bad,
        means,
        advice,
        texts,
        matched: Match::Within,
    }
}

const fn at_the_end(rule: Rule) -> Rule {
    Rule {
        matched: Match::Ends,
        ..rule
    }
}

const fn at_the_beginning(rule: Rule) -> Rule {
    Rule {
        matched: Match::Begins,
        ..rule
    }
}

const fn weighing(weight: Weight, rule: Rule) -> Rule {
    Rule { weight, ..rule }
}

/// Every kind. The first that knows a line names it.
pub const RULES: &[Rule] = &[
    bad(
        "kernel-panic",
        &["Kernel panic - not syncing"],
        "its kernel gave up",
        "look at the lines before it: bellwether console log; the root image and the kernel's arguments are the usual reasons",
    ),
    bad(
        "kernel-oops",
        &[
            "BUG: unable to handle",
            "Oops: ",
            "general protection fault",
            "BUG: soft lockup",
            "watchdog: BUG: ",
        ],
        "its kernel ran into an error of its own",
        "look at the lines after it for the driver that is named; another kernel may help",
    ),
    bad(
        "machine-check",
        &[
            "[Hardware Error]",
            "Machine check events logged",
            "Machine Check Exception",
            "mce: [Hardware",
        ],
        "its hardware reports an error",
        "read the event log of its BMC: bellwether bmc log",
    ),
    bad(
        "out-of-memory",
        &[
            "Out of memory: Killed process",
            "Out of memory and no killable processes",
        ],
        "it ran out of memory",
        "a root image in memory needs that of the machine: a smaller image, or a disk",
    ),
    bad(
        "root-not-found",
        &[
            "VFS: Unable to mount root fs",
            "ALERT!  ",
            "Could not boot.",
            "does not exist. Dropping to a shell!",
            "dracut-initqueue: timeout",
            "Warning: Could not boot",
        ],
        "its initial RAM disk found no root filesystem",
        "the lines before it say what it waited for: a NIC without driver and a wrong `root=` are the usual reasons",
    ),
    at_the_beginning(bad(
        "emergency-shell",
        &[
            "Entering emergency mode",
            "You are in emergency mode",
            "Generating \"/run/initramfs/rdsosreport.txt\"",
            "Give root password for maintenance",
            "Cannot open access to console, the root account is locked",
        ],
        "it stopped in an emergency shell",
        "the reason stands some lines before: bellwether console log",
    )),
    at_the_end(bad(
        "initramfs-shell",
        &["(initramfs) ", "dracut:/# "],
        "it stopped in the shell of its initial RAM disk",
        "the reason stands some lines before: bellwether console log",
    )),
    at_the_end(bad(
        "grub-rescue",
        &["grub rescue> "],
        "GRUB on its disk does not find its own files",
        "the disk was changed under it: install again, or boot it from the network",
    )),
    at_the_end(weighing(
        Weight::Note,
        bad("grub-prompt", &["grub> "], "GRUB waits at its prompt", ""),
    )),
    bad(
        "firmware-pxe",
        &["PXE-E", "PXE-M0F", "PXE-T"],
        "its firmware cannot boot from the network",
        "PXE-E16: no offer; E18: no server; E32: TFTP does not answer; E61: no cable",
    ),
    bad(
        "ipxe-error",
        &["ipxe.org/"],
        "iPXE reports an error",
        "its number is explained at the address that it prints",
    ),
    bad(
        "nothing-to-boot",
        &[
            "No bootable device",
            "Operating System not found",
            "Reboot and Select proper Boot device",
            "No Boot Device Found",
            "No boot device",
            "No more network devices",
            "BdsDxe: No bootable option",
            "Boot Failed. ",
        ],
        "its firmware found nothing to boot",
        "is the network in its boot order, and is there a system on its disk?",
    ),
    bad(
        "signature-refused",
        &[
            "Security Violation",
            "Secure Boot Violation",
            "Access Denied",
            "bad shim signature",
            "Verification failed: ",
        ],
        "its firmware refused a signature",
        "Secure Boot is on: bellwether why says which chain would be taken; loader: auto finds it",
    ),
    at_the_end(weighing(
        Weight::Note,
        bad("uefi-shell", &["Shell> "], "its firmware stands in the UEFI shell", ""),
    )),
    bad(
        "disk-error",
        &[
            "I/O error, dev ",
            "Buffer I/O error",
            "EXT4-fs error",
            "XFS (",
            "UNEXPECTED INCONSISTENCY",
        ],
        "its disk or a filesystem on it reports an error",
        "look at the disk's own record: smartctl -a",
    ),
    bad(
        "installer-error",
        &[
            "[!!] ",
            "Installation step failed",
            "An installation step failed",
            "Failed to partition",
        ],
        "the installer shows an error and waits",
        "bellwether deployment show has the installer's own log",
    ),
    bad(
        "bellwether-failed",
        &["Bellwether: giving up", "cannot boot: ", "bellwether: failed"],
        "what we gave it to boot did not start",
        "the reason stands in the line",
    ),
    weighing(
        Weight::Note,
        bad(
            "firmware-setup",
            &["Press any key to enter setup", "Entering Setup", "Aptio Setup Utility"],
            "its firmware's setup is open",
            "",
        ),
    ),
    at_the_end(weighing(
        Weight::Good,
        bad("login", &[" login: "], "it shows its login prompt", ""),
    )),
];

/// The rule that knows a line. `is_whole`: the line has ended.
pub(super) fn find(line: &str, is_whole: bool) -> Option<&'static Rule> {
    RULES
        .iter()
        .find(|rule| {
            rule.texts.iter().any(|text| match rule.matched {
                Match::Within => is_whole && line.contains(text),
                Match::Begins => is_whole && line.trim_start().starts_with(text),
                // A prompt is what the line ends with while nobody has typed.
                Match::Ends => !is_whole && line.ends_with(text),
            })
        })
        .filter(|rule| rule.name != "disk-error" || is_trouble_of_a_disk(line))
}

/// XFS names itself in good news, too.
fn is_trouble_of_a_disk(line: &str) -> bool {
    !line.contains("XFS (")
        || ["error", "corrupt", "Corruption", "shutdown"]
            .iter()
            .any(|word| line.contains(word))
}
