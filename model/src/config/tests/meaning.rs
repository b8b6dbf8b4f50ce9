//! What a file means: layers, ranges, groups.

use std::sync::Arc;

use super::*;
use crate::cluster::{BootTarget, DhcpMode, Layer, Settings, Sourced};

fn values<T: Clone>(list: &[Sourced<T>]) -> Vec<T> {
    list.iter().map(|item| item.value.clone()).collect()
}

fn settings<'a>(cluster: &'a Cluster, node: &str) -> &'a Settings {
    &cluster.node(node).unwrap().settings
}

const LAYERS: &str = "cluster: lab
timezone: Europe/Berlin
users:
  - { name: ada, sudo: true }
defaults:
  boot: local
  packages: [htop]
  kernel_args: [quiet]
  profile: basic
groups:
  red: { packages: [red], image: red, files: [{ path: /c, content: red }] }
  blue: { packages: [blue, htop], image: blue, profile: fat, files: [{ path: /c, content: blue }] }
  all: { members: '*', timezone: Etc/UTC }
profiles:
  basic: { boot: image, image: basic, packages: [basic] }
  fat: { boot: image, image: fat, packages: [fat], users: [{ name: ada }, { name: bob }] }
nodes:
  plain: { serial: s1 }
  rb: { serial: s2, groups: [red, blue] }
  br: { serial: s3, groups: [blue, red] }
  own: { serial: s4, groups: [blue], profile: basic, image: own, packages: [own, blue], kernel_args: [quiet, debug] }
";

#[test]
fn the_highest_layer_that_speaks_wins() {
    let cluster = whole(LAYERS);
    let image = |node| settings(&cluster, node).image.as_ref().unwrap().value.clone();
    assert_eq!(image("plain"), "basic");
    assert_eq!(image("rb"), "blue");
    assert_eq!(image("br"), "red");
    assert_eq!(image("own"), "own");
    let boot = |node| settings(&cluster, node).boot.as_ref().unwrap().value;
    assert_eq!(boot("plain"), BootTarget::Image);
}

#[test]
fn a_value_knows_its_layer_and_its_line() {
    let cluster = whole(LAYERS);
    let own = settings(&cluster, "own");
    let origin = |value: &Option<Sourced<String>>| {
        let origin = value.as_ref().unwrap().origin.clone();
        (origin.layer, origin.line)
    };
    assert_eq!(origin(&own.image), (Layer::Node("own".into()), 21));
    assert_eq!(origin(&own.timezone), (Layer::Group("all".into()), 13));
    assert_eq!(
        origin(&settings(&cluster, "rb").image),
        (Layer::Group("blue".into()), 12)
    );
    assert_eq!(
        origin(&settings(&cluster, "plain").image),
        (Layer::Profile("basic".into()), 15)
    );
    assert_eq!(own.users[0].origin.layer, Layer::Defaults);
    assert_eq!(own.users[0].origin.line, 4);
}

#[test]
fn lists_are_joined_lowest_layer_first_without_repetition() {
    let cluster = whole(LAYERS);
    assert_eq!(
        values(&settings(&cluster, "own").packages),
        ["htop", "basic", "blue", "own"]
    );
    assert_eq!(values(&settings(&cluster, "own").kernel_args), ["quiet", "debug"]);
    assert_eq!(
        values(&settings(&cluster, "rb").packages),
        ["htop", "fat", "red", "blue"]
    );
}

#[test]
fn a_user_or_a_file_of_a_higher_layer_takes_the_place_of_the_lower_one() {
    let cluster = whole(LAYERS);
    let users = values(&settings(&cluster, "rb").users);
    assert_eq!(
        users.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(),
        ["ada", "bob"]
    );
    assert!(!users[0].sudo, "the profile's ada counts");
    assert!(settings(&cluster, "plain").users[0].value.sudo);
    let files = |node| values(&settings(&cluster, node).files);
    assert_eq!(files("rb")[0].content, "blue");
    assert_eq!(files("br")[0].content, "red");
}

