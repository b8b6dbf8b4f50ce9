#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use super::link::{Faults, Habit, run};
use super::*;
use crate::Malformed;

const MS: Duration = Duration::from_millis(1);

fn wanted(block_size: u16, window: u16) -> Wanted {
    Wanted {
        block_size: Some(block_size),
        window: Some(window),
        ..Wanted::default()
    }
}

fn request(wanted: Wanted) -> Request {
    Request {
        path: "ipxe.efi".into(),
        mode: Mode::Octet,
        wanted,
    }
}

fn start(wanted: Wanted, length: u64) -> Transfer {
    Transfer::start(&request(wanted), length, Limits::default(), Duration::ZERO)
}

/// Everything that the transfer wants to send now; data as (block, offset, length).
fn sent(transfer: &mut Transfer, now: Duration) -> Vec<(u16, u64, usize)> {
    let mut blocks = Vec::new();
    loop {
        match transfer.poll(now) {
            Next::Send(Transmit::Data { header, offset, len }) => {
                blocks.push((u16::from_be_bytes([header[2], header[3]]), offset, len));
            }
            Next::Send(Transmit::Control(packet)) => panic!("unexpected {packet:?}"),
            Next::Wait(_) | Next::Done(_) => return blocks,
        }
    }
}

fn numbers(transfer: &mut Transfer, now: Duration) -> Vec<u16> {
    sent(transfer, now).into_iter().map(|(block, ..)| block).collect()
}

/// The OACK's bytes, then the transfer with that OACK acknowledged.
fn after_option_ack(wanted: Wanted, length: u64) -> (Vec<u8>, Transfer) {
    let mut transfer = start(wanted, length);
    let Next::Send(Transmit::Control(option_ack)) = transfer.poll(Duration::ZERO) else {
        panic!("no OACK")
    };
    assert_eq!(transfer.on_packet(&encode_ack(0), MS), Reception::Progress);
    (option_ack, transfer)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251 + at / 65_521) as u8).collect()
}

fn assert_complete(run: &link::Run, file: &[u8], context: &str) {
    assert!(
        matches!(run.outcome, Outcome::Complete { .. }),
        "{context}: {:?}",
        run.outcome
    );
    assert!(
        run.received == file,
        "{context}: {} of {} bytes, or others",
        run.received.len(),
        file.len()
    );
}

// Packets

#[test]
fn requests_are_read_as_firmware_sends_them() {
    let check = |datagram: &[u8], path: &str, mode: Mode, wanted: Wanted| {
        assert_eq!(
            hear(datagram),
            Heard::Read(Request {
                path: path.into(),
                mode,
                wanted
            }),
            "{datagram:?}"
        );
    };
    let none = Wanted::default();
    check(b"\0\x01ipxe.efi\0octet\0", "ipxe.efi", Mode::Octet, none);
    check(b"\0\x01a\0OCTET\0", "a", Mode::Octet, none);
    check(b"\0\x01a\0NetASCII\0", "a", Mode::Netascii, none);
    // OVMF: the size probe.
    check(
        b"\0\x01snponly.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0",
        "snponly.efi",
        Mode::Octet,
        Wanted {
            size: Some(0),
            ..super::tests::wanted(1468, 4)
        },
    );
    check(
        b"\0\x01\\Boot\\BCD\xff\0octet\0BLKSIZE\x001432\0",
        "Boot/BCD",
        Mode::Octet,
        {
            Wanted {
                block_size: Some(1432),
                ..none
            }
        },
    );
    // A tunnel that pads short frames; an option that is cut off.
    check(b"\0\x01a\0octet\0\0\0\0\0\0\0", "a", Mode::Octet, none);
    check(b"\0\x01a\0octet\0tsize\x000", "a", Mode::Octet, none);
}

