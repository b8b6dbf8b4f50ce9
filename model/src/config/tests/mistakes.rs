//! Every mistake with its code and the text that it points at.

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPjTCqN5kmu1BGzOvBCzEQNwTnv0jQvNPFBzPrOOI9Z ada";

/// `more` stands below the smallest cluster with a network.
fn check(more: &str, expected: &[(&str, &str)]) {
    let text = with(more);
    assert_eq!(problems(&text), expected, "{text}");
}

#[test]
fn nodes() {
    let node = |body: &str| format!("nodes:\n  n1: {{ {body} }}\n");
    let table: &[(String, &str, &str)] = &[
        ("nodes: { N1: { serial: x } }".into(), "bad-name", "N1"),
        ("nodes: { web_1: { serial: x } }".into(), "bad-name", "_"),
        ("nodes: { web.lab: { serial: x } }".into(), "bad-name", "."),
        ("nodes: { -web: { serial: x } }".into(), "bad-name", "-web"),
        ("nodes: { n1: {} }".into(), "unrecognisable-node", "n1"),
        ("nodes: { n1: 10.77.0.4 }".into(), "wrong-type", "10.77.0.4"),
        ("nodes: [ n1 ]".into(), "wrong-type", "n1"),
        (node("mac: 52:54:00:00:00"), "bad-mac", "52:54:00:00:00"),
        (node("mac: 00:00:00:00:00:00"), "bad-mac", "00:00:00:00:00:00"),
        (node("mac: 53:54:00:00:00:01"), "bad-mac", "53:54:00:00:00:01"),
        (node("mac: ff:ff:ff:ff:ff:ff"), "bad-mac", "ff:ff:ff:ff:ff:ff"),
        (node("mac: { a: b }"), "wrong-type", "a"),
        (node("serial: x, address: 10.77.0.300"), "bad-address", "10.77.0.300"),
        (node("serial: x, address: 10.77.0.4/24"), "bad-address", "10.77.0.4/24"),
        (node("serial: x, address: 10.77.0.04"), "bad-address", "10.77.0.04"),
        (
            node("serial: x, address: 10.99.0.4"),
            "address-without-network",
            "10.99.0.4",
        ),
        (node("serial: x, address: 10.77.0.0"), "unusable-address", "10.77.0.0"),
        (
            node("serial: x, address: 10.77.0.255"),
            "unusable-address",
            "10.77.0.255",
        ),
        (node("serial: x, address: 10.77.0.1"), "address-of-router", "10.77.0.1"),
        (node("serial: x, network: lam"), "unknown-network", "lam"),
        (
            node("serial: x, network: lan, address: 10.99.0.4"),
            "address-outside-network",
            "10.99.0.4",
        ),
        (
            node("serial: x, mac: 52:54:00:00:00:01, nics: [{ name: e }]"),
            "two-forms",
            "52:54:00:00:00:01",
        ),
        (
            node("serial: x, nics: [{ name: enp-far-too-long }]"),
            "bad-name",
            "enp-far-too-long",
        ),
        (node("serial: x, groups: [gpu]"), "unknown-group", "gpu"),
        (node("serial: x, profile: worker"), "unknown-profile", "worker"),
        (node("serial: x, architecture: x86_64"), "wrong-value", "x86_64"),
        (node("uuid: 4c4c4544"), "wrong-value", "4c4c4544"),
        (
            node("uuid: ffffffff-ffff-ffff-ffff-ffffffffffff"),
            "wrong-value",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ),
        (node("client_id: 01:5"), "wrong-value", "01:5"),
        (node("serial: x, bmc: { user: admin }"), "missing-key", "user"),
        (node("serial: x, bmc: { address: bmc1 }"), "bad-address", "bmc1"),
        (
            node("serial: x, bmc: { address: 10.1.0.1, cipher_suites: [0] }"),
            "wrong-value",
            "0",
        ),
        (
            node("serial: x, bmc: { address: 10.1.0.1, quirks: nocycles }"),
            "wrong-value",
            "nocycles",
        ),
        (node("serial: x, console_via: sol"), "console-without-bmc", "sol"),
        (node("serial: x, console_via: tcp:7001"), "wrong-value", "tcp:7001"),
        (node("serial: x, ready_when: ssh"), "ssh-without-key", "ssh"),
        (
            node("serial: x, after_ready: [{ step: reboot }]"),
            "ssh-without-key",
            "step",
        ),
        (node("serial: x, console_via: idrac"), "console-without-bmc", "idrac"),
        (node("serial: x, console_via: idrax"), "wrong-value", "idrax"),
        (
            node("serial: x, console_via: 'ssh:ts1'"),
            "console-without-login",
            "ssh:ts1",
        ),
        (
            node("serial: x, console_via: 'ssh:ts1', console_ssh: { user: a, key_from: 'file:/k', password: b }"),
            "unknown-key",
            "password",
        ),
        (
            node("serial: x, console_via: 'ssh:ts1', console_ssh: { user: a, key_from: 'file:/k', break_keys: é }"),
            "wrong-value",
            "é",
        ),
        (
            node("serial: x, bmc: { address: 10.1.0.1 }, console_ssh: { user: a }"),
            "no-use",
            "user",
        ),
        (
            node("serial: x, bmc: { address: 10.1.0.1 }, console_via: ssh, console_ssh: { command: a, dialog: b }"),
            "no-use",
            "b",
        ),
        (
            node("serial: x, bmc: { address: 10.1.0.1, protocol: impi }"),
            "wrong-value",
            "impi",
        ),
        (
            node("serial: x, bmc: { address: 10.1.0.1, password: secret }"),
            "unknown-key",
            "password",
        ),
        (
            node("serial: x, bmc: { address: 10.1.0.1, password_from: secret }"),
            "wrong-value",
            "secret",
        ),
        (node("serial: x, kernel_arg: [quiet]"), "unknown-key", "kernel_arg"),
        (node("serial: x, serial: y"), "duplicate-key", "serial"),
        (node("serial: x, <<: { a: b }"), "unknown-key", "<<"),
    ];
    for (more, code, place) in table {
        check(more, &[(code, place)]);
    }
}

