//! conman: `conman` of Debian against our face, and against conmand beside it.

use super::terminal::Terminal;
use super::{client, cluster, echo};
use crate::bmc::{Running, bmcs, until};
use crate::support::segment::Segment;
use crate::support::server::Served;

/// Consoles behind Unix sockets, with our face on 7890.
fn served(segment: &Segment, names: &[&str]) -> (Served, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut nodes = String::new();
    for (n, name) in names.iter().enumerate() {
        let path = folder.path().join(name);
        echo(&path);
        nodes.push_str(&format!(
            "  {name}: {{ mac: 52:54:00:00:00:{n:02x}, console_via: 'unix:{}' }}\n",
            path.display()
        ));
    }
    let server = Served::start(segment, &cluster("  conman: { listen: 127.0.0.1 }\n", &nodes));
    server.until("the consoles are open", || {
        let list = server.json(&["console", "list"]);
        let consoles = list["consoles"].as_array().unwrap().clone();
        consoles.len() == names.len() && consoles.iter().all(|console| console["state"] == "open")
    });
    server.until("the face is open", || conman(segment, 7890, &["-q"]).1 == Some(0));
    (server, folder)
}

/// `conman` to its end, without a terminal.
fn conman(segment: &Segment, port: u16, words: &[&str]) -> (String, Option<i32>) {
    client(
        segment,
        &[&["conman", "-d", &format!("127.0.0.1:{port}")], words].concat(),
    )
}

/// `conman` at a terminal.
fn person(segment: &Segment, port: u16, words: &[&str]) -> Terminal {
    let mut command = segment.command("conman");
    command.args(["-d", &format!("127.0.0.1:{port}")]).args(words);
    Terminal::start(command)
}

/// conmand with consoles of the same names, on 7891.
fn conmand(segment: &Segment, folder: &std::path::Path, names: &[&str]) -> Running {
    let mut text = format!(
        "SERVER port=7891 loopback=ON logdir=\"{0}\" pidfile=\"{0}/pid\" resetcmd=\"true\"\n",
        folder.display()
    );
    for name in names {
        let path = folder.join(format!("{name}.theirs"));
        echo(&path);
        text.push_str(&format!("CONSOLE name=\"{name}\" dev=\"unix:{}\"\n", path.display()));
    }
    let config = folder.join("conman.conf");
    std::fs::write(&config, text).unwrap();
    let log = std::fs::File::create(folder.join("conmand.log")).unwrap();
    let mut command = segment.command("conmand");
    command.arg("-F").arg("-c").arg(config);
    Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
}

/// Without what differs from one moment, one terminal and one server to another.
fn settled(text: &str, port: u16) -> String {
    let text = text
        .replace(&format!(":{port}>"), ":PORT>")
        .replace("@127.0.0.1>", "@localhost>");
    let mut out = String::new();
    let mut words = text.split_inclusive(' ').peekable();
    while let Some(word) = words.next() {
        // ` on pts/7`, ` at 11-26 09:30`, `(idle 3s)`.
        if word.starts_with("pts/") {
            let rest = word
                .trim_start_matches("pts/")
                .trim_start_matches(|c: char| c.is_ascii_digit());
            out.push_str("TTY");
            out.push_str(rest);
        } else if word.len() == 6 && word.as_bytes()[2] == b'-' {
            let time = words.next().unwrap_or_default();
            out.push_str("NOW");
            out.push_str(&time[5.min(time.len())..]);
        } else {
            out.push_str(word);
        }
    }
    out.replace(" (idle 0s)", "")
        .replace(" (idle 1s)", "")
        .replace(" (idle 2s)", "")
}

/// What three people see who look, write, join and take.
fn story(segment: &Segment, port: u16) -> Vec<(String, Option<i32>)> {
    let mut told = Vec::new();
    let mut alice = person(segment, port, &["p1"]);
    alice.sees("opened.");
    alice.types("hello ");
    alice.sees("hello ");
    let mut looker = person(segment, port, &["-m", "p1"]);
    looker.sees("opened.");
    // What she types shows that he is there.
    until("he looks on", || {
        alice.types("!");
        looker.has_seen("!")
    });
    told.push(conman(segment, port, &["p1"]));
    let mut carol = person(segment, port, &["-j", "p1"]);
    carol.sees("joined with");
    alice.sees("joined by");
    carol.types("carol");
    for person in [&mut alice, &mut looker, &mut carol] {
        person.sees("carol");
    }
    carol.types("&.");
    told.push(carol.ended());
    alice.sees("departed by");
    let mut dave = person(segment, port, &["-f", "p1"]);
    dave.sees("stolen from");
    told.push(alice.ended());
    dave.types("&M");
    looker.sees("departed by");
    dave.types("&J");
    dave.sees("joined by");
    dave.types("&Q");
    dave.sees("suppressed");
    dave.types("&I");
    dave.sees("Connected");
    dave.types("&.");
    told.push(dave.ended());
    looker.types("&.");
    told.push(looker.ended());
    told.iter_mut()
        .for_each(|(text, _)| *text = settled(text, port).replace('!', ""));
    told
}