#[test]
fn options_without_sense_are_as_if_they_were_not_there() {
    let check = |options: &[u8], expected: Wanted| {
        let datagram = [b"\0\x01a\0octet\0", options].concat();
        let Heard::Read(request) = hear(&datagram) else {
            panic!("{options:?} turned the request down")
        };
        assert_eq!(request.wanted, expected, "{options:?}");
    };
    let none = Wanted::default();
    check(b"multicast\0\0", none);
    check(b"blksize\x007\0", none);
    check(
        b"blksize\x008\0",
        Wanted {
            block_size: Some(8),
            ..none
        },
    );
    check(
        b"blksize\x0065465\0",
        Wanted {
            block_size: Some(65464),
            ..none
        },
    );
    check(b"blksize\x00-1\0", none);
    check(b"blksize\x001 468\0", none);
    check(b"blksize\0\0", none);
    check(b"tsize\x0099999999999999999999999\0", none);
    check(b"timeout\x000\0", none);
    check(
        b"timeout\x00255\0",
        Wanted {
            timeout: Some(255),
            ..none
        },
    );
    check(b"timeout\x00256\0", none);
    check(b"windowsize\x000\0", none);
    check(
        b"windowsize\x0065535\0",
        Wanted {
            window: Some(65535),
            ..none
        },
    );
    check(
        b"blksize\x001468\0BlkSize\x00512\0",
        Wanted {
            block_size: Some(1468),
            ..none
        },
    );
    check(
        b"nonsense\0x\0windowsize\x004\0",
        Wanted {
            window: Some(4),
            ..none
        },
    );
}

#[test]
fn writing_mail_and_climbing_are_refused() {
    let check = |datagram: &[u8], code: ErrorCode| match hear(datagram) {
        Heard::Refuse(refused) => {
            assert_eq!(refused.code, code, "{datagram:?}");
            let packet = refused.encode();
            assert!(matches!(Packet::parse(&packet), Ok(Packet::Error { code: sent, .. }) if sent == code));
        }
        other => panic!("{datagram:?} gave {other:?}"),
    };
    check(b"\0\x02a\0octet\0", ErrorCode::ACCESS_VIOLATION);
    check(b"\0\x01a\0mail\0", ErrorCode::ILLEGAL_OPERATION);
    check(b"\0\x01a\0\0", ErrorCode::ILLEGAL_OPERATION);
    check(b"\0\x01../etc/shadow\0octet\0", ErrorCode::ACCESS_VIOLATION);
    check(b"\0\x01\0octet\0", ErrorCode::ACCESS_VIOLATION);
}

#[test]
fn only_requests_are_answered_at_the_well_known_port() {
    for datagram in [
        &b""[..],
        b"\0",
        b"\0\x01",
        b"\0\x01a",
        b"\0\x01a\0octet",
        b"\0\x03\0\x01data",
        b"\0\x04\0\0",
        b"\0\x05\0\0no\0",
        b"\0\x06tsize\x000\0",
        b"\0\x07\0\0",
        b"\x01\0a\0octet\0",
    ] {
        assert!(matches!(hear(datagram), Heard::Ignore(_)), "{datagram:?}");
    }
}

#[test]
fn paths_become_plain_and_relative() {
    let good = |raw: &[u8], expected: &str| assert_eq!(clean_path(raw).as_deref(), Ok(expected), "{raw:?}");
    good(b"ipxe.efi", "ipxe.efi");
    good(b"/ipxe.efi", "ipxe.efi");
    good(b"//efi//x64/./ipxe.efi", "efi/x64/ipxe.efi");
    good(b"\\efi\\x64\\ipxe.efi", "efi/x64/ipxe.efi");
    good(
        b"/grub//grub.cfg-01-52-54-00-00-00-01",
        "grub/grub.cfg-01-52-54-00-00-00-01",
    );
    good(b"undionly.kpxe\xff\xff", "undionly.kpxe");
    good("größe..txt".as_bytes(), "größe..txt");
    good(b"...", "...");
    good(&[b'a'; LONGEST_PATH], &"a".repeat(LONGEST_PATH));
    let bad =
        |raw: &[u8], at: usize, what: &'static str| assert_eq!(clean_path(raw), Err(Malformed { at, what }), "{raw:?}");
    bad(b"", 0, "file name is empty");
    bad(b"\xff\xff", 0, "file name is empty");
    bad(b"/./", 0, "file name is empty");
    bad(b"..", 0, "file name climbs out of its root");
    bad(b"a/../../b", 2, "file name climbs out of its root");
    bad(b"a\\..\\b", 2, "file name climbs out of its root");
    bad(b"a\0b", 1, "file name has a control character");
    bad(b"a\nb", 1, "file name has a control character");
    bad(b"caf\xe9/x", 3, "file name is not UTF-8");
    bad(&[b'a'; LONGEST_PATH + 1], LONGEST_PATH, "file name is too long");
}