#[test]
fn the_profile_is_the_nodes_own_else_the_last_groups_else_the_default() {
    let cluster = whole(LAYERS);
    let profile = |node| {
        let profile = cluster.node(node).unwrap().profile.clone().unwrap();
        (profile.value, profile.origin.layer)
    };
    assert_eq!(profile("plain"), ("basic".into(), Layer::Defaults));
    assert_eq!(profile("br"), ("fat".into(), Layer::Group("blue".into())));
    assert_eq!(profile("own"), ("basic".into(), Layer::Node("own".into())));
}

#[test]
fn own_groups_apply_before_those_that_name_the_node_as_a_member() {
    let cluster = whole(LAYERS);
    assert_eq!(cluster.node("br").unwrap().groups, ["blue", "red", "all"]);
    assert_eq!(cluster.node("plain").unwrap().groups, ["all"]);
}

#[test]
fn members_may_be_other_groups_and_all_but_some() {
    let cluster = whole(
        "cluster: lab
groups:
  most: { members: '@both!n2' }
  both: { members: 'n[1-3],@listed' }
  listed:
  rest: { members: '*!@both' }
nodes:
  n[1-5]: { mac: 52:54:00:00:00:01+ }
  x: { serial: s, groups: listed }
",
    );
    let members = |group| crate::nodeset::fold(cluster.members(group).map(|n| n.name.to_string()));
    assert_eq!(members("both"), "n[1-3],x");
    assert_eq!(members("most"), "n[1,3],x");
    assert_eq!(members("rest"), "n[4-5]");
    assert_eq!(cluster.select("@rest,x").unwrap(), ["n4", "n5", "x"]);
    assert_eq!(cluster.select("*!@both").unwrap(), ["n4", "n5"]);
    assert!(cluster.select("nobody").is_err());
    assert!(cluster.select("@nobody").is_err());
}

#[test]
fn values_of_a_range_differ_from_node_to_node() {
    let cluster = whole(&with(
        "  bmc: { prefix: 10.78.0.0/16 }
nodes:
  nid[008-011]: { mac: 52:54:00:00:00:fe+, address: 10.77.0.11+, bmc: { address: 10.78.0.254+, mac: 02:00:00:00:00:01+ } }
  web[1-2]: { mac: [52:54:00:00:02:01, 52:54:00:00:02:09], address: '10.77.0.[21-22]', serial: [A, B] }
  rack[1-2]n[1-2]:
    nics:
      - { name: eno1, mac: 52:54:00:00:03:01+, address: 10.77.0.31+ }
      - { name: eno2, mac: 52:54:00:00:04:01+, network: bmc }
  v6: { serial: C, bmc: { address: fd00::1 } }
",
    ));
    let show = |name: &str| {
        let node = cluster.node(name).unwrap();
        let nic = &node.nics[0];
        format!("{} {}", nic.mac.unwrap(), nic.address.unwrap())
    };
    assert_eq!(show("nid008"), "52:54:00:00:00:fe 10.77.0.11");
    assert_eq!(show("nid011"), "52:54:00:00:01:01 10.77.0.14");
    assert_eq!(
        cluster
            .node("nid010")
            .unwrap()
            .bmc
            .as_ref()
            .unwrap()
            .address
            .to_string(),
        "10.78.1.0"
    );
    assert_eq!(show("web2"), "52:54:00:00:02:09 10.77.0.22");
    assert_eq!(cluster.node("web2").unwrap().serial.as_deref(), Some("B"));
    assert_eq!(show("rack2n1"), "52:54:00:00:03:03 10.77.0.33");
    let second = &cluster.node("rack2n2").unwrap().nics[1];
    assert_eq!((second.network.as_deref(), second.address), (Some("bmc"), None));
    assert_eq!(second.line, 11);
    assert_eq!(cluster.node("web1").unwrap().nics[0].network.as_deref(), Some("lan"));
}

