//! Debian's installer against the running server, played by the installer's own shell and programs: what it fetches is
//! what it would fetch, and the scripts that it runs call the server back.

use std::path::Path;

use serde_json::Value;

use crate::support::client::require;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const CLUSTER: &str = r#"
cluster: test
domain: test.example
networks:
  lan: { prefix: 10.77.0.0/24 }
profiles:
  server: { via: installer, medium: debian-12, console: "ttyS0,115200", packages: [htop] }
nodes:
  n1: { mac: "52:54:00:00:00:01", address: 10.77.0.11, profile: server }
  n2: { mac: "52:54:00:00:00:02", address: 10.77.0.12, profile: server, medium: debian-13 }
"#;

struct Lab {
    _segment: Segment,
    station: Station,
    served: Served,
    folder: tempfile::TempDir,
}

fn lab() -> Lab {
    for (program, package) in [
        ("curl", "curl"),
        ("wget", "wget"),
        ("busybox", "busybox-static"),
        ("debconf-set-selections", "debconf"),
        ("logger", "bsdutils"),
    ] {
        require(program, package);
    }
    let segment = Segment::new("10.77.0.1/24");
    let station = segment.plug("52:54:00:00:00:01");
    station.succeed(&["ip", "addr", "add", "10.77.0.11/24", "dev", "eth0"]);
    let served = Served::start(&segment, CLUSTER);
    served.until_served();
    let folder = tempfile::tempdir().unwrap();
    Lab {
        _segment: segment,
        station,
        served,
        folder,
    }
}