#[test]
fn text_is_translated_bytewise() {
    let check = |text: &[u8], expected: &[u8]| {
        let mut out = Vec::new();
        netascii::encode(text, &mut out);
        assert_eq!(out, expected);
        assert_eq!(netascii::encoded_len(text), expected.len() as u64);
    };
    check(b"", b"");
    check(b"one\ntwo\n", b"one\r\ntwo\r\n");
    check(b"\n\n", b"\r\n\r\n");
    check(b"a\rb", b"a\r\0b");
    check(b"dos\r\n", b"dos\r\0\r\n");
}

#[test]
fn blocks_fit_the_path() {
    assert_eq!(block_size_for_mtu(1500, false), 1468);
    assert_eq!(block_size_for_mtu(1500, true), 1448);
    assert_eq!(block_size_for_mtu(9000, false), 8968);
    assert_eq!(block_size_for_mtu(65536, false), 65464);
    assert_eq!(block_size_for_mtu(20, false), 8);
}

// Negotiation

#[test]
fn options_are_granted_within_the_limits() {
    let check = |wanted: Wanted, length: u64, expected: &[u8]| {
        assert_eq!(after_option_ack(wanted, length).0, expected, "{wanted:?}");
    };
    let none = Wanted::default();
    check(
        Wanted {
            block_size: Some(65464),
            ..none
        },
        1,
        b"\0\x06blksize\x001468\0",
    );
    check(
        Wanted {
            block_size: Some(512),
            ..none
        },
        1,
        b"\0\x06blksize\x00512\0",
    );
    check(
        Wanted { size: Some(0), ..none },
        5_000_000_000,
        b"\0\x06tsize\x005000000000\0",
    );
    check(
        Wanted {
            timeout: Some(3),
            ..none
        },
        1,
        b"\0\x06timeout\x003\0",
    );
    check(
        Wanted {
            window: Some(65535),
            ..none
        },
        1,
        b"\0\x06windowsize\x0064\0",
    );
    let all = Wanted {
        size: Some(0),
        timeout: Some(1),
        ..wanted(1024, 4)
    };
    check(
        all,
        7,
        b"\0\x06blksize\x001024\0tsize\x007\0timeout\x001\0windowsize\x004\0",
    );
}

#[test]
fn request_without_options_is_answered_with_the_first_block() {
    let mut transfer = start(Wanted::default(), 1000);
    assert_eq!(sent(&mut transfer, MS), [(1, 0, 512)]);
    assert_eq!(transfer.on_packet(&encode_ack(1), 2 * MS), Reception::Progress);
    assert_eq!(sent(&mut transfer, 2 * MS), [(2, 512, 488)]);
    assert_eq!(transfer.on_packet(&encode_ack(2), 5 * MS), Reception::Ended);
    let outcome = Outcome::Complete {
        bytes: 1000,
        retransmitted: 0,
        duration: 5 * MS,
    };
    assert_eq!(transfer.poll(5 * MS), Next::Done(outcome));
}

#[test]
fn file_of_whole_blocks_ends_with_an_empty_one() {
    let mut transfer = start(Wanted::default(), 512);
    assert_eq!(sent(&mut transfer, MS), [(1, 0, 512)]);
    transfer.on_packet(&encode_ack(1), MS);
    assert_eq!(sent(&mut transfer, MS), [(2, 512, 0)]);
    assert_eq!(transfer.on_packet(&encode_ack(2), MS), Reception::Ended);
    let mut empty = start(Wanted::default(), 0);
    assert_eq!(sent(&mut empty, MS), [(1, 0, 0)]);
    assert_eq!(empty.on_packet(&encode_ack(1), MS), Reception::Ended);
}

#[test]
fn error_after_the_size_was_told_is_a_probe() {
    let mut transfer = start(
        Wanted {
            size: Some(0),
            ..wanted(1468, 4)
        },
        174_080,
    );
    assert!(matches!(transfer.poll(MS), Next::Send(Transmit::Control(_))));
    let error = encode_error(ErrorCode::OPTIONS_REJECTED, "User aborted the transfer");
    assert_eq!(transfer.on_packet(&error, MS), Reception::Ended);
    assert_eq!(transfer.poll(MS), Next::Done(Outcome::Probed));
}

