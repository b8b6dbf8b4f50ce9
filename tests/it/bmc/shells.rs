//! Consoles behind SSH, against servers that we did not write: OpenSSH's and Dropbear, with the shells of BMCs.

use serde_json::Value;

use super::consoles::{Person, open};
use crate::support::segment::Segment;
use crate::support::server::Served;
use crate::support::sshd::{Make, PASSWORD, Sshd};

const SHELL: &str = include_str!("makes.py");
const MAKES: [&str; 5] = ["idrac", "xcc", "ilo", "openbmc", "ssh"];
const VARIABLES: [(&str, &str); 1] = [("BMC_PASSWORD", PASSWORD)];

fn bmc(segment: &Segment, make: Make, key: &str) -> Sshd {
    let accounts = [&MAKES[..], &["conserver"]].concat();
    Sshd::start(segment.command("unshare"), make, key, &accounts, SHELL)
}

/// A node of each make, all of them behind one server.
fn nodes(makes: &[&str]) -> String {
    let node = |make: &&str| {
        let n = MAKES.iter().position(|known| known == make).unwrap();
        format!(
            "  {make}: {{ mac: 52:54:00:00:00:0{n}, console_via: {make}, \
             bmc: {{ address: 127.6.0.{}, protocol: redfish, user: {make} }} }}\n",
            n + 1
        )
    };
    makes.iter().map(node).collect()
}

fn serve(segment: &Segment, nodes: &str) -> Served {
    Served::start_with(segment, &super::emulators::cluster("", nodes), &VARIABLES)
}

fn console(server: &Served, node: &str) -> Value {
    let list = server.json(&["console", "list"]);
    let mut consoles = list["consoles"].as_array().unwrap().iter();
    consoles.find(|console| console["node"] == node).unwrap().clone()
}

/// Waits until a console is closed for a reason.
fn until_closed(server: &Served, node: &str, why: &str) {
    server.until(&format!("the console of {node} is closed: {why}"), || {
        let console = console(server, node);
        console["state"] == "closed" && console["why"].as_str().unwrap().contains(why)
    });
}

/// A file of the shells.
fn file(sshd: &Sshd, name: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(sshd.path().join(name)).unwrap_or_default()).into_owned()
}

#[test]
fn the_console_of_each_make_is_reached_and_nobody_gets_out_of_it_into_the_bmc() {
    let segment = Segment::new("10.77.0.1/24");
    let sshd = bmc(&segment, Make::OpenSsh, "ed25519");
    // Somebody has it, and is shown the door: it may be what the server left behind.
    std::fs::write(sshd.path().join("busy.xcc"), "").unwrap();
    let server = serve(&segment, &nodes(&MAKES));
    for make in MAKES {
        server.until(&format!("the console of {make} is open"), || open(&server, make));
        let mut person = Person::at(&server, &[make]);
        person.sees("connected");
        person.types(&format!("hello {make}\r\n"));
        person.sees(&format!("hello {make}"));
        // Whatever leads out of it at this make: one of these is its.
        person.types("out\x1c\x1b(\x1b((\r~.and on\r\n");
        person.sees("and on");
        person.types("&B");
        person.sees("this way to a console has no break");
        assert!(open(&server, make), "{}", console(&server, make));
        let log = server.text(&["console", "log", make]);
        assert!(
            log.contains(&format!("the machine of {make}")) && log.contains("and on"),
            "{log}"
        );
    }
    assert_eq!(file(&sshd, "commands.idrac"), "connect com2\n");
    assert_eq!(file(&sshd, "commands.xcc"), "console kill 1\nconsole 1\n");
    assert_eq!(file(&sshd, "commands.ilo"), "vsp\n");
    assert_eq!(
        file(&sshd, "typed.idrac"),
        "hello idrac\r\nout\x1b(\x1b((\r~.and on\r\n"
    );
    assert_eq!(file(&sshd, "typed.ilo"), "hello ilo\r\nout\x1c\x1b\x1b\r~.and on\r\n");
    assert_eq!(
        file(&sshd, "typed.openbmc"),
        "hello openbmc\r\nout\x1c\x1b(\x1b((\r~and on\r\n"
    );
    assert_eq!(
        file(&sshd, "typed.ssh"),
        "hello ssh\r\nout\x1c\x1b(\x1b((\r~.and on\r\n"
    );
    // The key that counts from now on is the one that OpenSSH knows it by.
    let trusted = server.events("ssh.trusted");
    assert_eq!(trusted.len(), MAKES.len());
    assert!(
        trusted
            .iter()
            .all(|event| event["body"]["fingerprint"] == sshd.fingerprint().as_str())
    );
    for words in [&["events"][..], &["console", "list"]] {
        assert!(!server.text(words).contains(PASSWORD));
    }
    assert!(!server.log().contains(PASSWORD));
}

#[test]
fn a_console_that_somebody_has_is_waited_for_and_a_server_that_dies_is_come_back_to() {
    let segment = Segment::new("10.77.0.1/24");
    let mut sshd = bmc(&segment, Make::OpenSsh, "ecdsa");
    std::fs::write(sshd.path().join("busy.idrac"), "").unwrap();
    let server = serve(&segment, &nodes(&["idrac"]));
    until_closed(&server, "idrac", "The console is in use by another session");
    std::fs::remove_file(sshd.path().join("busy.idrac")).unwrap();
    // Whoever sits down has it tried at once.
    let mut person = Person::at(&server, &["idrac"]);
    person.sees("the machine of idrac");
    person.types("before\r\n");
    person.sees("before");
    sshd.stop();
    person.sees("its other end is gone");
    sshd.run(segment.command("unshare"));
    server.until("the console is open again", || open(&server, "idrac"));
    person.types("after\r\n");
    person.sees("after");
    let log = server.text(&["console", "log", "idrac"]);
    assert!(log.contains("before") && log.contains("after"), "{log}");
    assert_eq!(server.events("ssh.trusted").len(), 1, "the same key is no news");
}

