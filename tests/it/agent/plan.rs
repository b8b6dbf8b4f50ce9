//! What the server writes as a plan is what the agent reads.

use super::boxed::Boxed;

const HEAD: &str = "#bellwether-plan 1\nNODE=n1\nKIND=disk\nIMAGE=cloud\nURL=http://h/x\nSIZE=1\nSHA256=aa\nUNPACKED=2\n\
    SEED=http://h/s/\n";

#[test]
fn a_value_is_everything_up_to_the_end_of_its_line() {
    let boxed = Boxed::new();
    for value in [
        "plain",
        "two words  and more ",
        "$(touch broken) `touch broken` ; touch broken",
        "'single' \"double\" \\back\\slash",
        "a=b=c",
        "* ?",
        "",
    ] {
        boxed.write("run/plan", &format!("{HEAD}KERNEL_ARGS={value}\n"));
        assert_eq!(boxed.run("read_plan; printf '%s' \"$KERNEL_ARGS\""), value);
    }
    assert!(!boxed.path().join("broken").exists());
}

#[test]
fn a_line_that_the_agent_does_not_know_sets_nothing() {
    let boxed = Boxed::new();
    boxed.write("run/plan", &format!("{HEAD}PATH=/nowhere\nIFS=x\nTARGET=/\n"));
    let said = boxed.run("before=$PATH$TARGET; read_plan; [ \"$before\" = \"$PATH$TARGET\" ] && echo same");
    assert_eq!(said, "same\n");
}

#[test]
fn a_plan_of_another_kind_or_with_a_hole_is_refused() {
    let boxed = Boxed::new();
    boxed.write("run/plan", "<html>not found</html>\n");
    let said = boxed.failure("read_plan");
    assert!(
        said.starts_with("this agent does not understand its plan (<html>"),
        "{said}"
    );
    boxed.write("run/plan", &HEAD.replace("#bellwether-plan 1", "#bellwether-plan 2"));
    assert!(boxed.failure("read_plan").contains("bellwether image build agent"));
    boxed.write("run/plan", &HEAD.replace("SHA256=aa\n", ""));
    assert_eq!(boxed.failure("read_plan"), "the plan lacks SHA256");
}

#[test]
fn what_the_model_renders_is_understood() {
    use std::sync::Arc;
    let text = "cluster: c\nnetworks: { lan: { prefix: 10.0.0.0/24 } }\nnodes:\n  n1: { mac: \"52:54:00:00:00:01\", via: image, \
        image: debian-12, console: \"ttyS0,115200\", kernel_args: [\"a='b' $x\"], disk: { model: \"Some Disk\", min_size: 10 GB }, \
        layout: { recipe: lvm, filesystem: xfs, swap: 1 GB } }\n";
    let file = |name: &str| model::world::ImageFile {
        name: name.into(),
        size: 7,
        sha256: "ab".repeat(32),
    };
    let mut world = model::world::World {
        cluster: Arc::new(model::config::read(text).cluster.unwrap()),
        ..Default::default()
    };
    let disk = Some(model::world::OnDisk {
        initrd: file("initrd.disk"),
        unpacked: 9,
    });
    let image = model::world::Image {
        os: "debian-12".into(),
        architecture: "amd64".into(),
        kernel: file("kernel"),
        initrd: file("initrd"),
        root: file("root.squashfs"),
        built_at: jiff::Timestamp::UNIX_EPOCH,
        disk,
    };
    let agent = model::world::Agent {
        architecture: "amd64".into(),
        kernel: file("kernel"),
        initrd: file("initrd"),
        built_at: jiff::Timestamp::UNIX_EPOCH,
    };
    world.images.insert("debian-12".into(), Arc::new(image));
    world.agents.insert("agent".into(), Arc::new(agent));
    let site = model::boot::Site {
        address: std::net::Ipv4Addr::new(10, 0, 0, 1),
        http_port: 80,
    };
    let node = world.cluster.node("n1").unwrap().clone();
    let boxed = Boxed::new();
    boxed.write("run/plan", &model::agent::plan(&world, site, &node, "T").unwrap().text);
    let said = boxed.run(
        "read_plan; printf '%s|' \"$KIND\" \"$URL\" \"$INITRD_URL\" \"$UNPACKED\" \"$RECIPE\" \"$FILESYSTEM\" \"$SWAP\" \
         \"$DISK_MODEL\" \"$DISK_MIN\" \"$DISK_PICK\" \"$CONSOLE\" \"$KERNEL_ARGS\" \"$SEED\" \"$AFTER\"",
    );
    assert_eq!(
        said,
        "tree|http://10.0.0.1/images/debian-12/root.squashfs|http://10.0.0.1/images/debian-12/initrd.disk|9|lvm|xfs|\
         999292928|Some Disk|10000000000|first|ttyS0,115200|a='b' $x|http://10.0.0.1/cloud-init/n1/T/|reboot|"
    );
}