#[test]
fn error_is_an_abort_when_no_size_was_asked_or_data_flows() {
    let error = encode_error(ErrorCode::OPTIONS_REJECTED, "no");
    let aborted = Next::Done(Outcome::Aborted {
        code: ErrorCode::OPTIONS_REJECTED,
        message: "no".into(),
    });
    let mut transfer = start(wanted(1468, 4), 10_000);
    transfer.poll(MS);
    transfer.on_packet(&error, MS);
    assert_eq!(transfer.poll(MS), aborted);
    let (_, mut transfer) = after_option_ack(
        Wanted {
            size: Some(0),
            ..Wanted::default()
        },
        10_000,
    );
    transfer.on_packet(&error, MS);
    assert_eq!(transfer.poll(MS), aborted);
}

#[test]
fn abandoned_transfer_ends_without_another_packet() {
    let (_, mut transfer) = after_option_ack(wanted(1468, 4), 10_000);
    assert_eq!(numbers(&mut transfer, MS), [1, 2, 3, 4]);
    transfer.on_abandoned("the client asked for another file");
    let message = "the client asked for another file".to_owned();
    assert_eq!(
        transfer.poll(MS),
        Next::Done(Outcome::Aborted {
            code: ErrorCode::UNDEFINED,
            message
        })
    );
    let mut probe = start(
        Wanted {
            size: Some(0),
            ..wanted(1468, 4)
        },
        10_000,
    );
    probe.poll(MS);
    probe.on_abandoned("the client asked for another file");
    assert_eq!(probe.poll(MS), Next::Done(Outcome::Probed));
}

// Acknowledgements

#[test]
fn repeated_ack_never_makes_a_lock_step_transfer_repeat_its_block() {
    let mut transfer = start(Wanted::default(), 5000);
    assert_eq!(numbers(&mut transfer, MS), [1]);
    transfer.on_packet(&encode_ack(1), 2 * MS);
    assert_eq!(numbers(&mut transfer, 2 * MS), [2]);
    for at in 3..50 {
        assert_eq!(transfer.on_packet(&encode_ack(1), at * MS), Reception::Repeated);
        assert!(numbers(&mut transfer, at * MS).is_empty());
    }
}

#[test]
fn window_goes_back_once_for_a_gap_however_often_it_is_reported() {
    let (_, mut transfer) = after_option_ack(wanted(512, 4), 20_000);
    assert_eq!(numbers(&mut transfer, MS), [1, 2, 3, 4]);
    assert_eq!(transfer.on_packet(&encode_ack(1), 3 * MS), Reception::Progress);
    assert_eq!(numbers(&mut transfer, 3 * MS), [2, 3, 4, 5]);
    for at in 4..40 {
        assert_eq!(transfer.on_packet(&encode_ack(1), at * MS), Reception::Repeated);
        assert!(numbers(&mut transfer, at * MS).is_empty());
    }
    // The echo of a block that was only late: it moves the window on, and nothing is sent twice for it.
    transfer.on_packet(&encode_ack(2), 40 * MS);
    assert_eq!(numbers(&mut transfer, 40 * MS), [6]);
    assert_eq!(transfer.retransmitted(), 3);
    // All that had been sent by then: it was a false alarm, and what comes twice is acknowledged again.
    transfer.on_packet(&encode_ack(4), 41 * MS);
    assert_eq!(numbers(&mut transfer, 41 * MS), [7, 8]);
    assert_eq!(transfer.retransmitted(), 3);
    // No block of the window before led to this one: the repeated window has a gap of its own.
    transfer.on_packet(&encode_ack(6), 42 * MS);
    assert_eq!(numbers(&mut transfer, 42 * MS), [7, 8, 9, 10]);
    for at in 43..50 {
        transfer.on_packet(&encode_ack(6), at * MS);
        assert!(numbers(&mut transfer, at * MS).is_empty());
    }
    // A time-out does go back.
    transfer.on_timeout(10_000 * MS);
    assert_eq!(numbers(&mut transfer, 10_000 * MS), [7, 8, 9, 10]);
}

