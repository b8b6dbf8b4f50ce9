use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::boot::Site;
use crate::world::ImageFile;

const FILE: &str = r#"
cluster: test
networks:
  lan: { prefix: 10.77.0.0/24 }
profiles:
  worker:
    via: image
    image: debian-12
    console: "ttyS0,115200"
    kernel_args: ["mitigations=off", "a=b c;d"]
  locked: { via: image, image: debian-12, layout: { recipe: encrypted, passphrase_from: "env:X" } }
nodes:
  n1:
    mac: "52:54:00:00:00:01"
    profile: worker
    disk: { model: "QEMU HARDDISK", min_size: 10 GB, pick: smallest }
    layout: { recipe: lvm, filesystem: xfs, swap: 1 GB }
    after_install: poweroff
  n2: { mac: "52:54:00:00:00:02", via: image, image: cloud }
  n4: { mac: "52:54:00:00:00:04", via: image }
  arm: { mac: "52:54:00:00:00:05", profile: worker, architecture: arm64 }
"#;

const SITE: Site = Site {
    address: std::net::Ipv4Addr::new(10, 77, 0, 1),
    http_port: 80,
};

fn file(name: &str, size: u64) -> ImageFile {
    ImageFile {
        name: name.into(),
        size,
        sha256: "ab".repeat(32),
    }
}

fn world() -> World {
    let reading = crate::config::read(FILE);
    let cluster = reading.cluster.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
    let mut world = World {
        cluster: Arc::new(cluster),
        ..World::default()
    };
    let image = Image {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        kernel: file("kernel", 14_000_000),
        initrd: file("initrd", 10_000_000),
        root: file("root.squashfs", 100_000_000),
        built_at: Timestamp::UNIX_EPOCH,
        disk: Some(OnDisk {
            initrd: file("initrd.disk", 20_000_000),
            unpacked: 400_000_000,
        }),
    };
    let whole = DiskImage {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        disk: file("disk.zst", 300_000_000),
        unpacked: 2_147_483_648,
        built_at: Timestamp::UNIX_EPOCH,
    };
    let agent = Agent {
        architecture: "amd64".into(),
        kernel: file("kernel", 14_000_000),
        initrd: file("initrd", 25_000_000),
        built_at: Timestamp::UNIX_EPOCH,
    };
    world.images.insert("debian-12".into(), Arc::new(image));
    world.disk_images.insert("cloud".into(), Arc::new(whole));
    world.agents.insert("agent".into(), Arc::new(agent));
    world
}

fn node(world: &World, name: &str) -> Arc<Node> {
    world.cluster.node(name).unwrap().clone()
}

#[test]
fn a_plan_says_what_goes_to_which_disk() {
    let world = world();
    let plan = plan(&world, SITE, &node(&world, "n1"), "T0").unwrap();
    insta::assert_snapshot!(plan.text);
}

#[test]
fn a_whole_disk_has_no_layout_and_no_kernel() {
    let world = world();
    let plan = plan(&world, SITE, &node(&world, "n2"), "T0").unwrap();
    insta::assert_snapshot!(plan.text);
}

#[test]
fn the_agent_is_told_its_plan_its_callbacks_and_the_nic_that_booted() {
    let world = world();
    let node = node(&world, "n1");
    let boot = boot(
        &of(&world, &node).unwrap(),
        &SITE.base(),
        &node,
        "T0",
        "52:54:00:00:00:99".parse().ok(),
    );
    assert_eq!(boot.kernel, "images/agent/kernel");
    assert_eq!(boot.initrds, ["images/agent/initrd"]);
    assert_eq!(
        boot.args,
        "bellwether.plan=http://10.77.0.1/install/n1/T0/plan bellwether.hooks=http://10.77.0.1/boot/hook/n1/T0/ \
         panic=60 BOOTIF=01-52-54-00-00-00-99 console=tty0 console=ttyS0,115200 mitigations=off a=b c;d"
    );
}

#[test]
fn what_stands_in_the_way_is_said_with_what_to_do() {
    let mut world = world();
    let why = |world: &World, name: &str| obstacle(world, &node(world, name)).unwrap_or_default();
    assert_eq!(why(&world, "n1"), "");
    // A check of the file sees what is declared; another profile can be asked for.
    let locked = world.cluster.node_as(&node(&world, "n2"), "locked").unwrap();
    assert!(obstacle(&world, &locked).unwrap().contains("encrypted disk"));
    assert_eq!(why(&world, "n4"), "n4 has no image: set `image` in its profile");
    assert_eq!(why(&world, "arm"), "image debian-12 is for amd64, arm is arm64");
    world.agents.clear();
    assert!(why(&world, "n1").ends_with("bellwether image build agent"));
    let image = Image {
        disk: None,
        ..(*world.images["debian-12"]).clone()
    };
    world.images.insert("debian-12".into(), Arc::new(image));
    assert!(why(&world, "n1").contains("built for the network only"));
    world.images.clear();
    assert_eq!(
        why(&world, "n1"),
        "image debian-12 is not built: bellwether image build debian-12"
    );
}

#[test]
fn no_value_becomes_a_line_of_its_own() {
    let mut text = plan::tests_line("KERNEL_ARGS", "quiet\nDISK_PATH=/dev/sda\r\0");
    assert_eq!(text.pop(), Some('\n'));
    assert_eq!(text, "KERNEL_ARGS=quietDISK_PATH=/dev/sda");
}