#[test]
fn conman_shows_what_it_shows_against_conmand() {
    let segment = Segment::new("10.77.0.1/24");
    let names = ["p1", "p2", "p10", "other"];
    let (_server, folder) = served(&segment, &names);
    let _conmand = conmand(&segment, folder.path(), &names);
    until("conmand answers", || conman(&segment, 7891, &["-q"]).1 == Some(0));
    for words in [
        &["-q"][..],
        &["-q", "p?"],
        &["-q", "p[12]", "other"],
        &["-q", "-r", "P1|o.*"],
        &["-q", "-r", "p"],
        &["-q", "nosuch"],
        &["-m", "nosuch"],
        &["p*"],
        &["-m", "p1", "p2"],
        &["-r", "-q", "("],
    ] {
        let (ours, theirs) = (conman(&segment, 7890, words), conman(&segment, 7891, words));
        // The words of regcomp(3) for what is wrong with a pattern are its own.
        let common = |(text, status): (String, Option<i32>)| match words.contains(&"(") {
            true => (text.split(':').next().unwrap_or_default().to_string(), status),
            false => (text, status),
        };
        assert_eq!(common(ours), common(theirs), "{words:?}");
    }
    let (ours, theirs) = (story(&segment, 7890), story(&segment, 7891));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn several_consoles_replay_break_and_reset() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.7.0.1", "3"]);
    let nodes = "  n[1-3]: { mac: 52:54:00:00:00:01+, bmc: { address: 127.7.0.1+ } }\n\
        \x20 dead: { mac: 52:54:00:00:01:01, bmc: { address: 127.7.0.9 } }\n\
        \x20 bare: { mac: 52:54:00:00:01:02 }\n";
    let server = Served::start_with(
        &segment,
        &cluster("  conman: { listen: 127.0.0.1 }\n", nodes),
        &[("BMC_PASSWORD", "lab")],
    );
    server.until("the consoles are open", || {
        let list = server.json(&["console", "list"]);
        list["consoles"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|console| console["state"] == "open")
            .count()
            == 3
    });
    server.text(&["power", "on", "n[1-3]"]);
    // A node without a console is none of them.
    assert_eq!(conman(&segment, 7890, &["-q"]), ("dead\nn1\nn2\nn3\n".into(), Some(0)));
    let mut lookers: Vec<_> = ["n1", "n2"].map(|name| person(&segment, 7890, &["-m", name])).into();
    for looker in &mut lookers {
        looker.sees("opened.");
    }
    let mut writer = person(&segment, 7890, &["-b", "-e", "%", "n1", "n2"]);
    writer.sees("Broadcast");
    until("both hear", || {
        writer.types("to both;");
        lookers.iter_mut().all(|looker| looker.has_seen("to both;"))
    });
    writer.types("%B");
    for looker in &mut lookers {
        looker.sees("[break]");
    }
    writer.types("%I");
    writer.sees("Broadcasting to 2 consoles");
    writer.types("%.");
    let (seen, status) = writer.ended();
    // Who writes to several sees none of them.
    assert!(
        status == Some(0) && !seen.contains("to both;") && !seen.contains("[break]"),
        "{seen}"
    );
    // What was said is shown again, between two lines that say so.
    let mut reader = person(&segment, 7890, &["n1"]);
    reader.sees("opened.");
    reader.types("&L");
    reader.sees("<ConMan> Begin log replay of console [n1].\r\n");
    reader.sees("End log replay of console [n1].\r\n");
    let replayed = reader.all.split("Begin log replay").nth(1).unwrap().to_string();
    assert!(
        replayed.contains("to both;") && replayed.contains("[break]"),
        "{replayed}"
    );
    // The reset button, by the BMC, with its actor.
    reader.types("&R");
    reader.sees("reset by <root@127.0.0.1>");
    lookers[0].sees("reset by <root@127.0.0.1>");
    reader.sees("on, boots");
    server.until("it is in the journal", || {
        server
            .events("power")
            .iter()
            .any(|event| event["body"]["action"] == "reset")
    });
    let events = server.events("power");
    let reset = events.iter().find(|event| event["body"]["action"] == "reset").unwrap();
    assert_eq!(
        (&reset["actor"], &reset["subject"]),
        (&"conman:root@127.0.0.1".into(), &"node:n1".into())
    );
    // A log of its own is the client's affair, and works.
    reader.types("&.");
    assert_eq!(reader.ended().1, Some(0));
    // A console that is not connected says why, and its machine's BMC why it is not reset.
    let mut dead = person(&segment, 7890, &["dead"]);
    dead.sees("<ConMan> Console [dead] is currently ");
    dead.types("&R");
    dead.sees("could not be reset: the BMC at 127.7.0.9");
    // The command line sees who is there, and takes it.
    let list = server.json(&["console", "list"]);
    assert!(list.to_string().contains("<root@127.0.0.1> on pts/"), "{list}");
}
