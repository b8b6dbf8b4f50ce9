//! Real firmware with Secure Boot enforced, beside a foreign DHCP server, and with HTTP boot alone.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Lab, images};

fn leased(stage: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == "dhcp.leased" && event["body"]["ask"]["stage"] == stage
}

fn complete(role: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == "transfer" && event["body"]["role"] == role && event["body"]["outcome"] == "complete"
}

fn script(event: &Value) -> bool {
    event["kind"] == "script.served"
}

/// Emulated machines on a busy host are slow.
const PATIENCE: Duration = Duration::from_secs(900);

/// A lab of that cluster file and these further words of `lab up`.
fn up(cluster: &str, nodes: &'static [&'static str], words: &[&str]) -> Lab {
    let lab = Lab::new(cluster, nodes);
    let file = lab.file();
    let mut line = vec!["lab", "up", "--cluster", &file];
    line.extend(words);
    lab.text(&line);
    lab
}

/// The events of a node once there is such a one among them.
fn until(lab: &Lab, node: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    lab.until(&format!("{node}: {what}"), PATIENCE, |lab| {
        lab.events(node).iter().any(&wanted)
    });
    lab.events(node)
}

/// The place of the first such event.
fn position(events: &[Value], wanted: impl Fn(&Value) -> bool) -> usize {
    events.iter().position(wanted).unwrap()
}

#[test]
fn a_machine_that_enforces_secure_boot_is_refused_once_and_then_boots_what_is_signed() {
    let cluster = r#"
cluster: test
domain: test.example
networks:
  lab: { prefix: 10.77.0.0/24, router: 10.77.0.1, pool: 10.77.0.200-10.77.0.249 }
nodes:
  sealed:
    mac: "52:54:00:00:00:01"
    address: 10.77.0.11
    image: debian-12
    console: ttyS0,115200
"#;
    let images = images();
    let words = ["--secure-boot", "--images", &images, "--memory", "1536"];
    let lab = up(cluster, &["sealed"], &words);
    // The firmware has refused iPXE when its next boot entry asks, and that one is given nothing unsigned again.
    let asked_again =
        |event: &Value| event["kind"] == "dhcp.offered" && event["body"]["ask"]["stage"] == "http-firmware";
    let refused = until(&lab, "sealed", "second boot entry", asked_again);
    let fetched = position(&refused, complete("loader"));
    assert_eq!(refused[fetched]["body"]["path"], "snponly.efi");
    assert!(!refused.iter().any(script));
    assert_eq!(
        refused[position(&refused, asked_again)]["body"]["boot_file"],
        Value::Null
    );
    assert!(lab.console("sealed").contains("Access Denied"));
    let why: Value = serde_json::from_str(&lab.text(&["--output", "json", "why", "sealed"])).unwrap();
    assert_eq!(why["rule"], "loader-refused");
    assert!(
        why["advice"].to_string().contains("shimx64.efi, which is signed"),
        "{why}"
    );

    lab.text(&["lab", "power", "sealed", "reset"]);
    lab.text(&["wait", "sealed", "--timeout", "1500"]);
    let events = lab.events("sealed");
    let answered = |event: &Value| leased("firmware")(event) && event["body"]["boot_file"] == "shimx64.efi";
    let lease = position(&events, answered);
    let after = &events[lease..];
    let loaders: Vec<&Value> = after
        .iter()
        .filter(|e| complete("loader")(e))
        .map(|e| &e["body"]["path"])
        .collect();
    assert_eq!(loaders, ["shimx64.efi", "grubx64.efi"]);
    let script = position(after, script);
    assert_eq!(after[script]["body"]["identified_by"], "mac");
    let kernel = position(after, complete("kernel"));
    let initrd = position(after, complete("initrd"));
    assert!(script < kernel && kernel < initrd);
    assert_eq!(after[kernel]["body"]["protocol"], "tftp");
    let console = lab.console("sealed");
    assert!(
        console.contains("Kernel is locked down from EFI Secure Boot"),
        "{console}"
    );
    let shown = lab.text(&["show", "sealed"]);
    assert!(
        shown.contains("shimx64.efi (auto: the signed chain ran here before)"),
        "{shown}"
    );
}

