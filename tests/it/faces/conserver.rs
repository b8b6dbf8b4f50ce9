//! conserver: `console` of Debian against our face.

use std::path::Path;

use super::terminal::Terminal;
use super::{client, cluster, echo};
use crate::bmc::{Running, bmcs, until};
use crate::support::segment::Segment;
use crate::support::server::Served;

const VARIABLES: [(&str, &str); 2] = [("BMC_PASSWORD", "lab"), ("FACE_TOKEN", "open sesame")];

/// Words that every client here begins with: without TLS, which its configuration file can say as well.
const SERVER: [&str; 6] = ["console", "-U", "-M", "127.0.0.1", "-p", "3109"];

fn served(segment: &Segment, face: &str, address: &str) -> Served {
    let nodes = format!("  n[1-3]: {{ mac: 52:54:00:00:00:01+, bmc: {{ address: {address}+ }} }}\n");
    let server = Served::start_with(segment, &cluster(face, &nodes), &VARIABLES);
    server.until("the consoles are open", || {
        let list = server.json(&["console", "list"]);
        let consoles = list["consoles"].as_array().unwrap().clone();
        consoles.len() == 3 && consoles.iter().all(|console| console["state"] == "open")
    });
    server.text(&["power", "on", "n[1-3]"]);
    server
}

fn console(segment: &Segment, words: &[&str]) -> (String, Option<i32>) {
    client(segment, &[&SERVER, words].concat())
}

/// conserver itself with two consoles of those names, on 3119.
fn conserver(segment: &Segment, folder: &Path) -> Running {
    let mut text = "default * { master localhost; rw *; }\naccess * { trusted 127.0.0.1; }\n\
        config * { defaultaccess trusted; sslrequired no; }\n"
        .to_string();
    for name in ["n1", "n2"] {
        text.push_str(&format!(
            "console {name} {{ type uds; uds {}/{name}; logfile /dev/null; }}\n",
            folder.display()
        ));
    }
    std::fs::write(folder.join("conserver.cf"), text).unwrap();
    std::fs::write(folder.join("passwords"), "").unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = segment.command("conserver");
    command
        .args(["-p", "3119", "-b", "3200", "-M", "127.0.0.1", "-C"])
        .arg(folder.join("conserver.cf"));
    command.arg("-P").arg(folder.join("passwords"));
    Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
}

/// Somebody with a terminal that is his own: passwords are asked for there.
fn person(segment: &Segment, words: &[&str]) -> Terminal {
    let mut command = segment.command("setsid");
    command.args(["--ctty", "--wait"]).args(SERVER).args(words);
    Terminal::start(command)
}