#[test]
fn lost_first_block_of_a_window_is_repeated_on_the_first_report() {
    let (_, mut transfer) = after_option_ack(wanted(512, 4), 20_000);
    assert_eq!(numbers(&mut transfer, MS), [1, 2, 3, 4]);
    transfer.on_packet(&encode_ack(4), 2 * MS);
    assert_eq!(numbers(&mut transfer, 2 * MS), [5, 6, 7, 8]);
    // Too early to be about this window: the network delivered the ACK twice.
    let soon = 2 * MS + Duration::from_micros(10);
    transfer.on_packet(&encode_ack(4), soon);
    assert!(numbers(&mut transfer, soon).is_empty());
    transfer.on_packet(&encode_ack(4), 4 * MS);
    assert_eq!(numbers(&mut transfer, 4 * MS), [5, 6, 7, 8]);
}

#[test]
fn acks_of_what_was_never_sent_are_ignored() {
    let (_, mut transfer) = after_option_ack(wanted(512, 4), 20_000);
    assert_eq!(transfer.on_packet(&encode_ack(1), MS), Reception::Stray);
    assert_eq!(numbers(&mut transfer, MS), [1, 2, 3, 4]);
    for stray in [5, 6, 0x7FFF, 0x8000, 0xFFFF] {
        assert_eq!(transfer.on_packet(&encode_ack(stray), MS), Reception::Stray, "{stray}");
    }
    assert_eq!(transfer.on_packet(&encode_ack(4), MS), Reception::Progress);
    assert_eq!(transfer.on_packet(&encode_ack(3), MS), Reception::Stray);
}

#[test]
fn padded_ack_counts() {
    let mut transfer = start(Wanted::default(), 5000);
    assert_eq!(numbers(&mut transfer, MS), [1]);
    assert_eq!(
        transfer.on_packet(b"\0\x04\0\x01\0\0\0\0\0\0\0\0\0\0", MS),
        Reception::Progress
    );
}

// Time

#[test]
fn silent_client_times_out_after_a_bounded_number_of_repetitions() {
    let mut transfer = start(Wanted::default(), 5000);
    let mut now = Duration::ZERO;
    let mut blocks = Vec::new();
    let outcome = loop {
        blocks.extend(numbers(&mut transfer, now));
        match transfer.poll(now) {
            Next::Wait(deadline) => now = deadline,
            Next::Done(outcome) => break outcome,
            Next::Send(send) => panic!("{send:?}"),
        }
        transfer.on_timeout(now);
    };
    assert_eq!(blocks, [1; 6]);
    let duration = Duration::from_secs(1 + 2 + 4 + 8 + 8 + 8);
    assert_eq!(
        outcome,
        Outcome::TimedOut {
            acknowledged: 0,
            last_block_sent: false,
            duration
        }
    );
}

#[test]
fn negotiated_timeout_holds_until_the_link_is_known() {
    let at = Duration::from_secs;
    let mut transfer = start(
        Wanted {
            timeout: Some(200),
            ..Wanted::default()
        },
        5000,
    );
    assert!(matches!(transfer.poll(at(0)), Next::Send(Transmit::Control(_))));
    assert_eq!(transfer.poll(at(0)), Next::Wait(at(200)));
    transfer.on_timeout(at(199));
    assert_eq!(transfer.poll(at(199)), Next::Wait(at(200)));
    transfer.on_timeout(at(200));
    assert!(matches!(transfer.poll(at(200)), Next::Send(Transmit::Control(_))));
    // Patience ended long ago, but one repetition has its chance.
    assert_eq!(transfer.poll(at(200)), Next::Wait(at(400)));
    transfer.on_timeout(at(400));
    assert!(matches!(transfer.poll(at(400)), Next::Done(Outcome::TimedOut { .. })));
    // Curl asks for 6 seconds. On a link of a millisecond a lost block is repeated much sooner.
    let (_, mut transfer) = after_option_ack(
        Wanted {
            timeout: Some(6),
            ..Wanted::default()
        },
        5000,
    );
    assert_eq!(numbers(&mut transfer, MS), [1]);
    assert_eq!(transfer.poll(MS), Next::Wait(105 * MS));
}

#[test]
fn link_slower_than_the_first_wait_is_learned_instead_of_flooded() {
    let round_trip = Duration::from_secs(3);
    let mut transfer = start(Wanted::default(), 512 * 20);
    let (mut now, mut acked) = (Duration::ZERO, 0u16);
    loop {
        numbers(&mut transfer, now);
        let answered = now + round_trip;
        while let Next::Wait(deadline) = transfer.poll(now)
            && deadline < answered
        {
            transfer.on_timeout(deadline);
            numbers(&mut transfer, deadline);
            now = deadline;
        }
        now = answered;
        acked += 1;
        if transfer.on_packet(&encode_ack(acked), now) == Reception::Ended {
            break;
        }
    }
    assert!(
        transfer.retransmitted() <= 3,
        "{} blocks again",
        transfer.retransmitted()
    );
}