/// dnsmasq on the lab's bridge, in a namespace of its own, giving addresses and nothing to boot.
struct Foreign(Child);

impl Foreign {
    fn plug_into(lab: &Lab) -> Self {
        crate::support::client::require("dnsmasq", "dnsmasq-base");
        let script = "
            ip link add foreign0 type veth peer name foreign1
            ip link set foreign0 master br0 up
            setpriv --pdeathsig KILL unshare --net sh -c '
                until ip link set foreign1 up 2>/dev/null; do sleep 0.1; done
                ip addr add 10.77.0.9/24 dev foreign1
                exec dnsmasq --no-daemon --port=0 --conf-file=/dev/null --user=root --interface=foreign1 --pid-file \
                    --leasefile-ro --no-ping --dhcp-authoritative --dhcp-range=10.77.0.50,10.77.0.60,1h' &
            here=$(readlink /proc/self/ns/net)
            until [ \"$(readlink /proc/$!/ns/net)\" != \"$here\" ]; do sleep 0.1; done
            ip link set foreign1 netns $!
            wait";
        let child = lab
            .command()
            .args(["lab", "exec", "--", "sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // dnsmasq ends with the shell that started it: it is not in the lab's network, where `lab down` would find it.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn beside(mode: &str) -> String {
    format!(
        r#"
cluster: test
domain: test.example
networks:
  lab: {{ prefix: 10.77.0.0/24, router: 10.77.0.1, dhcp: {mode} }}
nodes:
  efi: {{ mac: "52:54:00:00:00:01", boot: shell }}
  bios: {{ mac: "52:54:00:00:00:02", boot: shell }}
"#
    )
}

#[test]
fn firmware_boots_from_us_with_an_address_of_the_sites_own_dhcp_server() {
    let words = [
        "--firmware",
        "bios=bios",
        "--memory",
        "256",
        "--cpus",
        "1",
        "--powered-off",
    ];
    let lab = up(&beside("proxy"), &["efi", "bios"], &words);
    let _foreign = Foreign::plug_into(&lab);
    lab.text(&["lab", "power", "efi,bios", "on"]);
    for node in ["efi", "bios"] {
        let events = until(&lab, node, "script", script);
        let served = &events[position(&events, script)]["body"];
        assert_eq!(served["identified_by"], "mac");
        let client = served["client"].as_str().unwrap();
        assert!(
            client.starts_with("10.77.0.5") || client == "10.77.0.60",
            "{client}: an address of the other server"
        );
        assert!(
            !events.iter().any(|event| event["kind"] == "dhcp.leased"),
            "addresses are not ours"
        );
    }
}

#[test]
fn an_observer_sees_real_firmware_ask_and_answers_nothing() {
    let words = ["--firmware", "bios=bios", "--memory", "256", "--cpus", "1"];
    let lab = up(&beside("observe"), &["efi", "bios"], &words);
    for (node, stage) in [("efi", "firmware"), ("bios", "ipxe")] {
        let events = until(&lab, node, "question", |event| event["kind"] == "dhcp.ignored");
        let ignored = &events[position(&events, |event| event["kind"] == "dhcp.ignored")]["body"];
        assert_eq!(ignored["ask"]["stage"], stage);
        assert_eq!(ignored["why"], "DHCP only observes the network");
        assert!(!events.iter().any(|event| event["kind"] == "dhcp.offered"));
    }
}

#[test]
fn firmware_that_boots_by_http_alone_gets_to_its_script() {
    let cluster = beside("serve").replace(", boot: shell", ", boot: shell, address: 10.77.0.11");
    let cluster = cluster
        .lines()
        .filter(|line| !line.contains("bios:"))
        .collect::<Vec<_>>()
        .join("\n");
    let lab = up(
        &cluster,
        &["efi"],
        &["--firmware", "efi=http", "--memory", "256", "--cpus", "1"],
    );
    let events = until(&lab, "efi", "script", script);
    let lease = position(&events, leased("http-firmware"));
    assert_eq!(events[lease]["body"]["boot_file"], "http://10.77.0.1/loaders/ipxe.efi");
    assert!(lease < position(&events, complete("loader")));
    assert!(!events.iter().any(leased("firmware")), "its PXE is off");
}