#[test]
fn ranges() {
    let range = |body: &str| format!("nodes:\n  nid[1-3]: {{ {body} }}\n");
    let table: &[(String, &str, &str)] = &[
        ("nodes: { 'nid[1-': { serial: x } }".into(), "bad-range", "["),
        ("nodes: { 'nid[3-1]': { serial: x } }".into(), "bad-range", "3-1"),
        ("nodes: { '@gpu': { serial: x } }".into(), "bad-range", "@gpu"),
        ("nodes: { 'a!a': { serial: x } }".into(), "bad-range", "a!a"),
        ("nodes: { 'N[1-2]': { serial: x } }".into(), "bad-name", "N[1-2]"),
        (
            "nodes: { 'n[1-2000000]': { serial: x } }".into(),
            "bad-range",
            "n[1-2000000]",
        ),
        (range("mac: 52:54:00:00:00:01"), "range-length", "52:54:00:00:00:01"),
        (
            range("mac: [52:54:00:00:00:01, 52:54:00:00:00:02]"),
            "range-length",
            "[52:54:00:00:00:01, 52:54:00:00:00:02]",
        ),
        (range("serial: x"), "range-length", "x"),
        (
            range("mac: 52:54:00:00:00:01+, address: '10.77.0.[1-4]'"),
            "range-length",
            "10.77.0.[1-4]",
        ),
        (range("mac: 52:54:00:ff:ff:fe+"), "range-runs-out", "52:54:00:ff:ff:fe+"),
        (
            range("mac: 52:54:00:00:00:01+, address: 10.77.0.254+"),
            "unusable-address",
            "10.77.0.254+",
        ),
        (
            range("mac: 52:54:00:00:00:01+, address: 255.255.255.254+"),
            "address-without-network",
            "255.255.255.254+",
        ),
        (
            range("mac: 52:54:00:00:00:01+, bmc: { address: 10.0.0.1 }"),
            "range-length",
            "10.0.0.1",
        ),
        (
            "nodes: { n1: { mac: [52:54:00:00:00:01, 52:54:00:00:00:02] } }".into(),
            "range-length",
            "[52:54:00:00:00:01, 52:54:00:00:00:02]",
        ),
    ];
    for (more, code, place) in table {
        let text = with(more);
        let found = problems(&text);
        assert_eq!(found.first(), Some(&(*code, *place)), "{text}");
    }
}