#[test]
fn one_writes_others_spy_and_who_was_bumped_gets_it_back() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.8.0.1", "3"]);
    let server = served(&segment, "  conserver: { listen: 127.0.0.1 }\n", "127.8.0.1");
    until("the face is open", || console(&segment, &["-P"]).1 == Some(0));
    let mut alice = person(&segment, &["-l", "alice", "n1"]);
    alice.sees("[Enter `^Ec?' for help]");
    alice.sees("[attached]");
    let mut spy = person(&segment, &["-l", "spy", "-s", "n1"]);
    spy.sees("[Enter `^Ec?' for help]");
    until("the spy sees what she types", || {
        alice.types("hello;");
        spy.has_seen("hello;")
    });
    alice.sees("hello;");
    spy.types("not me\r");
    spy.sees("[read-only -- use ^E c ? for help]");
    alice.types("\x05cl0");
    alice.sees("[halt sent]");
    spy.sees("[break]");
    // A second one who would write is told who does, and takes it; she gets it back when he goes.
    let mut bob = person(&segment, &["-l", "bob", "-e", "^Xx", "n1"]);
    bob.sees("[no, alice@127.0.0.1 is attached]");
    bob.types("\x18xf");
    bob.sees("[bumped alice@127.0.0.1]");
    alice.sees("[forced to `spy' mode by bob@127.0.0.1]");
    bob.types("bob was here;");
    spy.sees("bob was here;");
    let seen = alice.all.len();
    bob.types("\x18x.");
    bob.sees("[disconnect]");
    until("she has it again", || {
        alice.has_seen("");
        alice.all[seen..].contains("[attached]")
    });
    alice.types("alice again;");
    spy.sees("alice again;");
    // Who is here, how it stands, what it is, and what was said before.
    alice.types("\x05cw");
    alice.sees("[who n1]");
    alice.sees(" alice@127.0.0.1                  * attach ");
    alice.sees(" spy@127.0.0.1                      spy ");
    alice.types("\x05cr");
    alice.sees("[replay]");
    spy.types("\x05cu");
    spy.sees(" n1                       * up   alice@127.0.0.1");
    spy.types("\x05cx");
    spy.sees("127.8.0.2");
    spy.types("\x05cv");
    spy.sees("[version `Bellwether ");
    let replayed = person(&segment, &["-S", "n1"]);
    let mut replayed = replayed;
    replayed.sees("bob was here;");
    replayed.types("\x05c.");
    assert_eq!(replayed.ended().1, Some(0));
    // The same from outside.
    let told = |words: &[&str]| {
        let (text, status) = console(&segment, words);
        assert_eq!(status, Some(0), "{words:?}: {text}");
        text
    };
    let hosts = told(&["-u"]);
    assert!(
        hosts.contains("n1                         up   alice@127.0.0.1") && hosts.contains("n3  "),
        "{hosts}"
    );
    assert!(told(&["-w"]).contains("spy@127.0.0.1"));
    assert!(told(&["-x", "n2"]).contains("on 127.8.0.2"));
    let info = told(&["-i", "n1"]);
    assert!(
        info.starts_with("n1:bellwether,") && info.contains(":w@alice@127.0.0.1@0"),
        "{info}"
    );
    assert_eq!(info.lines().count(), 1, "{info}");
    assert_eq!(told(&["-P"]).trim(), format!("127.0.0.1: {}", server.pid()));
    assert!(told(&["-r"]).contains("version `Bellwether "));
    assert!(told(&["-q"]).contains("unauthorized command"));
    // The command line of this host sees them too.
    let list = server.json(&["console", "list"]).to_string();
    assert!(list.contains("alice@127.0.0.1"), "{list}");
    alice.types("\x05c.");
    assert_eq!(alice.ended().1, Some(0));
}

#[test]
fn consoles_are_called_by_name_with_a_domain_or_a_beginning() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.8.1.1", "3"]);
    let _server = served(&segment, "  conserver: { listen: 127.0.0.1 }\n", "127.8.1.1");
    until("the face is open", || console(&segment, &["-P"]).1 == Some(0));
    assert!(
        console(&segment, &["-s", "nosuch"])
            .0
            .contains("console `nosuch' not found")
    );
    let (told, _) = console(&segment, &["n"]);
    assert!(
        told.contains("ambiguous console abbreviation, `n'") && told.contains("choices are n1, n2, n3"),
        "{told}"
    );
    let mut capital = person(&segment, &["-s", "N2"]);
    capital.sees("[Enter `^Ec?' for help]");
    // As teuthology has it: a configuration file instead of an option, no terminal, and nothing typed.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".consolerc"), "config * { sslrequired no; }\n").unwrap();
    let mut command = segment.command("console");
    command
        .args(["-M", "127.0.0.1", "-p", "3109", "-s", "n3"])
        .env("HOME", folder.path());
    let mut teuthology = Terminal::start(command);
    teuthology.sees("[Enter `^Ec?' for help]");
    let mut writer = person(&segment, &["n3"]);
    writer.sees("[attached]");
    until("it hears what the machine says", || {
        writer.types("Linux version;");
        teuthology.has_seen("Linux version;")
    });
    // Without that word the client wants TLS, and says so itself.
    let (told, _) = client(&segment, &["console", "-n", "-M", "127.0.0.1", "-p", "3109", "-u"]);
    assert!(told.contains("Encryption not supported by server"), "{told}");
}

