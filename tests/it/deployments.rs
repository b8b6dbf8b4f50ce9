//! Deployments told against the running server: curl is the agent and udhcpc is the firmware, so that power can be lost,
//! words forged and the server killed at every step. Whole machines are in `deploys`.

mod ends;
mod faults;
mod steps;
mod tokens;

use serde_json::Value;

use crate::support::client::require;
use crate::support::image;
use crate::support::segment::{Segment, Station};
use crate::support::server::Served;

const MAC: &str = "52:54:00:00:00:01";

const CLUSTER: &str = r#"
cluster: test
domain: test.example
networks:
  lan: { prefix: 10.77.0.0/24 }
profiles:
  disk: { via: image, image: tiny, attempts: 2, disk: { min_size: 3 GB } }
nodes:
  n1: { mac: "52:54:00:00:00:01", address: 10.77.0.11, profile: disk }
  n2: { mac: "52:54:00:00:00:02", address: 10.77.0.12, profile: disk }
"#;

/// A server with an image and an agent, and one machine.
struct Stage {
    served: Option<Served>,
    station: Station,
    segment: Segment,
}

/// An attempt, as the agent knows it: by the URLs in its kernel's command line.
struct Agent {
    plan: String,
    hooks: String,
}

fn stage() -> Stage {
    in_folder(tempfile::tempdir().unwrap())
}

fn in_folder(folder: tempfile::TempDir) -> Stage {
    require("curl", "curl");
    require("busybox", "busybox");
    let segment = Segment::new("10.77.0.1/24");
    let station = segment.plug(MAC);
    station.succeed(&["ip", "addr", "add", "10.77.0.11/24", "dev", "eth0"]);
    std::fs::write(folder.path().join("cluster.yaml"), CLUSTER).unwrap();
    image::for_disks(folder.path());
    let served = Served::start_in(&segment, folder);
    served.until_served();
    Stage {
        served: Some(served),
        station,
        segment,
    }
}

impl Stage {
    fn served(&self) -> &Served {
        self.served.as_ref().unwrap()
    }

    /// Kills the server and starts it again.
    fn kill(&mut self) {
        let folder = self.served.take().unwrap().kill();
        let served = Served::start_in(&self.segment, folder);
        served.until_served();
        self.served = Some(served);
    }

    fn arm(&self) -> u64 {
        self.served().text(&["deploy", "n1", "--yes", "--no-wait"]);
        self.shown("n1")["id"].as_u64().unwrap()
    }

    fn shown(&self, of: &str) -> Value {
        self.served().json(&["deployment", "show", of])
    }

    fn phase(&self) -> String {
        self.shown("n1")["phase"].as_str().unwrap().to_string()
    }

    /// Switches the machine on: its firmware asks, then its loader.
    fn power_on(&self) -> String {
        let firmware = "PXEClient:Arch:00007:UNDI:003016";
        let asked = self.station.run(&[
            "busybox",
            "udhcpc",
            "-f",
            "-q",
            "-n",
            "-t",
            "4",
            "-T",
            "1",
            "-i",
            "eth0",
            "-s",
            "/bin/true",
            "-V",
            firmware,
            "-x",
            "93:0007",
        ]);
        assert!(asked.status.success(), "{}", crate::support::client::said(&asked));
        // What a firmware does next makes a restart recognisable.
        self.status("GET", "tftp://10.77.0.1/ipxe.efi");
        self.script()
    }

    fn script(&self) -> String {
        let url = format!("http://10.77.0.1/boot/n1/script?mac={MAC}");
        self.station.succeed(&["curl", "-fsS", "--max-time", "20", &url])
    }

    /// Switches the machine on and takes its kernel: its script is that of an attempt.
    fn agent(&self) -> Agent {
        let script = self.power_on();
        let word = |start: &str| -> String {
            let word = script.split_whitespace().find_map(|word| word.strip_prefix(start));
            word.unwrap_or_else(|| panic!("no {start} in {script}")).to_string()
        };
        assert_eq!(self.status("GET", "http://10.77.0.1/images/agent/kernel"), "200");
        Agent {
            plan: word("bellwether.plan="),
            hooks: word("bellwether.hooks="),
        }
    }

    /// The status of an answer.
    fn status(&self, method: &str, url: &str) -> String {
        self.code(&["-X", method, url])
    }

    /// A callback: its status.
    fn call(&self, agent: &Agent, hook: &str, said: &str) -> String {
        self.call_at(&format!("{}{hook}", agent.hooks), said)
    }

    fn call_at(&self, url: &str, said: &str) -> String {
        self.code(&["--data-binary", said, url])
    }

    fn code(&self, words: &[&str]) -> String {
        let curl = [
            "curl",
            "-s",
            "--max-time",
            "20",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
        ];
        String::from_utf8_lossy(&self.station.run(&[&curl, words].concat()).stdout).into_owned()
    }
}
