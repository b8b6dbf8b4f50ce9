//! A client and a BMC on a line that loses, changes and invents datagrams, with commands of any content: neither falls, and
//! neither grows without bound.
#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wire::ipmi::{
    BootFlags, ChassisStatus, Client, Controller, DeviceId, Fru, Login, Privilege, Request, SelEntry, SelInfo,
    SensorRecord, Setup, Suite, User,
};

fn chance(mut state: u64) -> wire::ipmi::Chance {
    Box::new(move |out| {
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 33) as u8;
        }
    })
}

fn parsers(data: &[u8]) {
    Fru::parse(data);
    SelEntry::parse(data);
    SelInfo::parse(data);
    BootFlags::parse(data);
    ChassisStatus::parse(data);
    DeviceId::parse(data);
    if let Some(record) = SensorRecord::parse(data) {
        record.read(data);
    }
    wire::ipmi::pong(data);
    wire::ipmi::pong_tag(data);
}

fuzz_target!(|data: &[u8]| {
    parsers(data);
    let Some((&first, mut rest)) = data.split_first() else { return };
    let suites = if first & 1 == 0 { vec![Suite::Sha256] } else { vec![Suite::Sha1] };
    let mut bmc = Controller::new(
        Setup {
            users: vec![User::new("u", b"p", Privilege::Administrator)],
            kg: None,
            suites,
            guid: [9; 16],
            device: DeviceId {
                device: 1,
                firmware: (1, 1),
                version: (2, 0),
                maker: 1,
                product: 1,
            },
            fru: Fru::pack("m", "p", "s"),
            sessions: 2,
        },
        chance(1),
    );
    let mut client = Client::new(Login::new("u", b"p").expect("short enough"), chance(2));
    let from: SocketAddr = ([127, 0, 0, 1], 1).into();
    let (mut to_bmc, mut to_client) = (VecDeque::new(), VecDeque::new());
    let mut now = Duration::ZERO;
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at(count.min(rest.len()));
        rest = left;
        taken
    };
    for _ in 0..400 {
        while let Some(datagram) = client.due(now) {
            to_bmc.push_back(datagram);
        }
        while let Some((_, datagram)) = bmc.due(now) {
            to_client.push_back(datagram);
        }
        while client.event().is_some() || bmc.asked().is_some() {}
        assert!(to_bmc.len() < 1000 && to_client.len() < 10_000);
        let Some(&op) = take(1).first() else { break };
        let argument = usize::from(op >> 3);
        match op & 7 {
            0 => now += Duration::from_millis(250) * (argument as u32 + 1),
            // So that a session opens without many octets of input.
            1 | 2 => {
                for _ in 0..=argument {
                    if let Some(datagram) = to_bmc.pop_front() {
                        to_client.extend(bmc.hear(&datagram, from, now));
                    }
                    if let Some(datagram) = to_client.pop_front() {
                        client.hear(&datagram, now);
                    }
                    while let Some(datagram) = client.due(now) {
                        to_bmc.push_back(datagram);
                    }
                }
            }
            3 => {
                to_bmc.pop_front();
                to_client.pop_front();
            }
            4 => {
                let changes = take(2);
                for queue in [&mut to_bmc, &mut to_client] {
                    if let (Some(datagram), [at, bits]) = (queue.front_mut(), changes) {
                        let at = usize::from(*at) % datagram.len();
                        datagram[at] ^= bits;
                    }
                }
            }
            5 => {
                let invented = take(argument * 4);
                client.hear(invented, now);
                bmc.hear(invented, from, now);
            }
            6 => {
                let content = take(2 + argument);
                if let [net, command, data @ ..] = content {
                    client.request(Request::new(net & 0x3e, *command, data));
                }
            }
            _ => match argument {
                0 => client.open_console(true),
                1 => client.close_console(),
                2 => bmc.set_power(true),
                3 => client.close(),
                n => {
                    let said = take(n);
                    bmc.said(said);
                    if let Some(console) = client.console() {
                        console.write(said);
                        console.send_break();
                    }
                }
            },
        }
    }
});