#[test]
fn the_token_is_the_password() {
    let segment = Segment::new("10.77.0.1/24");
    let _bmcs = bmcs(&segment, &["127.8.2.1", "3"]);
    let face = "  conserver: { listen: 127.0.0.1, token_from: 'env:FACE_TOKEN' }\n";
    let server = served(&segment, face, "127.8.2.1");
    until("the face is open", || server.log().contains("face=\"conserver\""));
    let mut wrong = person(&segment, &["-u"]);
    for _ in 0..3 {
        wrong.sees("password: ");
        wrong.all.clear();
        wrong.types("guess\n");
        wrong.sees("invalid password");
        wrong.all = wrong
            .all
            .split("invalid password")
            .nth(1)
            .unwrap_or_default()
            .to_string();
    }
    let (told, _) = wrong.ended();
    assert!(!told.contains(" up "), "{told}");
    let mut right = person(&segment, &["-u"]);
    right.sees("password: ");
    right.types("open sesame\n");
    right.sees("n1                         up   <none>");
    assert_eq!(right.ended().1, Some(0));
    assert!(server.log().contains("a wrong password at the face conserver"));
    assert!(!server.log().contains("open sesame") && !server.log().contains("guess"));
}

#[test]
fn console_prints_what_it_prints_against_conserver() {
    let segment = Segment::new("10.77.0.1/24");
    let folder = tempfile::tempdir().unwrap();
    for name in ["n1", "n2"] {
        echo(&folder.path().join(name));
    }
    let nodes = format!(
        "  n1: {{ mac: 52:54:00:00:00:01, console_via: 'unix:{0}/n1' }}\n  n2: {{ mac: 52:54:00:00:00:02, console_via: 'unix:{0}/n2' }}\n",
        folder.path().display()
    );
    let _server = Served::start(&segment, &cluster("  conserver: { listen: 127.0.0.1 }\n", &nodes));
    let _conserver = conserver(&segment, folder.path());
    let told = |port: &str, words: &[&str]| {
        let (text, status) = client(
            &segment,
            &[&["console", "-U", "-M", "127.0.0.1", "-p", port], words].concat(),
        );
        // Theirs lists its consoles backwards, and asks a name server who is there.
        let mut lines: Vec<_> = text
            .lines()
            .map(|line| line.replace("@127.0.0.1", "@localhost"))
            .collect();
        lines.sort();
        (lines, status)
    };
    for port in ["3109", "3119"] {
        until("both answer", || {
            told(port, &["-u"])
                .0
                .iter()
                .filter(|line| line.contains(" up "))
                .count()
                == 2
        });
    }
    let mut people = Vec::new();
    for port in ["3109", "3119"] {
        let mut person = Terminal::start({
            let mut command = segment.command("console");
            command.args(["-U", "-M", "127.0.0.1", "-p", port, "-l", "bob", "n1"]);
            command
        });
        person.sees("[Enter `^Ec?' for help]");
        until("he is attached", || {
            told(port, &["-u"]).0.iter().any(|line| line.contains("bob@localhost"))
        });
        person.types("hello\r");
        person.sees("hello");
        for (keys, wanted) in [
            ("u", "n2                         up   <none>"),
            ("x", " n2                       on "),
            ("w", " * attach "),
            ("s", "[spying]"),
            ("a", "[attached]"),
            ("exx", "[redef: x x  ok]"),
        ] {
            person.types(&format!("\x05c{keys}"));
            person.sees(wanted);
        }
        people.push(person);
    }
    for words in [
        &["-u"][..],
        &["-u", "n1"],
        &["-x"],
        &["-x", "n2"],
        &["-w", "n2"],
        &["-s", "nosuch"],
        &["-q"],
        &["-i", "nosuch"],
    ] {
        // Whoever asked before may not have gone yet: each question is a visit.
        let both = || (told("3109", words), told("3119", words));
        let mut last = both();
        for _ in 0..20 {
            if last.0 == last.1 {
                break;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(100));
            last = both();
        }
        assert_eq!(last.0, last.1, "{words:?}");
    }
}
