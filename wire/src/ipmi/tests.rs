//! Client and controller against each other, over a line that loses, repeats and reorders.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const STEP: Duration = Duration::from_millis(50);

fn chance(seed: u64) -> Chance {
    let mut state = seed | 1;
    Box::new(move |out| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state as u8;
        }
    })
}

fn controller(suites: &[Suite]) -> Controller {
    Controller::new(setup(suites), chance(99))
}

fn setup(suites: &[Suite]) -> Setup {
    Setup {
        users: vec![
            User::new("admin", b"secret", Privilege::Administrator),
            User::new("oper", b"other", Privilege::Operator),
        ],
        kg: None,
        suites: suites.to_vec(),
        guid: [7; 16],
        device: DeviceId {
            device: 32,
            firmware: (1, 42),
            version: (2, 0),
            maker: 674,
            product: 256,
        },
        fru: Fru::pack("Bellwether", "lab machine", "S-1"),
        sessions: 4,
    }
}

fn login(user: &str, password: &str) -> Login {
    Login::new(user, password.as_bytes()).unwrap()
}

fn address(n: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], n))
}

/// Whether the nth datagram is lost.
type Loss = fn(usize) -> bool;

struct Line {
    bmc: Controller,
    clients: Vec<Client>,
    now: Time,
    datagrams: usize,
    lost: Loss,
    events: Vec<Vec<Event>>,
    asked: Vec<Asked>,
}

impl Line {
    fn new(bmc: Controller, logins: Vec<Login>) -> Self {
        let clients: Vec<_> = (logins.into_iter().enumerate())
            .map(|(n, login)| Client::new(login, chance(n as u64 + 5)))
            .collect();
        Self {
            events: clients.iter().map(|_| Vec::new()).collect(),
            bmc,
            clients,
            now: Duration::ZERO,
            datagrams: 0,
            lost: |_| false,
            asked: Vec::new(),
        }
    }

    fn is_lost(&mut self) -> bool {
        self.datagrams += 1;
        (self.lost)(self.datagrams)
    }

    fn turn(&mut self) {
        for n in 0..self.clients.len() {
            while let Some(datagram) = self.clients[n].due(self.now) {
                if self.is_lost() {
                    continue;
                }
                for answer in self.bmc.hear(&datagram, address(n as u16), self.now) {
                    if !self.is_lost() {
                        self.clients[n].hear(&answer, self.now);
                    }
                }
            }
        }
        while let Some((to, datagram)) = self.bmc.due(self.now) {
            if !self.is_lost() {
                self.clients[usize::from(to.port())].hear(&datagram, self.now);
            }
        }
        for (client, events) in self.clients.iter_mut().zip(&mut self.events) {
            events.extend(std::iter::from_fn(|| client.event()));
        }
        self.asked.extend(std::iter::from_fn(|| self.bmc.asked()));
        self.now += STEP;
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..4000 {
            if is_so(self) {
                return;
            }
            self.turn();
        }
        panic!("never: {what}; {:?}", self.events);
    }