#[test]
fn client_that_pauses_for_twenty_seconds_is_waited_for() {
    let (_, mut transfer) = after_option_ack(wanted(512, 1), 5000);
    let mut now = MS;
    numbers(&mut transfer, now);
    while let Next::Wait(deadline) = transfer.poll(now)
        && deadline < Duration::from_secs(20)
    {
        now = deadline;
        transfer.on_timeout(now);
        numbers(&mut transfer, now);
    }
    assert_eq!(
        transfer.on_packet(&encode_ack(1), Duration::from_secs(20)),
        Reception::Progress
    );
}

#[test]
fn closed_port_ends_the_transfer_at_once() {
    let mut transfer = start(Wanted::default(), 5000);
    numbers(&mut transfer, MS);
    transfer.on_port_closed(MS);
    assert!(matches!(transfer.poll(MS), Next::Done(Outcome::Aborted { .. })));
    let mut transfer = start(Wanted::default(), 5);
    numbers(&mut transfer, MS);
    transfer.on_port_closed(MS);
    let Next::Done(outcome) = transfer.poll(MS) else {
        panic!("still going")
    };
    assert_eq!(
        outcome,
        Outcome::TimedOut {
            acknowledged: 0,
            last_block_sent: true,
            duration: MS
        }
    );
}

#[test]
fn client_is_told_when_the_server_fails() {
    let (_, mut transfer) = after_option_ack(wanted(512, 4), 20_000);
    assert!(matches!(transfer.poll(MS), Next::Send(Transmit::Data { .. })));
    transfer.fail("the disk is gone");
    let told = encode_error(ErrorCode::UNDEFINED, "the disk is gone");
    assert_eq!(transfer.poll(MS), Next::Send(Transmit::Control(told)));
    assert_eq!(
        transfer.poll(MS),
        Next::Done(Outcome::Failed {
            message: "the disk is gone".into()
        })
    );
}

// Whole transfers over a simulated link

#[test]
fn every_window_and_habit_delivers_over_a_clean_link_without_a_byte_too_many() {
    let file = pattern(300_000);
    for habit in [Habit::AcksEach, Habit::AcksOnce, Habit::Silent] {
        for (block_size, window) in [(512, 1), (512, 4), (1468, 16), (1468, 64), (8, 64), (65464, 64)] {
            let context = format!("{habit:?} {block_size} {window}");
            let run = run(&file, wanted(block_size, window), habit, Faults::default(), 1);
            assert_complete(&run, &file, &context);
            assert_eq!(run.spent, file.len() as u64, "{context}");
            assert!(run.clock < Duration::from_secs(10), "{context}: {:?}", run.clock);
        }
    }
}

// A large window on a bad link: nearly every one has a gap. Clocks are those of the simulation.
#[test]
fn gap_after_gap_costs_neither_time_outs_nor_the_file_twice() {
    let file = pattern(1 << 20);
    let overtaken = Faults {
        overtaken: 20,
        ..Faults::default()
    };
    let lost = Faults {
        lost: 10,
        ..Faults::default()
    };
    for (faults, window) in [(overtaken, 16), (overtaken, 64), (lost, 16), (lost, 64)] {
        for habit in [Habit::AcksEach, Habit::AcksOnce] {
            let runs: Vec<_> = (1..=20)
                .map(|seed| run(&file, wanted(1468, window), habit, faults, seed * 7919))
                .collect();
            let context = format!("{habit:?} {faults:?} {window}");
            for run in &runs {
                assert_complete(run, &file, &context);
            }
            let spent: u64 = runs.iter().map(|run| run.spent).sum();
            let share = spent as f64 / (file.len() * runs.len()) as f64;
            assert!(share < 1.15, "{context}: the file was sent {share:.2} times");
            let slowest = runs.iter().map(|run| run.clock).max().unwrap();
            assert!(slowest < Duration::from_secs(2), "{context}: {slowest:?}");
        }
    }
}

