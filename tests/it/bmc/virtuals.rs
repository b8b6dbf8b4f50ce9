//! Our virtual BMC against the clients of others.

use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};

use super::emulators::{Running, until};
use crate::support::segment::Segment;
use crate::support::server::PROGRAM;

/// Starts virtual BMCs without machines in the segment.
pub fn bmcs(segment: &Segment, words: &[&str]) -> Running {
    let mut command = segment.command(PROGRAM);
    command
        .args(["lab", "bmcs"])
        .args(words)
        .env("BMC_PASSWORD", super::emulators::PASSWORD)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// What `ipmitool` says of the BMC on 127.0.1.1.
pub fn ipmitool(segment: &Segment, suite: &str, words: &[&str]) -> Output {
    let mut command: Command = segment.command("ipmitool");
    command
        .args(["-I", "lanplus", "-H", "127.0.1.1", "-U", "admin", "-E", "-C", suite])
        .env("IPMI_PASSWORD", "lab")
        .args(words);
    command.output().unwrap()
}

/// Both outputs of a program.
pub fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn ipmitool_operates_a_virtual_bmc_with_both_suites() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.0.1.1"]);
    until("the BMC answers", || {
        ipmitool(&segment, "17", &["mc", "guid"]).status.success()
    });
    for suite in ["3", "17"] {
        let ask = |words: &[&str]| {
            let output = ipmitool(&segment, suite, words);
            assert!(output.status.success(), "{suite} {words:?}: {}", said(&output));
            said(&output)
        };
        assert!(ask(&["power", "off"]).contains("Off"));
        until("it is off", || ask(&["power", "status"]).contains("is off"));
        assert!(ask(&["power", "on"]).contains("Up/On"));
        until("it is on", || ask(&["power", "status"]).contains("is on"));
        ask(&["chassis", "bootdev", "pxe", "options=efiboot"]);
        let flags = ask(&["chassis", "bootparam", "get", "5"]);
        for wanted in ["Boot Flag Valid", "only next boot", "BIOS EFI boot", "Force PXE"] {
            assert!(flags.contains(wanted), "{wanted}: {flags}");
        }
        assert!(ask(&["mc", "info"]).contains("IPMI Version              : 2.0"));
        assert!(ask(&["fru", "print", "0"]).contains("lab machine"));
        let sensors = ask(&["sdr", "elist"]);
        assert!(
            sensors.contains("24 degrees C") && sensors.contains("5700 RPM"),
            "{sensors}"
        );
        // What the machine did is in the log.
        assert!(ask(&["sel", "elist"]).contains("System Boot Initiated"));
        ask(&["chassis", "identify", "3"]);
        ask(&["power", "cycle"]);
        ask(&["sol", "info", "1"]);
    }
    // Which suite is found without being told, and who is not let in.
    let mut found = segment.command("ipmitool");
    found.args([
        "-I",
        "lanplus",
        "-H",
        "127.0.1.1",
        "-U",
        "admin",
        "-P",
        "lab",
        "power",
        "status",
    ]);
    assert!(found.output().unwrap().status.success());
    let mut wrong = segment.command("ipmitool");
    wrong.args([
        "-I",
        "lanplus",
        "-H",
        "127.0.1.1",
        "-U",
        "admin",
        "-P",
        "no",
        "-C",
        "17",
        "-N",
        "1",
        "-R",
        "1",
        "power",
        "status",
    ]);
    let wrong = wrong.output().unwrap();
    assert!(
        !wrong.status.success() && !said(&wrong).contains("Chassis Power"),
        "{}",
        said(&wrong)
    );
}

#[test]
fn freeipmi_operates_a_virtual_bmc_and_speaks_over_its_console() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.0.1.1"]);
    let power = |suite: &str, word: &str| {
        let mut command = segment.command("ipmipower");
        command.args([
            "-D",
            "LAN_2_0",
            "-I",
            suite,
            "-u",
            "admin",
            "-p",
            "lab",
            "-h",
            "127.0.1.1",
            word,
        ]);
        said(&command.output().unwrap())
    };
    until("the BMC answers", || power("17", "--stat").contains("127.0.1.1: off"));
    for suite in ["3", "17"] {
        assert!(power(suite, "--on").contains("127.0.1.1: ok"));
        until("it is on", || power(suite, "--stat").contains("127.0.1.1: on"));
        // What is typed comes back from the machine.
        let mut console = segment.command("ipmiconsole");
        console
            .args([
                "-I",
                suite,
                "-u",
                "admin",
                "-p",
                "lab",
                "-h",
                "127.0.1.1",
                "--serial-keepalive",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // It wants a terminal.
        let mut console = on_a_terminal(&console);
        let mut stdin = console.0.stdin.take().unwrap();
        let mut stdout = console.0.stdout.take().unwrap();
        let text = "the quick brown fox jumps over the lazy dog, and again and again";
        let (sender, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut all = Vec::new();
            let mut buffer = [0; 256];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                all.extend_from_slice(&buffer[..length]);
                sender.send(String::from_utf8_lossy(&all).into_owned()).ok();
            }
        });
        let mut last = String::new();
        let mut sees = |wanted: &str| {
            until(&format!("the console says {wanted}"), || {
                last = heard.try_iter().last().unwrap_or(std::mem::take(&mut last));
                last.contains(wanted)
            });
        };
        sees("SOL established");
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
        sees(text);
        drop(console);
        power(suite, "--off");
        until("it is off", || power(suite, "--stat").contains("127.0.1.1: off"));
    }
}

/// Runs a command with a terminal of its own, which `script` makes.
fn on_a_terminal(command: &Command) -> Running {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_str().unwrap().to_string())
        .collect();
    let mut script = Command::new("script");
    script
        .args(["-q", "-e", "-c", &words.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Running(script.spawn().unwrap())
}
