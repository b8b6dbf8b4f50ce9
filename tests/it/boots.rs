//! The main job, with real firmware and a real Debian: switched on, boots over the network, becomes what the cluster
//! file says, reports ready.

use serde_json::Value;

use crate::support::lab::{Lab, images, then};

const CLUSTER: &str = r#"
cluster: test
domain: test.example
timezone: Europe/Berlin
users:
  - { name: ada, sudo: true, ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z ada"] }
networks:
  lab: { prefix: 10.77.0.0/24, router: 10.77.0.1, pool: 10.77.0.200-10.77.0.249 }
  farm: { prefix: 10.80.0.0/16 }
profiles:
  worker:
    image: debian-12
    console: ttyS0,115200
    files:
      - { path: /etc/motd, content: "tended by the cluster file\n" }
    commands:
      # What the node became, told on its console.
      - |
        {
          echo "CHECK name $(hostname) $(hostname -f)"
          echo "CHECK zone $(readlink /etc/localtime)"
          echo "CHECK motd $(cat /etc/motd)"
          echo "CHECK hosts $(grep -c 'bios.test.example bios' /etc/hosts) $(grep -c 'farm' /etc/hosts) $(head -n 1 /etc/hosts)"
          echo "CHECK ada $(id -un ada) $(stat -c %U:%a /home/ada/.ssh/authorized_keys) $(sudo -l -U ada | grep -c NOPASSWD)"
          echo "CHECK address $(ip -4 -o addr show scope global | awk '{print $4}' | tr '\n' ' ')"
          echo "CHECK failed units: $(systemctl --failed --no-legend | wc -l)"
          echo "CHECK seed $(cloud-init schema --system 2>&1 | tail -n 1)"
        } > /dev/ttyS0
nodes:
  uefi: { mac: "52:54:00:00:00:01", address: 10.77.0.11, profile: worker }
  bios: { mac: "52:54:00:00:00:02", address: 10.77.0.12, profile: worker }
  # So many that their lines are packed for cloud-init.
  "farm[0001-3000]": { network: farm, address: 10.80.0.1+ }
"#;

fn leased(stage: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == "dhcp.leased" && event["body"]["ask"]["stage"] == stage
}

fn complete(role: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == "transfer" && event["body"]["role"] == role && event["body"]["outcome"] == "complete"
}

fn kind(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["kind"] == kind
}

/// From the loader's script to `ready`: the same on every firmware.
fn system_comes_up(events: &[Value], script: usize) {
    assert_eq!(events[script]["body"]["target"], "image");
    let kernel = then(events, script, "kernel", complete("kernel"));
    let initrd = then(events, kernel, "initrd", complete("initrd"));
    let lease = then(events, initrd, "lease of the kernel", leased("os"));
    let root = then(events, lease, "root image", complete("root"));
    let answers = then(events, root, "settings", kind("answers.served"));
    let ready = then(events, answers, "ready", kind("hook.called"));
    assert_eq!(events[ready]["body"]["hook"], "ready", "{}", events[ready]);
    assert!(!events[ready]["body"]["host_keys"].as_array().unwrap().is_empty());
    let addresses: Vec<&Value> = events
        .iter()
        .map(|e| &e["body"]["address"])
        .filter(|a| a.is_string())
        .collect();
    assert!(
        addresses.windows(2).all(|pair| pair[0] == pair[1]),
        "one node, one address: {addresses:?}"
    );
}

#[test]
fn machines_with_uefi_and_with_bios_become_what_the_cluster_file_says() {
    let lab = Lab::new(CLUSTER, &["uefi", "bios"]);
    let (file, images) = (lab.file(), images());
    lab.text(&[
        "lab",
        "up",
        "2",
        "--firmware",
        "bios=bios",
        "--cluster",
        &file,
        "--images",
        &images,
        "--memory",
        "1536",
    ]);
    lab.text(&["wait", "uefi,bios", "--timeout", "1200"]);

    let uefi = lab.events("uefi");
    let offer = then(&uefi, 0, "offer", kind("dhcp.offered"));
    assert_eq!(uefi[offer]["body"]["ask"]["arch"], 7);
    let lease = then(&uefi, offer, "lease of the firmware", leased("firmware"));
    assert_eq!(uefi[lease]["body"]["boot_file"], "snponly.efi");
    let loader = then(&uefi, lease, "loader", complete("loader"));
    let chained = then(&uefi, loader, "lease of iPXE", leased("ipxe"));
    let script = then(&uefi, chained, "script", kind("script.served"));
    assert_eq!(uefi[script]["body"]["identified_by"], "mac");
    system_comes_up(&uefi, script);

    let bios = lab.events("bios");
    let lease = then(&bios, 0, "lease of iPXE", leased("ipxe"));
    let script = then(&bios, lease, "script", kind("script.served"));
    system_comes_up(&bios, script);

    for (node, address) in [("uefi", "10.77.0.11"), ("bios", "10.77.0.12")] {
        let console = lab.console(node);
        let check = |line: String| assert!(console.contains(&line), "{line} is not on the console of {node}");
        check(format!("CHECK name {node} {node}.test.example"));
        check("CHECK zone /usr/share/zoneinfo/Europe/Berlin".into());
        check("CHECK motd tended by the cluster file".into());
        check("CHECK hosts 1 3000 127.0.0.1 localhost".into());
        check("CHECK ada ada ada:600 1".into());
        check(format!("CHECK address {address}/24"));
        check("CHECK failed units: 0".into());
        let timeline: Value = serde_json::from_str(&lab.text(&["--output", "json", "timeline", node])).unwrap();
        assert_eq!(timeline["end"], "ready");
        assert_eq!(
            timeline["rows"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|row| row["trouble"] == true)
                .count(),
            0
        );
        assert!(lab.text(&["why", node]).starts_with(&format!("{node} is ready")));
    }
}