#[test]
fn after_a_gap_the_window_leaves_in_parts_until_it_is_whole_again() {
    let (_, mut transfer) = after_option_ack(wanted(512, 16), 200_000);
    let step = |transfer: &mut Transfer, now| numbers(transfer, now).len();
    assert_eq!(step(&mut transfer, MS), 16);
    transfer.on_packet(&encode_ack(3), 2 * MS);
    assert_eq!(numbers(&mut transfer, 2 * MS), [4, 5, 6, 7]);
    let Next::Wait(resume) = transfer.poll(2 * MS) else {
        panic!("a pause")
    };
    assert!((3 * MS..25 * MS).contains(&resume), "{resume:?}");
    transfer.on_timeout(resume - Duration::from_micros(1));
    assert_eq!(step(&mut transfer, resume), 0);
    transfer.on_timeout(resume);
    assert_eq!(numbers(&mut transfer, resume), [8, 9, 10, 11]);
    // The gap told once more changes nothing; then windows without one: 5, 6, 7, 8, 10, 12, 15 and then 16 blocks leave at once.
    let (mut now, mut last) = (resume, 3);
    for burst in [0, 5, 6, 7, 8, 10, 12, 15, 16, 16] {
        transfer.on_packet(&encode_ack(last), now);
        assert_eq!(step(&mut transfer, now), burst);
        while let Next::Wait(at) = transfer.poll(now)
            && at < now + 30 * MS
        {
            now = at;
            transfer.on_timeout(now);
            step(&mut transfer, now);
        }
        (now, last) = (now + MS, last + 16);
    }
    assert_eq!(transfer.retransmitted(), 13, "the pauses repeat nothing");
}

#[test]
fn block_numbers_roll_over_to_zero() {
    let file = pattern(40_000_000);
    for (options, window) in [
        (Wanted::default(), 1),
        (
            Wanted {
                window: Some(16),
                ..Wanted::default()
            },
            16,
        ),
    ] {
        let run = run(&file, options, Habit::AcksEach, Faults::default(), 1);
        assert_complete(&run, &file, &format!("window {window}"));
        assert_eq!(run.spent, 40_000_000);
    }
}

#[test]
fn heavily_disturbed_link_with_roll_over_still_delivers() {
    let file = pattern(600_000);
    let faults = Faults {
        lost: 10,
        doubled: 10,
        overtaken: 10,
    };
    let run = run(&file, wanted(8, 4), Habit::AcksEach, faults, 7);
    assert_complete(&run, &file, "75,001 blocks");
}

#[test]
fn link_without_a_client_spends_no_more_than_its_budget() {
    for (block_size, window) in [(512, 1), (512, 64), (65464, 64)] {
        let run = run(
            &pattern(100_000),
            wanted(block_size, window),
            Habit::Silent,
            Faults {
                lost: 1000,
                ..Faults::default()
            },
            1,
        );
        assert!(matches!(run.outcome, Outcome::TimedOut { acknowledged: 0, .. }));
        assert_eq!(
            run.spent, 0,
            "nothing but the OACK is sent to a client that never answered"
        );
    }
}

#[test]
fn hopeless_link_is_given_up_within_the_budget() {
    let file = pattern(2_000_000);
    for seed in 1..20 {
        let run = run(
            &file,
            wanted(512, 64),
            Habit::AcksEach,
            Faults {
                lost: 150,
                ..Faults::default()
            },
            seed,
        );
        assert!(run.spent <= run.budget);
        assert_eq!(run.budget, 6_000_000);
        assert!(
            !matches!(run.outcome, Outcome::Complete { .. }),
            "15 % loss and 64 blocks a window cannot fit three times"
        );
    }
}