#[test]
fn a_list_with_a_bad_item_is_told_once_and_not_as_too_short() {
    check(
        "nodes: { 'n[1-2]': { mac: [52:54:00:00:00:01, oops] } }",
        &[("bad-mac", "oops")],
    );
}

#[test]
fn counting_out_of_a_network_is_told_at_its_node() {
    let text = with("nodes:\n  nid[1-9]: { mac: 52:54:00:00:00:01+, address: 10.77.0.250+ }\n");
    let found: Vec<String> = read(&text).diagnostics.iter().map(|d| d.message.clone()).collect();
    assert_eq!(
        found,
        [
            "`nid6` cannot have the address 10.77.0.255",
            "the addresses run out of the network `lan` at `nid7`"
        ]
    );
}

#[test]
fn what_two_nodes_have_is_told_with_both_lines() {
    let table = [
        (
            "  a: { mac: 52:54:00:00:00:01 }\n  b: { mac: 52-54-00-00-00-01 }\n",
            "duplicate-mac",
            ["52-54-00-00-00-01", "52:54:00:00:00:01"],
        ),
        (
            "  a: { serial: x, address: 10.77.0.4 }\n  n[1-3]: { mac: 52:54:00:00:00:01+, address: 10.77.0.3+ }\n",
            "duplicate-address",
            ["10.77.0.3+", "10.77.0.4"],
        ),
        (
            "  a: { serial: x, address: 10.77.0.4 }\n  b: { serial: y, bmc: { address: 10.77.0.4 } }\n",
            "duplicate-address",
            ["10.77.0.4", "10.77.0.4"],
        ),
        (
            "  a: { mac: 52:54:00:00:00:01, bmc: { address: 10.1.0.1, mac: 52:54:00:00:00:01 } }\n",
            "duplicate-mac",
            ["52:54:00:00:00:01", "52:54:00:00:00:01"],
        ),
        (
            "  a: { serial: S1 }\n  b: { serial: S1 }\n",
            "duplicate-serial",
            ["S1", "S1"],
        ),
        (
            "  a: { client_id: 01:02 }\n  b: { client_id: 01-02 }\n",
            "duplicate-client-id",
            ["01-02", "01:02"],
        ),
        (
            "  a: { uuid: 4C4C4544-0042-3510-8057-b7c04f4c3532 }\n  b: { uuid: 4c4c4544-0042-3510-8057-b7c04f4c3532 }\n",
            "duplicate-uuid",
            [
                "4c4c4544-0042-3510-8057-b7c04f4c3532",
                "4C4C4544-0042-3510-8057-b7c04f4c3532",
            ],
        ),
        ("  a: { serial: x }\n  a: { serial: y }\n", "duplicate-name", ["a", "a"]),
        (
            "  n[1-3]: { mac: 52:54:00:00:00:01+ }\n  n2: { serial: y }\n",
            "duplicate-name",
            ["n2", "n[1-3]"],
        ),
    ];
    for (nodes, code, places) in table {
        let text = with(&format!("nodes:\n{nodes}"));
        let found = read(&text).diagnostics;
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].code, code, "{text}");
        let at: Vec<&str> = found[0].labels.iter().map(|l| &text[l.span.clone()]).collect();
        assert_eq!(at, places, "{text}");
        assert!(found[0].labels[0].span.start > found[0].labels[1].span.start, "{text}");
    }
}

#[test]
fn two_ranges_that_collide_are_told_in_one_problem() {
    let text = with(
        "nodes:\n  a[001-100]: { mac: 52:54:00:00:00:01+ }\n  b[001-100]: { mac: 52:54:00:00:00:33+ }\n  a[050-150]: { mac: 52:54:00:00:01:01+ }\n",
    );
    let messages: Vec<String> = read(&text).diagnostics.into_iter().map(|d| d.message).collect();
    assert_eq!(
        messages,
        [
            "`a051` and `b001` have the same MAC `52:54:00:00:00:33`, and so it is with 49 more",
            "the node `a050` is declared twice, and 50 more of `a[050-150]`",
        ]
    );
}