    fn ask(&mut self, request: Request) -> (Completion, Vec<u8>) {
        let id = self.clients[0].request(request);
        self.until("an answer", |line| {
            let is_it = |event: &Event| matches!(event, Event::Reply(reply) if reply.id == id);
            line.events[0]
                .iter()
                .any(|event| is_it(event) || matches!(event, Event::Closed(_)))
        });
        match self.events[0].last() {
            Some(Event::Reply(reply)) => (reply.completion, reply.data.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn closed(&self, n: usize) -> Option<Closed> {
        self.events[n].iter().find_map(|event| match event {
            Event::Closed(closed) => Some(*closed),
            _ => None,
        })
    }

    fn said(&self, n: usize) -> Vec<u8> {
        let said = self.events[n].iter().filter_map(|event| match event {
            Event::ConsoleSaid(data) => Some(data.as_slice()),
            _ => None,
        });
        said.collect::<Vec<_>>().concat()
    }

    fn written(&self) -> Vec<u8> {
        let written = self.asked.iter().filter_map(|asked| match asked {
            Asked::Write(data) => Some(data.as_slice()),
            _ => None,
        });
        written.collect::<Vec<_>>().concat()
    }

    fn has(&self, n: usize, event: &Event) -> bool {
        self.events[n].contains(event)
    }
}

fn ends(bmc: Controller, login: Login) -> Closed {
    let mut line = Line::new(bmc, vec![login]);
    line.until("an end", |line| line.closed(0).is_some());
    line.closed(0).unwrap()
}

#[test]
fn each_suite_opens_a_session_and_the_better_one_is_taken() {
    for (has, taken) in [
        (&Suite::ALL[..], Suite::Sha256),
        (&[Suite::Sha1][..], Suite::Sha1),
        (&[Suite::Sha256], Suite::Sha256),
    ] {
        let mut line = Line::new(controller(has), vec![login("admin", "secret")]);
        let (completion, data) = line.ask(ChassisStatus::request());
        let opened = Event::Opened {
            suite: taken,
            privilege: Privilege::Administrator,
        };
        assert_eq!(line.events[0][0], opened);
        assert_eq!(completion, Completion::OK);
        assert!(!ChassisStatus::parse(&data).unwrap().is_on);
        line.clients[0].close();
        line.until("the end", |line| line.closed(0) == Some(Closed::Asked));
    }
}

#[test]
fn who_is_not_let_in_hears_why() {
    let bmc = || controller(&Suite::ALL);
    assert_eq!(ends(bmc(), login("admin", "wrong")), Closed::WrongPassword);
    assert!(
        matches!(ends(bmc(), login("nobody", "secret")), Closed::Refused(status) if status.to_string().contains("user"))
    );
    assert!(
        matches!(ends(bmc(), login("oper", "other")), Closed::Refused(status) if status.to_string().contains("privilege"))
    );
    let mut operator = login("oper", "other");
    operator.privilege = Privilege::Operator;
    let mut line = Line::new(bmc(), vec![operator]);
    assert_eq!(line.ask(Control::On.request()).0, Completion::OK);
    let mut only = login("admin", "secret");
    only.suites = vec![Suite::Sha256];
    assert_eq!(ends(controller(&[Suite::Sha1]), only), Closed::NoSuite);
    let mut full = bmc();
    full.faults.no_sessions = true;
    let why = ends(full, login("admin", "secret"));
    assert_eq!(
        why.to_string(),
        "it refuses the session: it has no room for one more session"
    );
    let mut line = Line::new(bmc(), vec![login("admin", "secret")]);
    line.lost = |_| true;
    line.until("the end", |line| line.closed(0) == Some(Closed::NoAnswer));
}

#[test]
fn a_bmc_that_numbers_and_counts_nothing_rightly_is_operated_all_the_same() {
    let mut bmc = controller(&Suite::ALL);
    bmc.faults.sloppy = true;
    let mut line = Line::new(bmc, vec![login("admin", "secret")]);
    for _ in 0..3 {
        assert_eq!(line.ask(Control::On.request()).0, Completion::OK);
    }
    line.clients[0].open_console(false);
    line.until("a console", |line| line.has(0, &Event::ConsoleOpened));
    line.bmc.said(b"login: ");
    line.until("a prompt", |line| line.said(0) == b"login: ");
}

#[test]
fn a_bmc_that_leaks_is_full_until_it_starts_anew_and_one_that_hangs_is_given_up() {
    let mut bmc = controller(&Suite::ALL);
    bmc.faults.leaks_sessions = true;
    for _ in 0..4 {
        let mut line = Line::new(bmc, vec![login("admin", "secret")]);
        line.ask(DeviceId::request());
        line.clients[0].close();
        line.until("the end", |line| line.closed(0).is_some());
        bmc = line.bmc;
    }
    let mut line = Line::new(bmc, vec![login("admin", "secret")]);
    line.until("a refusal", |line| line.closed(0).is_some());
    assert!(matches!(line.closed(0), Some(Closed::Refused(status)) if status.to_string().contains("no room")));
    line.bmc.restart();
    let mut line = Line::new(line.bmc, vec![login("admin", "secret")]);
    assert_eq!(line.ask(DeviceId::request()).0, Completion::OK);
    let mut bmc = controller(&Suite::ALL);
    bmc.faults.hangs = true;
    assert_eq!(ends(bmc, login("admin", "secret")), Closed::Silent);
}

#[test]
fn another_door_and_ipmi_show_and_change_the_same() {
    let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
    let wanted = BootFlags::new(BootDevice::Pxe, true, true);
    line.bmc.perform(Deed::Boot(Some(wanted))).unwrap();
    assert_eq!(BootFlags::parse(&line.ask(BootFlags::request()).1), Some(wanted));
    line.ask(identify(None));
    assert!(line.bmc.view().identify);
    line.bmc.perform(Deed::Identify(false)).unwrap();
    assert_eq!(
        ChassisStatus::parse(&line.ask(ChassisStatus::request()).1)
            .unwrap()
            .identify,
        Some(false)
    );
    let off = line.bmc.perform(Deed::Power(Control::Reset));
    assert_eq!(off, Err(Completion::NOT_IN_THIS_STATE));
    line.bmc.perform(Deed::Power(Control::On)).unwrap();
    line.turn();
    assert_eq!(line.asked.last(), Some(&Asked::Power(Control::On)));
    line.bmc.log(0x1d, 0, 1_800_000_000);
    assert_eq!(line.bmc.view().log.len(), 1);
    line.bmc.perform(Deed::ClearLog).unwrap();
    assert_eq!(line.ask(SelEntry::first()).0, Completion::NOT_THERE);
    let names: Vec<_> = line.bmc.view().sensors.into_iter().map(|sensor| sensor.name).collect();
    assert_eq!(names, ["Inlet Temp", "Fan 1", "12V"]);
    // What is set and forgotten reads back as nothing, through this door too.
    line.bmc.faults.loses_boot_flags = true;
    line.bmc.perform(Deed::Boot(Some(wanted))).unwrap();
    assert!(!line.bmc.view().boot.is_valid);
}

#[test]
fn the_bmcs_own_key_is_asked_for() {
    let with_key = || {
        let setup = Setup {
            kg: Some(b"key of the bmc".to_vec()),
            ..setup(&Suite::ALL)
        };
        Controller::new(setup, chance(99))
    };
    assert_eq!(ends(with_key(), login("admin", "secret")), Closed::WrongPassword);
    let mut line = Line::new(with_key(), vec![login("admin", "secret").with_kg(b"key of the bmc")]);
    assert_eq!(line.ask(DeviceId::request()).0, Completion::OK);
}

#[test]
fn a_bmc_that_counts_the_privilege_of_open_session_is_met_with_a_flag() {
    let mut bmc = controller(&Suite::ALL);
    bmc.faults.open_session_privilege = true;
    let mut login = login("admin", "secret");
    login.open_session_privilege = true;
    let mut line = Line::new(bmc, vec![login]);
    assert_eq!(line.ask(DeviceId::request()).0, Completion::OK);
}

#[test]
fn whichever_datagram_is_lost_it_works_and_nothing_is_done_twice() {
    // A handshake has six datagrams after the first question, and begins anew when one is lost.
    let losses: [Loss; 4] = [|n| n % 7 == 0, |n| n % 8 == 3, |n| n < 3, |n| (4..7).contains(&n)];
    for lost in losses {
        let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
        line.lost = lost;
        assert_eq!(line.ask(Control::On.request()).0, Completion::OK);
        assert_eq!(line.asked, [Asked::Power(Control::On)]);
    }
    let mut bmc = controller(&Suite::ALL);
    bmc.faults.busy = true;
    let mut line = Line::new(bmc, vec![login("admin", "secret")]);
    assert_eq!(line.ask(Control::On.request()).0, Completion::OK);
    assert_eq!(line.asked, [Asked::Power(Control::On)]);
}

#[test]
fn power_is_refused_as_real_bmcs_refuse_it() {
    let mut bmc = controller(&Suite::ALL);
    bmc.faults.refuses_cycle = true;
    let mut line = Line::new(bmc, vec![login("admin", "secret")]);
    assert_eq!(line.ask(Control::Reset.request()).0, Completion::NOT_IN_THIS_STATE);
    assert_eq!(line.ask(Control::Cycle.request()).0, Completion::INVALID_FIELD);
    line.bmc.set_power(true);
    assert_eq!(line.ask(Control::Reset.request()).0, Completion::OK);
    let (_, data) = line.ask(ChassisStatus::request());
    assert!(ChassisStatus::parse(&data).unwrap().is_on);
    line.ask(identify(Some(2)));
    line.until("the light goes out", |line| {
        line.asked.contains(&Asked::Identify(false))
    });
}

#[test]
fn boot_flags_are_read_back_and_count_once() {
    let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
    let flags = BootFlags::new(BootDevice::Pxe, false, true);
    for (request, _) in flags.requests() {
        assert_eq!(line.ask(request).0, Completion::OK);
    }
    let read = BootFlags::parse(&line.ask(BootFlags::request()).1).unwrap();
    assert_eq!(read, flags);
    assert_eq!(line.bmc.boot(), Some(flags));
    assert_eq!(line.bmc.boot(), None);
    let always = BootFlags::new(BootDevice::Disk, true, false);
    for (request, _) in always.requests() {
        line.ask(request);
    }
    assert_eq!((line.bmc.boot(), line.bmc.boot()), (Some(always), Some(always)));
}

#[test]
fn what_a_bmc_knows_of_its_machine_is_read() {
    let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
    let device = DeviceId::parse(&line.ask(DeviceId::request()).1).unwrap();
    assert_eq!(device.to_string(), "Dell, product 0x0100, firmware 1.42");
    let size = Fru::size(&line.ask(Fru::info()).1).unwrap();
    let mut area = Vec::new();
    while area.len() < usize::from(size) {
        let (_, data) = line.ask(Fru::read(area.len() as u16, FRU_PIECE));
        area.extend_from_slice(&data[1..]);
    }
    let fru = Fru::parse(&area);
    assert_eq!(
        (fru.maker.as_deref(), fru.serial.as_deref()),
        (Some("Bellwether"), Some("S-1"))
    );
    line.bmc.set_power(true);
    let (_, first) = line.ask(SensorRecord::get([0, 0], 0, 0, 255));
    let (next, record) = SensorRecord::part(&first).unwrap();
    assert_eq!((next, SensorRecord::length(record)), (Some(2), Some(record.len())));
    let record = SensorRecord::parse(record).unwrap();
    let (_, reading) = line.ask(record.reading());
    let sensor = record.read(&reading).unwrap();
    assert_eq!(
        (sensor.name.as_str(), sensor.value, sensor.unit),
        ("Inlet Temp", Some(24.0), Unit::Celsius)
    );
    line.bmc.log(0x0c, 1, 1_800_000_000);
    line.bmc.log(0x23, 1, 1_800_000_001);
    let info = SelInfo::parse(&line.ask(SelInfo::request()).1).unwrap();
    assert_eq!((info.entries, info.added), (2, 1_800_000_001));
    let (entry, next) = SelEntry::parse(&line.ask(SelEntry::first()).1).unwrap();
    assert_eq!(
        entry.to_string(),
        "memory, sensor 1: memory error that could not be corrected"
    );
    let (entry, next) = SelEntry::parse(&line.ask(SelEntry::get(next.unwrap())).1).unwrap();
    assert_eq!((entry.at, next), (Some(1_800_000_001), None));
    let (_, reservation) = line.ask(SelEntry::reserve());
    line.ask(SelEntry::clear(*reservation.first_chunk().unwrap()));
    assert_eq!(line.ask(SelEntry::first()).0, Completion::NOT_THERE);
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[test]
fn the_console_loses_nothing_on_a_line_that_loses_a_tenth() {
    let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
    line.clients[0].open_console(false);
    line.until("a console", |line| line.has(0, &Event::ConsoleOpened));
    line.lost = |n| n * 7919 % 10 == 3;
    assert_eq!(line.clients[0].console().unwrap().write(&text(4000)), 4000);
    assert_eq!(line.bmc.said(&text(5000)), 5000);
    line.clients[0].console().unwrap().send_break();
    line.until("all of it", |line| {
        line.said(0).len() >= 5000 && line.written().len() >= 4000
    });
    assert!(line.said(0) == text(5000) && line.written() == text(4000));
    line.until("the break", |line| line.asked.contains(&Asked::Break));
    line.clients[0].close_console();
    line.until("the end", |line| line.has(0, &Event::ConsoleClosed));
}

#[test]
fn a_console_has_one_owner_and_is_taken_only_by_whom_says_so() {
    let mut line = Line::new(
        controller(&Suite::ALL),
        vec![login("admin", "secret"), login("admin", "secret")],
    );
    line.clients[0].open_console(false);
    line.until("a console", |line| line.has(0, &Event::ConsoleOpened));
    line.clients[1].open_console(false);
    line.until("a refusal", |line| {
        line.has(1, &Event::ConsoleRefused(Completion::IN_USE))
    });
    line.clients[1].open_console(true);
    line.until("the other console", |line| line.has(1, &Event::ConsoleOpened));
    line.until("the loss", |line| line.has(0, &Event::ConsoleClosed));
    line.bmc.said(b"login: ");
    line.until("a prompt", |line| line.said(1) == b"login: ");
}

#[test]
fn a_session_lives_while_nobody_speaks_and_ends_when_the_bmc_is_gone() {
    let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
    line.ask(DeviceId::request());
    let until = line.now + Duration::from_secs(150);
    line.until("two and a half minutes", |line| line.now > until);
    assert_eq!(line.ask(DeviceId::request()).0, Completion::OK);
    line.lost = |_| true;
    line.until("silence", |line| line.closed(0) == Some(Closed::Silent));
}

#[test]
fn nothing_that_is_replayed_or_forged_is_carried_out() {
    let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
    line.ask(DeviceId::request());
    line.clients[0].request(Control::On.request());
    let datagram = line.clients[0].due(line.now).unwrap();
    line.bmc.hear(&datagram, address(0), line.now);
    assert_eq!(line.bmc.asked(), Some(Asked::Power(Control::On)));
    line.bmc.hear(&datagram, address(0), line.now);
    assert_eq!(line.bmc.asked(), None, "it came before");
    for n in 0..datagram.len() {
        let mut forged = datagram.clone();
        forged[n] ^= 1;
        assert_eq!(
            line.bmc.hear(&forged, address(9), line.now),
            Vec::<Vec<u8>>::new(),
            "octet {n}"
        );
    }
    assert_eq!(line.bmc.asked(), None);
}

#[test]
fn a_password_is_in_no_text() {
    let login = Login::new("admin", b"hunter2").unwrap();
    let client = Client::new(login.clone(), chance(1));
    let user = User::new("admin", b"hunter2", Privilege::User);
    assert!(!format!("{login:?} {client:?} {user:?}").contains("hunter2"));
    assert_eq!(Login::new("admin", &[b'x'; 21]).unwrap_err(), BadLogin::LongPassword);
}

#[test]
fn a_ping_is_answered() {
    let mut bmc = controller(&Suite::ALL);
    let answers = bmc.hear(&ping(9), address(0), Duration::ZERO);
    assert_eq!(pong_tag(&answers[0]), Some(9));
    assert_eq!(pong_tag(&ping(9)), None);
}

proptest! {
    #[test]
    fn strange_datagrams_do_no_harm(datagrams in proptest::collection::vec(strange(), 1..40)) {
        let mut line = Line::new(controller(&Suite::ALL), vec![login("admin", "secret")]);
        line.ask(DeviceId::request());
        for datagram in &datagrams {
            line.clients[0].hear(datagram, line.now);
            line.bmc.hear(datagram, address(3), line.now);
        }
        prop_assert_eq!(line.ask(DeviceId::request()).0, Completion::OK);
        for bytes in &datagrams {
            Fru::parse(bytes);
            SelEntry::parse(bytes);
            BootFlags::parse(bytes);
            DeviceId::parse(bytes);
            if let Some(record) = SensorRecord::parse(bytes) {
                record.read(bytes);
            }
        }
    }

    #[test]
    fn a_payload_comes_back_from_its_seal(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (key, vector) = ([3; 16], [4; 16]);
        let sealed = super::suite::encrypt(&key, &vector, &payload);
        prop_assert_eq!(super::suite::decrypt(&key, &sealed), Some(payload));
    }
}

/// Octets that look like IPMI more often than not.
fn strange() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just(vec![6u8, 0, 0xff, 7, 6]),
        Just(vec![6, 0, 0xff, 7, 0]),
        Just(vec![6, 0, 0xff, 6]),
        Just(vec![]),
    ];
    (head, proptest::collection::vec(any::<u8>(), 0..120)).prop_map(|(head, rest)| [head, rest].concat())
}