fn habits() -> impl Strategy<Value = Habit> {
    prop_oneof![Just(Habit::AcksEach), Just(Habit::AcksOnce), Just(Habit::Silent)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lossy_link_delivers_the_file_whole(
        length in 0usize..120_000,
        window in prop_oneof![Just(1u16), Just(4), Just(16)],
        lost in 0u32..30, doubled in 0u32..30, overtaken in 0u32..30,
        habit in habits(), seed in any::<u64>(),
    ) {
        let file = pattern(length);
        let faults = Faults { lost: lost / u32::from(window).isqrt(), doubled, overtaken };
        let run = run(&file, wanted(512, window), habit, faults, seed);
        prop_assert!(matches!(run.outcome, Outcome::Complete { .. } | Outcome::TimedOut { last_block_sent: true, .. }), "{:?}", run.outcome);
        prop_assert!(run.received == file);
        prop_assert!(run.spent <= run.budget);
    }

    // A client that keeps nothing out of order needs its window again after every overtaking: the chance is set so that some
    // 3 % of the windows are hit. A sender that believes every report sends the file several times over.
    #[test]
    fn reordering_costs_less_than_a_fifth(
        window in prop_oneof![Just(1u16), Just(4), Just(16), Just(64)],
        habit in prop_oneof![Just(Habit::AcksEach), Just(Habit::AcksOnce)],
        seed in any::<u64>(),
    ) {
        let file = pattern(400_000);
        let faults = Faults { overtaken: 32 / u32::from(window), ..Faults::default() };
        let run = run(&file, wanted(512, window), habit, faults, seed);
        assert_complete(&run, &file, "reordered");
        prop_assert!(run.spent * 5 < file.len() as u64 * 6, "{} bytes sent", run.spent);
    }

    // A client that answers a block it has already looks just like one that reports a gap; the chance is set as above.
    #[test]
    fn duplication_does_not_echo_through_the_transfer(
        window in prop_oneof![Just(1u16), Just(4), Just(16), Just(64)],
        habit in habits(), seed in any::<u64>(),
    ) {
        let file = pattern(250_000);
        let faults = Faults { doubled: 32 / u32::from(window), ..Faults::default() };
        let run = run(&file, wanted(512, window), habit, faults, seed);
        assert_complete(&run, &file, "duplicated");
        prop_assert!(run.spent * 5 < file.len() as u64 * 6, "{} bytes sent", run.spent);
    }

    #[test]
    fn hostile_packets_never_panic_and_never_exceed_the_budget(
        length in 0u64..20_000, window in 1u16..=64, block_size in 8u16..2000,
        packets in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            (0u16..80).prop_map(|block| encode_ack(block).to_vec()),
            Just(Vec::new()),
        ], 0..300),
    ) {
        let mut now = Duration::ZERO;
        let mut transfer = start(wanted(block_size, window), length);
        for packet in packets {
            while let Next::Send(_) = transfer.poll(now) {}
            if packet.is_empty() {
                now += Duration::from_secs(9);
                transfer.on_timeout(now);
            } else {
                hear(&packet);
                transfer.on_packet(&packet, now);
            }
            prop_assert!(transfer.spent() <= transfer.budget());
            prop_assert!(transfer.acknowledged() <= length);
        }
    }

    #[test]
    fn what_parses_encodes_to_what_parses_the_same(datagram in prop::collection::vec(any::<u8>(), 0..60), opcode in 1u8..7) {
        let datagram = [&[0, opcode], &datagram[..]].concat();
        if let Ok(packet) = Packet::parse(&datagram) {
            let again = packet.encode();
            prop_assert_eq!(Packet::parse(&again), Ok(packet));
        }
    }

    #[test]
    fn cleaned_paths_stay_inside(raw in prop::collection::vec(prop_oneof![Just(b'/'), Just(b'\\'), Just(b'.'), any::<u8>()], 0..40)) {
        if let Ok(path) = clean_path(&raw) {
            prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
            prop_assert!(!path.contains(|c: char| c == '\\' || c.is_control()));
            prop_assert_eq!(clean_path(path.as_bytes()), Ok(path));
        }
    }

    #[test]
    fn text_translated_in_pieces_is_text_translated_whole(text in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200), cut in 0usize..200) {
        let cut = cut.min(text.len());
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        netascii::encode(&text, &mut whole);
        netascii::encode(&text[..cut], &mut pieces);
        netascii::encode(&text[cut..], &mut pieces);
        prop_assert_eq!(&whole, &pieces);
        prop_assert_eq!(netascii::encoded_len(&text), whole.len() as u64);
    }
}

#[test]
fn the_fuzzers_corpus_is_read_without_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/tftp_packet");
    let mut read = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        // As it is, and as the length-prefixed conversation that the fuzz target makes of it.
        hear(&bytes);
        let Some((&length, rest)) = bytes.split_first() else {
            continue;
        };
        if let Some(request) = rest.get(..usize::from(length)) {
            hear(request);
        }
        read += 1;
    }
    assert!(read >= 9, "{read} files in {corpus}");
}