#[test]
fn networks() {
    let network = |body: &str| format!("  n: {{ {body} }}\n");
    let table: &[(String, &str, &str)] = &[
        (network("router: 10.1.0.1"), "missing-key", "n"),
        (network("prefix: 10.1.0.0"), "bad-prefix", "10.1.0.0"),
        (network("prefix: 10.1.0.0/33"), "bad-prefix", "10.1.0.0/33"),
        (network("prefix: 10.1.0.5/24"), "bad-prefix", "10.1.0.5/24"),
        (network("prefix: 224.0.0.0/8"), "bad-prefix", "224.0.0.0/8"),
        (
            network("prefix: 10.77.0.128/25"),
            "overlapping-networks",
            "10.77.0.128/25",
        ),
        (network("prefix: 10.0.0.0/8"), "overlapping-networks", "10.0.0.0/8"),
        (
            network("prefix: 10.1.0.0/24, router: 10.2.0.1"),
            "address-outside-network",
            "10.2.0.1",
        ),
        (
            network("prefix: 10.1.0.0/24, router: 10.1.0.255"),
            "unusable-address",
            "10.1.0.255",
        ),
        (
            network("prefix: 10.1.0.0/24, pool: 10.1.0.9-10.1.1.9"),
            "pool-outside-network",
            "10.1.0.9-10.1.1.9",
        ),
        (
            network("prefix: 10.1.0.0/24, pool: 10.1.0.9-10.1.0.2"),
            "bad-range",
            "10.1.0.9-10.1.0.2",
        ),
        (
            network("prefix: 10.1.0.0/24, pool: 10.1.0.0-10.1.0.9"),
            "unusable-address",
            "10.1.0.0-10.1.0.9",
        ),
        (
            network("prefix: 10.1.0.0/24, pool: [10.1.0.4-10.1.0.9, 10.1.0.9-10.1.0.12]"),
            "overlapping-pool",
            "10.1.0.9-10.1.0.12",
        ),
        (
            network("prefix: 10.1.0.0/24, router: 10.1.0.1, pool: 10.1.0.1-10.1.0.9"),
            "pool-holds-server",
            "10.1.0.1-10.1.0.9",
        ),
        (
            network("prefix: 10.1.0.0/24, dns: [10.1.0.5], pool: 10.1.0.2-10.1.0.9"),
            "pool-holds-server",
            "10.1.0.2-10.1.0.9",
        ),
        (network("prefix: 10.1.0.0/24, mtu: 500"), "wrong-value", "500"),
        (network("prefix: 10.1.0.0/24, mtu: 70000"), "wrong-value", "70000"),
        (network("prefix: 10.1.0.0/24, lease: 1m"), "wrong-value", "1m"),
        (network("prefix: 10.1.0.0/24, lease: 2y"), "wrong-value", "2y"),
        (network("prefix: 10.1.0.0/24, lease: 366d"), "wrong-value", "366d"),
        (network("prefix: 10.1.0.0/24, dhcp: server"), "wrong-value", "server"),
        (
            network("prefix: 10.1.0.0/24, beside_other_servers: perhaps"),
            "wrong-value",
            "perhaps",
        ),
        (
            network("prefix: 10.1.0.0/24, routes: [{ to: 10.9.0.0/16 }]"),
            "missing-key",
            "to",
        ),
        (
            network("prefix: 10.1.0.0/24, routes: [{ to: 10.9.0.0/16, via: 10.2.0.1 }]"),
            "address-outside-network",
            "10.2.0.1",
        ),
        (
            network("prefix: 10.1.0.0/24, routes: { to: 10.9.0.0/16 }"),
            "wrong-type",
            "to",
        ),
        (network("prefix: 10.1.0.0/24, interface: 'eth 1'"), "bad-name", "eth 1"),
        ("  a/b: { prefix: 10.1.0.0/24 }\n".into(), "bad-name", "a/b"),
        ("doors: { http: 70000 }".into(), "wrong-value", "70000"),
        ("doors: { dhcp: 0 }".into(), "wrong-value", "0"),
        ("doors: { tftp: 67 }".into(), "duplicate-port", "67"),
        ("doors: { cache: 80 }".into(), "duplicate-port", "80"),
        ("cache: { size: 5M }".into(), "cache-too-small", "5M"),
        ("cache: { recheck: 1d }".into(), "wrong-value", "1d"),
        (
            "cache: { upstreams: { boot: \"http://m.example/x\" } }".into(),
            "bad-name",
            "boot",
        ),
        (
            "cache: { upstreams: { pelagos: \"http://m.example/x\" } }".into(),
            "bad-name",
            "pelagos",
        ),
        (
            "cache: { upstreams: { a/b: \"http://m.example/x\" } }".into(),
            "bad-name",
            "a/b",
        ),
        (
            "cache: { upstreams: { x: \"ftp://m.example/x\" } }".into(),
            "bad-url",
            "ftp://m.example/x",
        ),
        (
            "cache: { upstreams: { x: \"http://u:p@m.example/\" } }".into(),
            "bad-url",
            "http://u:p@m.example/",
        ),
        (
            "cache: { upstreams: { x: \"http://m.example/../x\" } }".into(),
            "bad-url",
            "http://m.example/../x",
        ),
        (
            "cache: { hosts: [\"m.example/debian\"] }".into(),
            "wrong-value",
            "m.example/debian",
        ),
        (
            "cache: { hosts: [\"m.example:99999\"] }".into(),
            "wrong-value",
            "m.example:99999",
        ),
    ];
    for (more, code, place) in table {
        check(more, &[(code, place)]);
    }
}

