//! What consoles really say.

use jiff::{SignedDuration, Timestamp};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn names(octets: &[u8]) -> Vec<&'static str> {
    let said = Listener::default().hear(octets, at(0));
    said.iter().map(|said| said.rule.name).collect()
}

#[test]
fn the_lines_that_matter_are_known() {
    let cases: [(&str, &str); 22] = [
        (
            "[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n",
            "kernel-panic",
        ),
        (
            "BUG: unable to handle page fault for address: 00000000\n",
            "kernel-oops",
        ),
        (
            "[ 3.1] mce: [Hardware Error]: Machine check events logged\n",
            "machine-check",
        ),
        ("Out of memory: Killed process 812 (cloud-init)\n", "out-of-memory"),
        (
            "ALERT!  UUID=1 does not exist. Dropping to a shell!\n",
            "root-not-found",
        ),
        (
            "Entering emergency mode. Exit the shell to continue.\n",
            "emergency-shell",
        ),
        ("\r\n(initramfs) ", "initramfs-shell"),
        ("dracut:/# ", "initramfs-shell"),
        (
            "error: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> ",
            "grub-rescue",
        ),
        ("PXE-E61: Media test failure, check cable\r\n", "firmware-pxe"),
        (
            "No configuration methods succeeded (https://ipxe.org/040ee119)\n",
            "ipxe-error",
        ),
        ("No bootable device.\n", "nothing-to-boot"),
        (
            "BdsDxe: failed to load Boot0001 \"UEFI PXEv4\": Access Denied\n",
            "signature-refused",
        ),
        ("UEFI Interactive Shell v2.2\r\nShell> ", "uefi-shell"),
        ("blk_update_request: I/O error, dev sda, sector 5\n", "disk-error"),
        ("\u{1b}[1;1H[!!] Download installer components\n", "installer-error"),
        (
            "Bellwether: giving up after 5 tries, rebooting in 30 seconds\n",
            "bellwether-failed",
        ),
        ("Debian GNU/Linux 12 nid001 ttyS0\n\nnid001 login: ", "login"),
        ("\u{1b}[0m\u{1b}[32mn1 login: ", "login"),
        ("XFS (sda1): Corruption detected\n", "disk-error"),
        ("grub> ", "grub-prompt"),
        ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s!\n", "kernel-oops"),
    ];
    for (text, rule) in cases {
        assert_eq!(names(text.as_bytes()), [rule], "{text:?}");
    }
}

#[test]
fn noise_costs_one_line_and_not_all_that_follow() {
    for noise in [
        "\u{1b}]\u{1}x",
        "\u{1b}P",
        "\u{1b}[",
        "\u{1b}",
        "\u{1b}(",
        "\u{1b}_ab\u{1b}",
    ] {
        let text = format!("{noise}\nKernel panic - not syncing: VFS\n");
        assert_eq!(names(text.as_bytes()), ["kernel-panic"], "{noise:?}");
    }
    let split = [
        b"\xf0\x9f".as_slice(),
        b"\x1b]",
        b"\r\nKernel panic - not syncing: VFS\n",
    ]
    .concat();
    assert_eq!(names(&split), ["kernel-panic"]);
}

#[test]
fn no_command_to_a_terminal_is_left_in_a_line() {
    let text = "\u{9b}2J\u{90}\u{1b}[31mKernel panic\u{7} - not syncing: \u{8b}caf\u{e9}\n";
    let said = Listener::default().hear(text.as_bytes(), at(0));
    assert_eq!(said[0].line, "2JKernel panic - not syncing: café");
}

#[test]
fn what_is_well_says_nothing() {
    for text in [
        "XFS (sda1): Mounting V5 Filesystem\n",
        "[  OK  ] Reached target emergency mode is not entered\n",
        "somebody types: last login: yesterday\n",
        "iPXE initialising devices...ok\n",
        "",
    ] {
        assert_eq!(names(text.as_bytes()), Vec::<&str>::new(), "{text:?}");
    }
}

#[test]
fn a_line_may_come_octet_by_octet_and_a_flood_makes_one_event() {
    let mut listener = Listener::default();
    let mut said = Vec::new();
    for byte in "Kernel panic - not syncing: Attempted to kill init! exitcode=0x000000ä\r\n".bytes() {
        said.extend(listener.hear(&[byte], at(0)));
    }
    assert_eq!(said.len(), 1);
    assert!(said[0].line.ends_with("0x000000ä"), "{:?}", said[0].line);
    let flood = "PXE-E16: No offer received\n".repeat(1000);
    assert_eq!(listener.hear(flood.as_bytes(), at(1)).len(), 1);
    assert_eq!(listener.hear(flood.as_bytes(), at(30)).len(), 0);
    assert_eq!(listener.hear(flood.as_bytes(), at(62)).len(), 1);
}

#[test]
fn names_are_there_once_and_bad_news_has_advice() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
    assert!(
        RULES
            .iter()
            .all(|rule| rule.weight != Weight::Bad || !rule.advice.is_empty())
    );
}

proptest::proptest! {
    #[test]
    fn no_octets_make_it_fall_or_grow(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..4000)) {
        let mut listener = Listener::default();
        for said in listener.hear(&octets, at(0)) {
            proptest::prop_assert!(said.line.chars().count() <= 400);
            proptest::prop_assert!(!said.line.chars().any(char::is_control));
        }
    }
}