#[test]
fn nodes_with_the_same_layers_share_their_settings() {
    let cluster = whole(&with(
        "profiles: { p: { packages: [a] } }
nodes:
  a[1-3]: { mac: 52:54:00:00:00:01+, profile: p }
  b: { serial: x, profile: p }
  c[1-2]: { mac: 52:54:00:00:01:01+, profile: p, packages: [b] }
",
    ));
    let of = |name| &cluster.node(name).unwrap().settings;
    assert!(Arc::ptr_eq(of("a1"), of("a3")) && Arc::ptr_eq(of("a1"), of("b")));
    assert!(Arc::ptr_eq(of("c1"), of("c2")) && !Arc::ptr_eq(of("a1"), of("c1")));
}

#[test]
fn a_network_is_read_whole() {
    let cluster = whole(
        "cluster: lab
domain: Lab.Example.
networks:
  a:
    prefix: 10.77.0.0/24
    router: 10.77.0.1
    dns: [10.77.0.2, 10.77.0.3]
    search: lab.example
    domain: a.lab.example
    ntp: 10.77.0.4
    mtu: 9000
    pool: [10.77.0.100-199, 10.77.0.210-10.77.0.219, 10.77.0.230]
    lease: 30m
    routes: [{ to: 10.9.0.0/16, via: 10.77.0.254 }]
    dhcp: proxy
    beside_other_servers: yes
    router_advertisements: false
    interface: eth1
  link: { prefix: 10.78.0.0/31 }
",
    );
    assert_eq!(cluster.domain, "lab.example");
    let a = cluster.network("a").unwrap();
    assert_eq!(
        (a.lease_seconds, a.mtu, a.dhcp, a.line),
        (1800, Some(9000), DhcpMode::Proxy, 4)
    );
    assert_eq!(a.pool_size(), 100 + 10 + 1);
    assert!(a.beside_other_servers && !a.router_advertisements);
    assert_eq!(a.dns.len(), 2);
    assert_eq!(a.routes[0].via.to_string(), "10.77.0.254");
    let link = cluster.network("link").unwrap();
    assert_eq!((link.lease_seconds, link.dhcp), (43200, DhcpMode::Serve));
    assert!(link.router_advertisements && !link.beside_other_servers && link.pool.is_empty());
}

#[test]
fn the_cluster_is_found_by_everything_that_a_machine_says_of_itself() {
    let cluster = whole(&with(
        "nodes:
  n1: { mac: 52:54:00:00:00:01, address: 10.77.0.4, uuid: 4C4C4544-0042-3510-8057-B7C04F4C3532, serial: S1, client_id: ff0102 }
",
    ));
    let found = [
        cluster.by_mac("52:54:00:00:00:01".parse().unwrap()),
        cluster.by_address("10.77.0.4".parse().unwrap()),
        cluster.by_uuid("4c4c4544-0042-3510-8057-b7c04f4c3532"),
        cluster.by_serial("S1"),
        cluster.by_client_id(&[0xff, 1, 2]),
    ];
    assert!(found.iter().all(|node| node.is_some_and(|node| &*node.name == "n1")));
    assert_eq!(cluster.fqdn(&cluster.nodes[0]), "n1");
}

#[test]
fn an_installation_says_its_disk_and_layout_and_the_node_boots_its_disk() {
    let cluster = whole(
        "cluster: lab
profiles:
  storage:
    via: installer
    medium: debian-12
    image: debian-12
    disk: { model: samsung, min_size: 100GB, pick: smallest }
    layout: { recipe: lvm, filesystem: xfs, swap: 4G }
nodes:
  n1: { serial: s1, profile: storage, attempts: 2 }
  n2: { serial: s2, profile: storage, disk: { path: /dev/disk/by-id/x }, boot: image }
",
    );
    let n1 = settings(&cluster, "n1");
    assert_eq!(n1.target().0, BootTarget::Local, "the system is on the disk");
    assert_eq!((n1.via(), n1.attempts()), (crate::cluster::Via::Installer, 2));
    let disk = n1.disk.as_ref().unwrap().value.to_string();
    assert_eq!(disk, "the smallest disk of at least 100 GB, model samsung");
    assert_eq!(n1.layout.as_ref().unwrap().value.to_string(), "lvm, xfs, 4.29 GB swap");
    let n2 = settings(&cluster, "n2");
    assert_eq!(n2.target().0, BootTarget::Image, "what is said counts");
    let disk = n2.disk.as_ref().unwrap().value.to_string();
    assert_eq!(disk, "the disk /dev/disk/by-id/x", "a disk is replaced as a whole");
}