impl Lab {
    /// Adds a medium while the server runs, as an operator does.
    fn add_medium(&self) {
        let netboot = self.folder.path().join("netboot");
        std::fs::create_dir_all(&netboot).unwrap();
        let mut kernel = vec![7; 3_000_000];
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        std::fs::write(netboot.join("linux"), kernel).unwrap();
        std::fs::write(netboot.join("initrd.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
        std::fs::write(netboot.join("key.cpio"), b"0707010000").unwrap();
        let netboot = netboot.display().to_string();
        let key = format!("{netboot}/key.cpio");
        self.served.text(&[
            "media",
            "add",
            "debian-12",
            "--architecture",
            "amd64",
            "--from",
            &netboot,
            "--extra-initrd",
            &key,
        ]);
        assert_eq!(self.served.events("medium.added").len(), 1, "the server was told");
    }

    fn curl(&self, url: &str) -> String {
        self.station.succeed(&["curl", "-fsS", url])
    }

    fn status(&self, url: &str) -> String {
        self.station
            .succeed(&["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url])
    }

    fn script(&self) -> String {
        self.curl("http://10.77.0.1/boot/n1/script?mac=52:54:00:00:00:01")
    }

    fn deployment(&self) -> Value {
        self.served.json(&["deployment", "show", "n1"])
    }

    /// Runs a script of the installer below a root of its own.
    fn installer(&self, script: &Path) -> String {
        let root = self.folder.path().join("root");
        std::fs::create_dir_all(root.join("usr/share/debconf")).unwrap();
        let path = format!("{}/bin:{}", root.display(), std::env::var("PATH").unwrap());
        let (root, path) = (format!("ROOT={}", root.display()), format!("PATH={path}"));
        self.station
            .succeed(&["env", &root, &path, "busybox", "sh", script.to_str().unwrap()])
    }
}

#[test]
fn an_installation_from_its_script_to_the_boot_from_its_own_disk() {
    let lab = lab();
    lab.add_medium();
    lab.served.text(&["deploy", "n1", "--yes", "--no-wait"]);

    let script = lab.script();
    let word = |start: &str| {
        let word = script.split_whitespace().find_map(|word| word.strip_prefix(start));
        word.unwrap_or_else(|| panic!("no {start} in {script}")).to_string()
    };
    assert!(
        script.contains("kernel http://10.77.0.1/media/debian-12/linux initrd=initrd.gz initrd=extra1.cpio auto=true ")
    );
    assert_eq!(word("interface="), "52:54:00:00:00:01");
    assert_eq!(word("log_host="), "10.77.0.1");
    assert!(script.contains(" --- console=tty0 console=ttyS0,115200"), "{script}");
    for file in ["linux", "initrd.gz", "extra1.cpio"] {
        lab.curl(&format!("http://10.77.0.1/media/debian-12/{file}"));
    }
    for file in ["manifest.json", "..%2fdebian-12%2flinux", "none"] {
        assert_eq!(
            lab.status(&format!("http://10.77.0.1/media/debian-12/{file}")),
            "404",
            "{file}"
        );
    }

    let preseed = lab.curl(&word("url="));
    let file = lab.folder.path().join("preseed.cfg");
    std::fs::write(&file, &preseed).unwrap();
    assert_eq!(
        lab.station
            .succeed(&["debconf-set-selections", "-c", file.to_str().unwrap()]),
        ""
    );
    assert_eq!(
        lab.served.text(&["show", "n1", "--render", "preseed"]),
        preseed,
        "show tells what the node gets"
    );

    // The scripts are fetched and run as the preseed says.
    let base = word("url=").replace("/preseed.cfg", "");
    let start = lab.folder.path().join("start.sh");
    std::fs::write(&start, lab.curl(&format!("{base}/start.sh"))).unwrap();
    lab.installer(&start);
    assert_eq!(lab.deployment()["phase"], "installing");
    let hooks = lab.served.events("hook.called");
    assert_eq!(hooks.last().unwrap()["body"]["hook"], "started");
    for document in ["disk.sh", "end.sh"] {
        assert_eq!(
            lab.curl(&format!("{base}/{document}")),
            lab.served.text(&[
                "show",
                "n1",
                "--render",
                &document
                    .replace(".sh", "")
                    .replace("disk", "installer-disk")
                    .replace("end", "installer-end")
            ])
        );
    }
    for document in ["user-data", "meta-data", "vendor-data"] {
        lab.curl(&format!("{}/{document}", base.replace("/install/", "/cloud-init/")));
    }

    // What it says in its log.
    lab.station.succeed(&[
        "logger",
        "--server",
        "10.77.0.1",
        "--udp",
        "--rfc3164",
        "--tag",
        "main-menu",
        "INFO: Menu item 'pkgsel' selected",
    ]);
    lab.served.until("the line is in the journal", || {
        !lab.served.events("installer.said").is_empty()
    });
    lab.served.until("the line is in the log", || {
        let log = lab.served.cli(&["deployment", "show", "n1", "--log"]);
        String::from_utf8_lossy(&log.stdout).contains("main-menu: INFO: Menu item 'pkgsel' selected")
    });

    let last = lab.folder.path().join("root/usr/lib/finish-install.d/96bellwether");
    lab.installer(&last);
    assert_eq!(lab.deployment()["phase"], "installed");
    assert!(lab.script().contains("Bellwether"), "it boots from its disk now");
    assert!(!lab.script().contains("/media/"), "{}", lab.script());
}

#[test]
fn without_a_medium_nothing_is_armed_and_the_reason_says_what_to_do() {
    let lab = lab();
    let out = lab.served.cli(&["deploy", "n2", "--yes", "--no-wait"]);
    assert!(!out.status.success());
    let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    assert!(said.contains("bellwether media add debian-13"), "{said}");
    let shown = lab.served.cli(&["show", "n2", "--render", "preseed"]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("bellwether media add debian-13"));
    assert!(lab.served.events("deployment.armed").is_empty());
}

#[test]
fn a_preseed_is_not_given_without_the_token_of_the_attempt() {
    let lab = lab();
    lab.add_medium();
    let of = |token: &str| lab.status(&format!("http://10.77.0.1/install/n1/{token}/preseed.cfg"));
    assert_eq!(of(&"0".repeat(32)), "403");
    lab.served.text(&["deploy", "n1", "--yes", "--no-wait"]);
    let script = lab.script();
    let token = script
        .split("/install/n1/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_string();
    assert_eq!(of(&token), "200");
    assert_eq!(
        lab.status(&format!("http://10.77.0.1/install/n2/{token}/preseed.cfg")),
        "403"
    );
    lab.served.text(&["dismiss", "n1"]);
    assert_eq!(of(&token), "403");
}