#[test]
fn settings() {
    let profile = |body: &str| format!("profiles:\n  p: {{ {body} }}\n");
    let user = |body: &str| profile(&format!("users: [{{ {body} }}]"));
    let file = |body: &str| profile(&format!("files: [{{ {body} }}]"));
    let source = |body: &str| profile(&format!("package_sources: [{{ {body} }}]"));
    let table: &[(String, &str, &str)] = &[
        (profile("boot: imgae"), "wrong-value", "imgae"),
        (profile("boot: [image]"), "wrong-type", "image"),
        (profile("image: 'a b'"), "bad-name", "a b"),
        (profile("loader: lilo"), "wrong-value", "lilo"),
        (profile("console: 'ttyS0,fast'"), "wrong-value", "ttyS0,fast"),
        (profile("ready_when: never"), "wrong-value", "never"),
        (profile("ready_when: port:0"), "wrong-value", "port:0"),
        (profile("after_ready: [{ within: 5m }]"), "missing-key", "within"),
        (profile("after_ready: [{ run: a, step: reboot }]"), "no-use", "reboot"),
        (profile("after_ready: [{ step: restart }]"), "wrong-value", "restart"),
        (profile("after_ready: [{ run: a, within: 2d }]"), "wrong-value", "2d"),
        (profile("console: /dev/tty S0"), "wrong-value", "/dev/tty S0"),
        (profile("timezone: Berlin"), "unknown-time-zone", "Berlin"),
        (profile("timezone: Eurpoe/Berlin"), "unknown-time-zone", "Eurpoe/Berlin"),
        (profile("timezone: ../etc/passwd"), "wrong-value", "../etc/passwd"),
        (profile("locale: 'de DE'"), "wrong-value", "de DE"),
        (profile("kernel_args: [\"a\\nb\"]"), "bad-kernel-argument", "a\\nb"),
        (profile("kernel_args: ['']"), "bad-kernel-argument", ""),
        (profile("packages: [htop tmux]"), "bad-package", "htop tmux"),
        (profile("packages: [--force]"), "bad-package", "--force"),
        (profile("ssh_keys: [hello]"), "bad-ssh-key", "hello"),
        (profile("ssh_keys: [ssh-ed25519]"), "bad-ssh-key", "ssh-ed25519"),
        (
            profile("ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPj]"),
            "bad-ssh-key",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPj",
        ),
        (
            profile("ssh_keys: ['-----BEGIN OPENSSH PRIVATE KEY-----']"),
            "bad-ssh-key",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ),
        (user("name: root"), "reserved-user-name", "root"),
        (user("name: _apt"), "reserved-user-name", "_apt"),
        (user("name: systemd-network"), "reserved-user-name", "systemd-network"),
        (user("name: admin"), "reserved-user-name", "admin"),
        (user("name: Ada"), "bad-user-name", "Ada"),
        (user("name: 1ada"), "bad-user-name", "1ada"),
        (user("sudo: true"), "missing-key", "sudo"),
        (user("name: ada, uid: 500"), "wrong-value", "500"),
        (user("name: ada, uid: 70000"), "wrong-value", "70000"),
        (user("name: ada, shell: bash"), "bad-path", "bash"),
        (user("name: ada, sudo: maybe"), "wrong-value", "maybe"),
        (user("name: ada, groups: ['a b']"), "wrong-value", "a b"),
        (user("name: ada }, { name: ada"), "duplicate-entry", "ada"),
        (
            user("name: ada, uid: 1001 }, { name: bob, uid: 1001"),
            "duplicate-user-id",
            "1001",
        ),
        (file("path: etc/motd, content: x"), "bad-path", "etc/motd"),
        (file("path: /etc/../motd, content: x"), "bad-path", "/etc/../motd"),
        (file("path: /etc/, content: x"), "bad-path", "/etc/"),
        (file("path: /etc/motd"), "missing-key", "/etc/motd"),
        (file("content: x"), "missing-key", "content"),
        (file("path: /a, content: x, mode: 0888"), "wrong-value", "0888"),
        (file("path: /a, content: x, mode: 17777"), "wrong-value", "17777"),
        (file("path: /a, content: x, owner: 'a:b:c'"), "wrong-value", "a:b:c"),
        (
            file("path: /a, content: x }, { path: /a, content: y"),
            "duplicate-entry",
            "/a",
        ),
        (source("name: a, uri: http://m/d"), "missing-key", "a"),
        (source("name: a, uri: m/d, suites: x"), "wrong-value", "m/d"),
        (source("uri: http://m/d, suites: x"), "missing-key", "uri"),
        ("profiles: { p: { profile: q } }".into(), "unknown-key", "profile"),
        ("defaults: { profile: q }".into(), "unknown-profile", "q"),
        ("groups: { g: { profile: q } }".into(), "unknown-profile", "q"),
        ("groups: { '@g': {} }".into(), "bad-name", "@g"),
        ("groups: { g: { members: 'n[1-' } }".into(), "bad-range", "["),
        ("groups: { g: { members: n1 } }".into(), "unknown-node", "n1"),
        (
            "groups: { gpu: {}, g: { members: '@gpo' } }".into(),
            "unknown-group",
            "@gpo",
        ),
        (
            "timezone: Etc/UTC\ndefaults: { timezone: Etc/GMT }".into(),
            "duplicate-key",
            "Etc/GMT",
        ),
    ];
    for (more, code, place) in table {
        check(more, &[(code, place)]);
    }
    assert!(
        read(&with(&profile(&format!("ssh_keys: ['{KEY}']"))))
            .diagnostics
            .is_empty()
    );
    let restricted = format!("ssh_keys: ['from=\"10.0.0.0/8\",no-pty {KEY}']");
    assert!(read(&with(&profile(&restricted))).diagnostics.is_empty());
}

