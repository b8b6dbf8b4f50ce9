use super::*;

fn found(text: &str) -> Vec<String> {
    lint(text).iter().map(ToString::to_string).collect()
}

#[test]
fn the_table_knows_the_questions_of_both_releases_and_nothing_that_is_only_shown() {
    assert!(TABLE.len() > 500, "{}", TABLE.len());
    assert_eq!(TABLE["partman-auto/disk"].kind, "string");
    assert_eq!(TABLE["apt-setup/services-select"].kind, "multiselect");
    assert!(TABLE["pkgsel/upgrade"].choices.contains(&"none"));
    assert!(!TABLE.contains_key("partman-auto/progress/title"));
    for question in TABLE.values() {
        assert!(TYPES.contains(&question.kind) && !matches!(question.kind, "text" | "title"));
    }
}

#[test]
fn a_sound_preseed_has_no_faults() {
    let sound = "#_preseed_V1\n# comment\n\nd-i time/zone string Europe/Berlin\nd-i mirror/http/proxy string\n\
                 d-i apt-setup/local7/repository string http://mirror.example/x stable main\n\
                 d-i netcfg/get_hostname seen true\ntasksel tasksel/first multiselect\n\
                 d-i finish-install/reboot_in_progress note\n\
                 d-i preseed/late_command string one; \\\n  two # this is the shell's; \\\n  three\n";
    assert_eq!(found(sound), Vec::<String>::new());
}

/// What people's preseeds that are passed around have in them.
#[test]
fn the_mistakes_that_make_machines_hang_or_install_for_ever() {
    let broken = [
        // No type: the value is taken for one.
        "d-i netcfg/get_hostname unassigned-hostname",
        // The comment becomes a part of the value.
        "d-i time/zone string Europe/Brussels #US/Pacific",
        "d-i partman-md/device_remove_md boolean true # remove old raid",
        // No such questions.
        "d-i netcfg/use_dhcp string true",
        "d-i apt-setup/restricted boolean false",
        "d-i apt-setup/security_proxy string http://mirror.example",
        "d-i console-setup/ask_detect boolean false",
        "d-i passwd/user-gid string 1000",
        // Wrong types and values.
        "d-i netcfg/dhcp_failed string no",
        "d-i clock-setup/utc string yes",
        "d-i clock-setup/utc boolean yes",
        "d-i pkgsel/upgrade select all",
        "d-i apt-setup/services-select multiselect updates, proposed",
        "d-i finish-install/reboot_in_progress note now",
        "d-i netcfg/get_hostname seen maybe",
        // Blanks that count.
        "d-i time/zone string  Etc/UTC",
        "d-i time/zone string Etc/UTC ",
        // Whose question it is.
        "d-i tasksel/first multiselect minimal",
        "tasksel time/zone string Etc/UTC",
        // Signatures and secrets.
        "d-i debian-installer/allow_unauthenticated boolean true",
        "d-i apt-setup/local0/repository string [trusted=yes] http://mirror.example ./",
        "d-i passwd/root-password password secret",
        "d-i passwd/user-password-crypted password secret",
        "d-i partman-crypto/passphrase password secret",
        "d-i passwd/username string admin",
        "d-i",
        "d-i time/zone",
        "d-i time/zone\u{a0}string Etc/UTC",
        "d-i time/zone string Etc/UTC\r",
    ];
    let told: Vec<String> = broken
        .iter()
        .map(|line| format!("{line}\n    {}", found(line).join("\n    ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_lost_backslash_is_found_in_the_line_that_it_cut_off() {
    let cut = "d-i preseed/late_command string one; \\\n  two;\n  wget http://mirror.example/installed\n";
    assert_eq!(
        found(cut),
        ["line 3: it begins with a blank: the line before has lost the backslash at its end"]
    );
    let blank = "d-i preseed/late_command string one; \\ \n  two\n";
    assert!(found(blank)[0].ends_with("so it does not go on"), "{:?}", found(blank));
    let comment = "d-i preseed/late_command string one; \\\n# two; \\\n  three\n";
    assert_eq!(
        found(comment),
        ["line 2: a comment or an empty line stands where the line before should go on"]
    );
    assert_eq!(
        found("d-i preseed/late_command string one; \\\n"),
        ["line 1: the file ends where this line should go on"]
    );
}

#[test]
fn answers_that_do_not_go_together_are_found() {
    let twice = "d-i time/zone string Etc/UTC\nd-i time/zone string Etc/UTC\n";
    assert_eq!(found(twice), ["line 2: time/zone was answered before, in line 1"]);
    let nobody = "d-i passwd/root-login boolean false\nd-i passwd/make-user boolean false\n";
    assert_eq!(
        found(nobody),
        ["line 2: without a login of root the installer insists on a user"]
    );
    let locked = "d-i passwd/root-login boolean true\nd-i passwd/root-password-crypted password !\n";
    assert!(found(locked)[0].contains("`*` locks it as well"));
    let method = "d-i partman-auto/method string regular\n";
    assert_eq!(
        found(method),
        ["line 1: no disk is chosen, the installer would ask for one"]
    );
    assert!(found(&format!("{method}d-i partman-auto/disk string /dev/vda\n")).is_empty());
}

proptest::proptest! {
    #[test]
    fn any_text_can_be_read(text in "(d-i |[a-z/-]{1,12}[ \t]|\\\\\n|#|\n|\\PC){0,60}") {
        for fault in lint(&text) {
            proptest::prop_assert!(fault.line >= 1 && !fault.what.is_empty());
        }
    }
}
