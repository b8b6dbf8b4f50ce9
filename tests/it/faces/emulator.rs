//! All faces before one BMC that we did not write: OpenIPMI's `ipmi_sim`.

use super::{client, cluster, terminal::Terminal};
use crate::bmc::{IpmiSim, SIMULATED, until};
use crate::support::segment::Segment;
use crate::support::server::Served;

#[test]
fn pm_conman_console_and_pelagos_work_on_a_simulator_of_openipmi() {
    let segment = Segment::new("10.77.0.1/24");
    let simulator = IpmiSim::start(&segment, 9629);
    let root = tempfile::tempdir().unwrap();
    let image = root.path().join("sle-15.1");
    std::fs::create_dir(&image).unwrap();
    for name in ["pxeboot.kernel", "pxeboot.initrd.xz", "sle.x86_64.xz"] {
        std::fs::write(image.join(name), name).unwrap();
    }
    let node = "  n1: { mac: 52:54:00:00:00:01, address: 10.77.0.13, \
        bmc: { address: 127.0.0.1, port: 9629, user: root, quirks: [nobootcheck] } }\n";
    let faces = format!(
        "  powerman: {{ listen: 127.0.0.1 }}\n  conman: {{ listen: 127.0.0.1 }}\n  conserver: {{ listen: 127.0.0.1 }}\n\
         \x20 pelagos: {{ listen: 10.77.0.1, tftp_root: '{}' }}\n",
        root.path().display()
    );
    let server = Served::start_with(&segment, &cluster(&faces, node), &[("BMC_PASSWORD", SIMULATED)]);
    let pm = |words: &[&str]| client(&segment, &[&["pm", "-h", "127.0.0.1:10101"], words].concat());
    until("the simulator answers", || {
        pm(&["-Q", "n1"]).0.contains("off:     n1\n")
    });
    assert_eq!(pm(&["-1", "n1"]), ("Command completed successfully\n".into(), Some(0)));
    assert_eq!(pm(&["-q"]), ("on:      n1\noff:     \nunknown: \n".into(), Some(0)));
    assert_eq!(pm(&["-r", "n1"]).1, Some(0));
    assert_eq!(pm(&["-0", "n1"]).1, Some(0));
    let events = simulator.events();
    for wanted in ["power 1", "reset 1", "power 0"] {
        assert!(events.iter().any(|event| event == wanted), "{wanted}: {events:?}");
    }

    // Its serial port says again what it is told.
    server.until("the console is open", || {
        server.json(&["console", "list"])["consoles"][0]["state"] == "open"
    });
    for command in [
        &["conman", "-f", "-d", "127.0.0.1:7890", "n1"][..],
        &["console", "-U", "-f", "-M", "127.0.0.1", "-p", "3109", "n1"],
    ] {
        let mut person = Terminal::start({
            let mut started = segment.command(command[0]);
            started.args(&command[1..]);
            started
        });
        until("an echo", || {
            person.types("x");
            person.has_seen("xx")
        });
        let words = format!("[{} is here]", command[0]);
        person.types(&words);
        person.sees(&words);
        // Not the terminal's own echo: the machine has said it.
        server.until("the machine has said it", || {
            server.text(&["console", "log", "n1"]).contains(&words)
        });
    }

    let curl = |path: &str, words: &[&str]| {
        let url = format!("http://10.77.0.1:5000{path}");
        client(&segment, &[&["curl", "-sS", "-m", "30", &url], words].concat()).0
    };
    let before = simulator.events().len();
    let answer = curl("/node/provision", &["-F", "os=sle-15.1", "-F", "node=n1"]);
    server.until("the node is switched on to its network", || {
        let events = simulator.events();
        ["boot pxe", "power 1"]
            .iter()
            .all(|wanted| events[before..].iter().any(|event| event == wanted))
    });
    assert!(curl("/node/n1", &[]).contains("sle-15.1"), "{answer}");
    curl("/node/dismiss", &["-d", "node=n1"]);
    assert_eq!(server.json(&["deployments", "n1"])[0]["phase"], "dismissed");
}