#[test]
fn another_host_key_is_refused_until_a_person_says_that_it_counts() {
    let segment = Segment::new("10.77.0.1/24");
    let mut sshd = bmc(&segment, Make::OpenSsh, "ed25519");
    let server = serve(&segment, &nodes(&["ilo"]));
    server.until("the console is open", || open(&server, "ilo"));
    sshd.stop();
    sshd.new_key("ed25519");
    sshd.run(segment.command("unshare"));
    until_closed(&server, "ilo", "shows another host key than before");
    let why = console(&server, "ilo")["why"].as_str().unwrap().to_string();
    assert!(
        why.contains(&sshd.fingerprint()) && why.contains("bellwether bmc trust"),
        "{why}"
    );
    // Nobody logged in there.
    assert_eq!(sshd.log().matches("Accepted").count(), 1, "{}", sshd.log());
    // Its Redfish is not there; what SSH shows is taken all the same.
    let said = server.text(&["bmc", "trust", "ilo"]);
    let key = format!(
        "ilo: host key ssh-ed25519 {} is trusted\nilo: no certificate was seen",
        sshd.fingerprint()
    );
    assert!(said.starts_with(&key), "{said}");
    server.until("the console is open", || open(&server, "ilo"));
    let trusted = server.events("ssh.trusted");
    assert_eq!(trusted.len(), 2);
    assert!(
        trusted[1]["actor"].as_str().unwrap().starts_with("cli:"),
        "{}",
        trusted[1]
    );
}

#[test]
fn a_wrong_password_is_tried_once_and_not_again() {
    let segment = Segment::new("10.77.0.1/24");
    let sshd = bmc(&segment, Make::OpenSsh, "rsa");
    let cluster = super::emulators::cluster("", &nodes(&["xcc"]));
    let server = Served::start_with(&segment, &cluster, &[("BMC_PASSWORD", "falsch")]);
    until_closed(&server, "xcc", "does not let xcc in: wrong password");
    let failed = || sshd.log().matches("Failed password").count();
    assert_eq!(failed(), 1, "{}", sshd.log());
    // Somebody sits down at it: once more, and then it is left alone.
    let mut person = Person::at(&server, &["xcc"]);
    person.sees("tried again in 600 s");
    assert_eq!(failed(), 2, "{}", sshd.log());
}

#[test]
fn a_terminal_server_by_dropbear_with_an_rsa_key_a_private_key_and_a_break() {
    let segment = Segment::new("10.77.0.1/24");
    let sshd = bmc(&segment, Make::Dropbear, "rsa");
    let key = sshd.login_key();
    let nodes = format!(
        "  n1: {{ mac: 52:54:00:00:01:01, console_via: 'ssh:127.6.0.9', \
         console_ssh: {{ user: conserver, key_from: '{key}', command: 'console -f {{node}}', break_keys: '^E b' }} }}\n\
         \x20 n2: {{ mac: 52:54:00:00:01:02, console_via: 'ssh:127.6.0.9:2200', \
         console_ssh: {{ user: conserver, key_from: '{key}', command: gibberish }} }}\n{}",
        nodes(&["ilo", "openbmc"])
    );
    let server = serve(&segment, &nodes);
    server.until("the consoles are open", || {
        ["n1", "ilo", "openbmc"].iter().all(|node| open(&server, node))
    });
    let mut person = Person::at(&server, &["n1"]);
    person.sees("connected");
    person.types("hello\r\n&B");
    person.sees("hello");
    server.until("the break is there", || {
        file(&sshd, "typed.conserver").ends_with("\x05b")
    });
    assert!(server.text(&["console", "log", "n1"]).contains("[n1]"));
    until_closed(&server, "n2", "closed it with status 3");
    assert!(server.text(&["console", "log", "n2"]).contains("no such command"));
    let trusted = server.events("ssh.trusted");
    assert!(
        trusted.iter().all(|event| event["body"]["algorithm"] == "ssh-rsa"),
        "{trusted:?}"
    );
}

#[test]
fn a_bmc_that_asks_for_the_password_itself_is_answered_once() {
    let segment = Segment::new("10.77.0.1/24");
    let sshd = bmc(&segment, Make::Asking, "ed25519");
    let nodes = format!(
        "{}  bad: {{ mac: 52:54:00:00:01:03, console_via: 'ssh:127.6.0.9', \
         console_ssh: {{ user: ssh, password_from: 'env:WRONG' }} }}\n",
        nodes(&["xcc"])
    );
    let cluster = super::emulators::cluster("", &nodes);
    let server = Served::start_with(&segment, &cluster, &[VARIABLES[0], ("WRONG", "falsch")]);
    server.until("the console is open", || open(&server, "xcc"));
    until_closed(&server, "bad", "does not let ssh in: wrong password");
    assert_eq!(
        sshd.log().matches("Authentication failure").count(),
        1,
        "{}",
        sshd.log()
    );
}

#[test]
fn a_bmc_that_speaks_only_what_is_no_longer_safe_is_told_of_and_spoken_to_where_that_is_wanted() {
    let segment = Segment::new("10.77.0.1/24");
    let _sshd = bmc(&segment, Make::Old, "rsa");
    let nodes = nodes(&["ilo", "ssh"]).replace("console_via: ilo", "console_via: ilo, console_ssh: { legacy: true }");
    let server = serve(&segment, &nodes);
    server.until("the console is open", || open(&server, "ilo"));
    until_closed(&server, "ssh", "an old one may need `legacy: true`");
}
