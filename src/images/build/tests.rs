use super::*;

fn refusal(options: &Options) -> String {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::of_state(folder.path());
    let error = build(&folders, options, &mut |_| panic!("nothing was to be started")).unwrap_err();
    assert!(!folders.images.exists(), "a refused build leaves nothing behind");
    error.to_string()
}

#[test]
fn what_cannot_be_built_is_refused_before_anything_is_done() {
    let good = Options::of("debian-12");
    assert_eq!(
        refusal(&Options::of("plan-9")),
        "plan-9 cannot be built, only debian-12, debian-13 and agent"
    );
    assert!(
        refusal(&Options {
            name: "../up".into(),
            ..good.clone()
        })
        .starts_with("\"../up\" cannot be an image's name")
    );
    assert_eq!(
        refusal(&Options {
            packages: vec!["htop;reboot".into()],
            ..good.clone()
        }),
        "\"htop;reboot\" cannot be the name of a package"
    );
    assert!(
        refusal(&Options {
            name: "agent".into(),
            ..good.clone()
        })
        .starts_with("the agent is called agent")
    );
    assert!(
        refusal(&Options {
            architecture: "riscv64".into(),
            ..good
        })
        .starts_with("images for riscv64 cannot be built")
    );
}

#[test]
fn the_order_of_packages_and_the_mirror_do_not_make_another_image() {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_string()).collect::<Vec<_>>();
    let one = Options {
        packages: words(&["htop", "tmux"]),
        ..Options::of("debian-12")
    };
    let same = Options {
        packages: words(&["tmux", "htop", "tmux"]),
        mirror: Some("http://mirror.example/debian".into()),
        ..Options::of("debian-12")
    };
    assert_eq!(one.digest(), same.digest());
    assert_ne!(
        one.digest(),
        Options {
            kernel: "linux-image-cloud-amd64".into(),
            ..one.clone()
        }
        .digest()
    );
}

#[test]
fn an_image_is_exchanged_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let (work, place) = (folder.path().join(".build-x"), folder.path().join("x"));
    for text in ["old", "new"] {
        std::fs::create_dir(&work).unwrap();
        std::fs::write(work.join("file"), text).unwrap();
        move_in(&work, &place).unwrap();
        assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), text);
        Sweep(vec![work.clone()]).sweep();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn two_builds_of_one_image_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let held = lock(folder.path(), "x").unwrap();
    assert_eq!(
        lock(folder.path(), "x").unwrap_err().to_string(),
        "x is being built already"
    );
    lock(folder.path(), "y").unwrap();
    drop(held);
    lock(folder.path(), "x").unwrap();
}
