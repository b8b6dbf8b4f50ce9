//! Servers: the configuration is checked by them, and those of BMCs are started with it.

use std::process::Stdio;

use super::{CLUSTER, Exported, all};
use crate::bmc::{Running, bmcs, until};
use crate::support::client::{require, said, succeed};
use crate::support::segment::Segment;
use crate::support::server::PROGRAM;

#[test]
fn dnsmasq_kea_and_dhcpd_take_their_configuration() {
    require("dnsmasq", "dnsmasq-base");
    let dnsmasq = Exported::new("dnsmasq");
    assert!(all(&["dnsmasq", "--test", "-C", &dnsmasq.file()]).contains("syntax check OK"));

    require("kea-dhcp4", "kea-dhcp4-server");
    let kea = Exported::new("kea");
    let answer = all(&["kea-dhcp4", "-t", &kea.file()]);
    assert!(!answer.contains("ERROR") && !answer.contains("WARN"), "{answer}");

    require("dhcpd", "isc-dhcp-server");
    let dhcpd = Exported::new("dhcpd");
    let leases = dhcpd.put("leases", "");
    let answer = all(&["dhcpd", "-t", "-4", "-cf", &dhcpd.file(), "-lf", &leases]);
    assert!(!answer.contains("WARNING") && !answer.contains("line "), "{answer}");
}

#[test]
fn bind_loads_every_zone() {
    require("named-checkconf", "bind9-utils");
    let folder = tempfile::tempdir().unwrap();
    let zones = folder.path().join("zones");
    let zones = zones.to_str().unwrap();
    succeed(&[PROGRAM, "export", "bind", "--cluster", CLUSTER, "--write", zones]);
    let main = format!("{zones}/named.conf");
    let text = format!("options {{ directory \"{zones}\"; }};\ninclude \"{zones}/named.conf.bellwether\";\n");
    std::fs::write(&main, text).unwrap();
    let answer = all(&["named-checkconf", "-z", &main]);
    assert_eq!(answer.matches("loaded serial").count(), 5, "{answer}");
    let forward = all(&[
        "named-checkzone",
        "-i",
        "local",
        "hpc.example",
        &format!("{zones}/db.hpc.example"),
    ]);
    assert!(forward.ends_with("OK\n") && !forward.contains("warning"), "{forward}");
}

#[test]
fn conmand_starts_with_every_console() {
    require("conmand", "conman");
    // In a namespace: it calls at the BMCs as soon as it has started.
    let segment = Segment::new("10.99.0.1/24");
    segment.ip("link set lo up");
    let export = Exported::new("conman");
    std::fs::create_dir(export.path().join("log")).unwrap();
    let pid = export.place("pid");
    let text = export.text.replace("/var/log/conman", &export.place("log"));
    let server = format!("SERVER port=7890 loopback=ON pidfile=\"{pid}\"\n{text}");
    let mut command = segment.command("conmand");
    command.args(["-F", "-c", &export.put("conman.conf", &server)]);
    let log = std::fs::File::create(export.path().join("said")).unwrap();
    let _conmand = Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    let mut consoles = String::new();
    until("conmand answers", || {
        let answer = segment
            .command("conman")
            .args(["-d", "127.0.0.1:7890", "-q"])
            .output()
            .unwrap();
        consoles = String::from_utf8_lossy(&answer.stdout).into_owned();
        answer.status.success()
    });
    assert_eq!(consoles, "nid001\nnid002\nredfish\nstore\n");
    let said = std::fs::read_to_string(export.path().join("said")).unwrap();
    assert!(!said.contains("ERROR") && !said.contains("WARNING"), "{said}");
    let mut lines = export.text.lines().filter(|line| line.starts_with("CONSOLE"));
    assert!(lines.all(|line| !line.contains("P:")), "{}", export.text);
}

#[test]
fn powermand_switches_bmcs_with_a_password_that_is_elsewhere() {
    require("powermand", "powerman");
    require("ipmipower", "freeipmi-tools");
    let segment = Segment::new("10.99.0.1/24");
    let _bmcs = bmcs(&segment, &["127.7.0.1", "3"]);
    let folder = tempfile::tempdir().unwrap();
    let cluster = folder.path().join("cluster.yaml");
    let text = "cluster: rack\ndefaults:\n  bmc: { user: admin, password_from: \"env:BMC_PASSWORD\" }\n\
        groups:\n  odd: { members: \"n[1,3]\" }\nnodes:\n  n[1-3]: { bmc: { address: 127.7.0.1+ } }\n";
    std::fs::write(&cluster, text).unwrap();
    let export = Exported::of(cluster.to_str().unwrap(), "powerman");
    assert!(export.text.contains("env:BMC_PASSWORD"), "{}", export.text);
    let secret = export.put("secret.conf", "password lab\n");
    let text = export.text.replace("/etc/freeipmi/bellwether.conf", &secret);
    let text = format!("listen \"127.0.0.1:10101\"\n{text}");
    let mut command = segment.command("powermand");
    command.args(["-f", "-c", &export.put("powerman.conf", &text)]);
    let _powermand = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let powerman = |words: &[&str]| {
        let mut command = segment.command("powerman");
        let answer = command.args(["-h", "127.0.0.1:10101"]).args(words).output().unwrap();
        (answer.status.success(), said(&answer))
    };
    // Of a BMC that does not answer yet it says so without failing.
    until("powermand has asked the BMCs", || {
        let (fine, state) = powerman(&["-q", "n[1-3]"]);
        fine && !state.contains("unknown: n")
    });
    assert_eq!(powerman(&["-l"]).1, "n[1-3]\n");
    assert!(powerman(&["-1", "odd"]).0, "{:?}", powerman(&["-q", "n[1-3]"]));
    let (_, state) = powerman(&["-q", "n[1-3]"]);
    assert!(
        state.contains("on:      n[1,3]") && state.contains("off:     n2"),
        "{state}"
    );
}