#[test]
fn the_package_cache_is_what_is_declared_and_has_defaults() {
    let cache = whole(&with("")).cache;
    assert_eq!((cache.size, cache.offline, cache.recheck), (20 << 30, false, 30));
    let text = "cache:\n  size: 50G\n  offline: true\n  recheck: 5\n  hosts: [\"*.mirror.example\"]\n  upstreams:\n    \
                debian: http://mirror.example/debian\n    vendor: https://vendor.example:8443/apt/\n";
    let cache = whole(&with(text)).cache;
    assert_eq!((cache.size, cache.offline, cache.recheck), (50 << 30, true, 5));
    assert_eq!(cache.hosts, ["*.mirror.example"]);
    assert_eq!(
        cache.upstreams[1],
        ("vendor".into(), "https://vendor.example:8443/apt/".into())
    );
}

#[test]
fn a_bmc_is_got_at_as_the_defaults_say_unless_the_node_says_it() {
    use crate::cluster::ConsoleVia;
    let cluster = whole(&with(
        "defaults:
  bmc: { user: admin, password_from: 'file:/etc/bmc', quirks: [nocycle], privilege: operator }
nodes:
  a: { serial: A, bmc: { address: 10.1.0.1 } }
  b: { serial: B, bmc: { address: 10.1.0.2, user: root, quirks: basicauth, protocol: redfish, port: 8443 } }
  c: { serial: C, console_via: 'tcp:ts1:7001' }
  d: { serial: D, bmc: { address: 10.1.0.4, cipher_suites: [3] }, console_via: off }
  e: { serial: E, console_via: 'telnet:ts1' }
",
    ));
    let bmc = |name: &str| cluster.node(name).unwrap().bmc.clone().unwrap();
    let via = |name: &str| cluster.node(name).unwrap().console_via.clone();
    let a = bmc("a");
    assert_eq!((a.user.as_deref(), a.privilege.as_str()), (Some("admin"), "operator"));
    assert_eq!(
        (a.quirks, a.port, a.suites),
        (vec!["nocycle".to_string()], None, vec![])
    );
    let b = bmc("b");
    assert_eq!(
        (b.user.as_deref(), b.password_from.as_deref()),
        (Some("root"), Some("file:/etc/bmc"))
    );
    assert_eq!(
        (b.quirks, b.port, b.protocol.as_str()),
        (vec!["basicauth".to_string()], Some(8443), "redfish")
    );
    assert_eq!(bmc("d").suites, [3]);
    assert_eq!((via("a"), via("b"), via("d")), (Some(ConsoleVia::Sol), None, None));
    assert_eq!(via("c"), Some(ConsoleVia::Tcp("ts1:7001".into())));
    assert_eq!(via("e"), Some(ConsoleVia::Telnet("ts1:23".into())));
}