#[test]
fn no_image_is_put_on_an_encrypted_disk() {
    let layout = "layout: { recipe: encrypted, passphrase_from: 'env:X' }";
    check(
        &format!(
            "profiles: {{ p: {{ via: image, image: d }} }}\nnodes: {{ n1: {{ serial: x, profile: p, {layout} }} }}"
        ),
        &[("image-on-encrypted-disk", "recipe")],
    );
    check(
        &format!(
            "profiles: {{ p: {{ via: installer, medium: d, {layout} }} }}\nnodes: {{ n1: {{ serial: x, profile: p }} }}"
        ),
        &[],
    );
}

#[test]
fn a_node_that_is_to_boot_an_image_has_one() {
    check(
        "profiles: { p: { boot: image } }\nnodes: { n1: { serial: x, profile: p } }",
        &[("boot-without-image", "image")],
    );
    check(
        "profiles: { p: { boot: image } }\nnodes: { n1: { serial: x, profile: p, image: debian-12 } }",
        &[],
    );
    let text = with(
        "defaults: { boot: image }\nnodes: { 'n[1-3]': { mac: 52:54:00:00:00:01+ }, m: { serial: x, boot: local } }",
    );
    let found = read(&text).diagnostics;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].labels[0].text, "said by defaults");
}

#[test]
fn groups_that_lead_back_to_themselves_are_told() {
    let text = with("groups: { a: { members: '@b' }, b: { members: '@a' } }");
    let found = problems(&text);
    assert!(
        !found.is_empty() && found.iter().all(|(code, _)| *code == "circular-group"),
        "{found:?}"
    );
}

#[test]
fn a_warning_does_not_keep_a_file_from_being_used() {
    let reading = read(&with("timezone: Berlin\n"));
    assert_eq!(reading.diagnostics[0].severity, Severity::Warning);
    assert!(reading.cluster.is_some());
    assert!(read(&with("timezone: [Berlin]\n")).cluster.is_none());
}

#[test]
fn suggestions_name_what_was_meant() {
    let table = [
        (
            "nodes: { n1: { serial: x, kernel-args: [a] } }",
            "did you mean `kernel_args`?",
        ),
        ("nodes: { n1: { serial: x, network: lam } }", "did you mean `lan`?"),
        ("nodes: { n1: { serial: x, network: storage } }", "declared are `lan`"),
        (
            "nodes: { n1: { serial: x, profile: p } }",
            "declare it under `profiles`",
        ),
        ("nodes: { web_1: { serial: x } }", "did you mean `web-1`?"),
        ("profiles: { p: { boot: imgae } }", "did you mean `image`?"),
        ("profiles: { p: { timezone: Eurpoe/Berlin } }", "did you mean `Europe`?"),
        ("groups: { gpu: {}, g: { members: '@gpo' } }", "did you mean `gpu`?"),
        (
            "groups: { g: { members: 'nid01' } }\nnodes: { nid001: { serial: x } }",
            "did you mean `nid001`?",
        ),
    ];
    for (more, help) in table {
        let found = read(&with(more)).diagnostics;
        assert!(
            found.iter().any(|d| d.help.as_deref() == Some(help)),
            "{more}: {found:?}"
        );
    }
}

#[test]
fn installations() {
    let node = |body: &str| format!("nodes:\n  n1: {{ serial: x, {body} }}\n");
    for (body, code, at) in [
        ("via: disk", "wrong-value", "disk"),
        ("disk: first", "wrong-type", "first"),
        ("disk: { path: sda }", "bad-path", "sda"),
        ("disk: { path: /etc/passwd }", "not-a-disk", "/etc/passwd"),
        ("disk: { min_size: big }", "wrong-value", "big"),
        ("disk: { min_size: 2T, max_size: 1T }", "no-such-size", "2T"),
        ("disk: { pick: biggest }", "wrong-value", "biggest"),
        ("layout: { recipe: raid }", "wrong-value", "raid"),
        ("layout: { passphrase_from: env:KEY }", "no-use", "env:KEY"),
        (
            "layout: { recipe: encrypted, passphrase_from: secret }",
            "wrong-value",
            "secret",
        ),
        ("layout: { swap: lots }", "wrong-value", "lots"),
        ("keyboard: German", "wrong-value", "German"),
        ("root_password_hash: secret", "wrong-value", "secret"),
        ("users: [{ name: ada, password: secret }]", "unknown-key", "password"),
        ("users: [{ name: ada, password_hash: secret }]", "wrong-value", "secret"),
        ("attempts: 11", "wrong-value", "11"),
        ("after_install: sleep", "wrong-value", "sleep"),
    ] {
        check(&node(body), &[(code, at)]);
    }
}

#[test]
fn a_face_has_an_address_and_a_port_of_its_own() {
    let text = with("faces: { conman: { listen: 7890 } }");
    assert_eq!(problems(&text), [("bad-address", "7890")]);
    let text = with("faces: { conman: { allow: [10.0.0.1/8] } }");
    let found = problems(&text);
    assert!(
        found.contains(&("bad-prefix", "10.0.0.1/8")) && found[0].0 == "missing-key",
        "{found:?}"
    );
    let text = with("faces: { conman: { listen: 127.0.0.1 }, powerman: { listen: '0.0.0.0:7890' } }");
    assert_eq!(problems(&text), [("duplicate-port", "127.0.0.1")]);
    let text = with("faces: { pelagos: { listen: '127.0.0.1:80' } }");
    assert_eq!(problems(&text), [("duplicate-port", "127.0.0.1:80")]);
}