#[test]
fn faces_are_closed_until_they_are_opened_somewhere() {
    assert_eq!(whole(&with("")).faces, crate::cluster::Faces::default());
    let faces = whole(&with(concat!(
        "faces:\n",
        "  powerman: { listen: 127.0.0.1 }\n",
        "  conserver: { listen: '[::1]:3110', allow: [10.77.0.0/24, 10.1.2.3], token_from: 'file:/etc/token' }\n",
    )))
    .faces;
    let powerman = faces.powerman.unwrap();
    assert_eq!(powerman.listen, "127.0.0.1:10101".parse().unwrap());
    assert!(powerman.allows("192.0.2.1".parse().unwrap()));
    let conserver = faces.conserver.unwrap();
    assert_eq!(conserver.listen, "[::1]:3110".parse().unwrap());
    for (peer, may) in [
        ("10.77.0.9", true),
        ("10.1.2.3", true),
        ("10.1.2.4", false),
        ("::ffff:10.1.2.3", true),
    ] {
        assert_eq!(conserver.allows(peer.parse().unwrap()), may, "{peer}");
    }
    assert!(faces.conman.is_none());
}

#[test]
fn a_console_by_ssh_is_that_of_its_make_unless_something_else_is_said() {
    use crate::cluster::{ConsoleVia, SshConsole};
    let cluster = whole(&with(
        "defaults:
  console_ssh: { key_from: 'file:/etc/console.key', user: consoles }
nodes:
  a: { serial: A, bmc: { address: 10.1.0.1, user: root, protocol: redfish }, console_via: idrac }
  b: { serial: B, bmc: { address: 10.1.0.2 }, console_via: xcc, console_ssh: { port: 2222, break_keys: 'ESC ^B' } }
  c: { serial: C, console_via: 'ssh:ts1:3001', console_ssh: { command: 'console -f {node}', user: me, port: 22 } }
  d: { serial: D, bmc: { address: 10.1.0.4 }, console_via: ilo, console_ssh: { dialog: [a, b], leave_keys: '^]' } }
",
    ));
    let ssh = |name: &str| -> SshConsole {
        match cluster.node(name).unwrap().console_via.clone() {
            Some(ConsoleVia::Ssh(ssh)) => *ssh,
            other => panic!("{other:?}"),
        }
    };
    let a = ssh("a");
    assert_eq!(
        (a.host, a.port, a.dialog, a.leave_keys),
        (None, 22, vec!["connect com2".into()], vec![0x1c])
    );
    assert_eq!(a.key_from.as_deref(), Some("file:/etc/console.key"));
    let b = ssh("b");
    assert_eq!(
        (b.port, b.take, b.dialog),
        (2222, vec!["console kill 1".into()], vec!["console 1".into()])
    );
    assert_eq!((b.leave_keys, b.break_keys), (b"\x1b(".to_vec(), b"\x1b\x02".to_vec()));
    let c = ssh("c");
    assert_eq!(
        (c.host.as_deref(), c.port, c.user.as_deref()),
        (Some("ts1"), 3001, Some("me"))
    );
    assert_eq!(c.command.as_deref(), Some("console -f {node}"));
    let d = ssh("d");
    assert_eq!((d.dialog, d.leave_keys), (vec!["a".into(), "b".into()], vec![0x1d]));
}

#[test]
fn steps_of_all_layers_follow_each_other_and_one_layer_may_say_one_twice() {
    let cluster = whole(&with(
        "defaults: { after_ready: [{ step: cloud-init }], ssh_key_from: 'file:/k', ready_when: ssh }
profiles:
  p: { after_ready: [{ step: reboot }, { run: look, within: 90 }, { step: reboot, within: 1h }, { step: cloud-init }], ready_when: port:80 }
nodes:
  a: { serial: A, profile: p }
  b: { serial: B }
",
    ));
    let settings = |name: &str| cluster.node(name).unwrap().settings.clone();
    let steps: Vec<_> = (settings("a").after_ready.iter())
        .map(|step| step.value.to_string())
        .collect();
    assert_eq!(
        steps,
        [
            "cloud-init within 10 min",
            "reboot within 10 min",
            "`look` within 1 min 30 s",
            "reboot within 1 h"
        ]
    );
    assert_eq!(settings("a").ready_when().to_string(), "port:80");
    assert_eq!(
        (settings("b").ready_when().to_string(), settings("b").after_ready.len()),
        ("ssh".into(), 1)
    );
}
