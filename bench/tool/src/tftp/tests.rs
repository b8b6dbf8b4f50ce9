//! The receiver against hand-made datagrams, the bad network against its own promises.

use wire::tftp::{Packet, Wanted, data_header, encode_ack};

use super::download::{Download, Manner, Step, Wish};
use super::faults::{Faults, Way};

fn wish(window: u16, manner: Manner) -> Wish {
    Wish {
        path: "f".into(),
        block_size: Some(8),
        window: Some(window),
        manner,
    }
}

fn begun(window: u16, manner: Manner) -> Download {
    let mut download = Download::new(&wish(window, manner));
    let granted = Wanted {
        block_size: Some(8),
        window: Some(window),
        ..Wanted::default()
    };
    let step = download.take(&Packet::OptionAck(granted).encode(), None);
    assert_eq!(step.ack, Some(encode_ack(0)));
    download
}

fn block(number: u16, payload: &[u8]) -> Vec<u8> {
    [&data_header(number)[..], payload].concat()
}

fn acked(step: &Step) -> Option<u16> {
    step.ack.map(|ack| u16::from_be_bytes([ack[2], ack[3]]))
}

#[test]
fn a_window_is_acknowledged_at_its_end_and_the_file_at_its_short_block() {
    let mut download = begun(2, Manner::Rfc7440);
    assert_eq!(acked(&download.take(&block(1, b"01234567"), None)), None);
    assert_eq!(acked(&download.take(&block(2, b"01234567"), None)), Some(2));
    let last = download.take(&block(3, b"0"), None);
    assert_eq!((acked(&last), last.end), (Some(3), Some(Ok(()))));
    assert_eq!(download.bytes, 17);
}

#[test]
fn a_gap_is_answered_once_as_rfc_7440_says_and_each_time_as_edk2_does() {
    for (manner, answers) in [(Manner::Rfc7440, 1), (Manner::Edk2, 3)] {
        let mut download = begun(8, manner);
        download.take(&block(1, b"01234567"), None);
        let said = (3..6).filter_map(|number| acked(&download.take(&block(number, b"01234567"), None)));
        let said: Vec<_> = said.collect();
        assert_eq!(said, vec![1; answers]);
        assert_eq!(download.early, 3);
    }
}

#[test]
fn a_wrong_byte_ends_the_transfer() {
    let mut download = begun(1, Manner::Rfc7440);
    let step = download.take(&block(1, b"0123x567"), Some(b"0123456701"));
    assert!(step.end.unwrap().unwrap_err().contains("block 1"));
}

#[test]
fn blocks_are_counted_beyond_65535() {
    let mut download = begun(1, Manner::Rfc7440);
    for number in 1..=70_000u32 {
        let step = download.take(&block(number as u16, b"01234567"), None);
        assert_eq!(acked(&step), Some(number as u16));
    }
    assert_eq!(download.bytes, 560_000);
}

#[test]
fn an_overtaken_datagram_arrives_after_its_overtakers_or_after_silence() {
    let faults = Faults {
        reorder: 1.0,
        by: 2,
        ..Faults::default()
    };
    let mut way = Way::new(faults, 1);
    let mut seen = Vec::new();
    for number in 1..=4u8 {
        way.arrived(&[number], |datagram| seen.push(datagram[0]));
    }
    assert_eq!((seen, way.holds()), (vec![2, 3, 1], true));
    assert_eq!(way.silence(), Some(vec![4]));
}

#[test]
fn the_same_seed_loses_the_same_datagrams() {
    let lost = |seed| {
        let faults = Faults {
            loss: 0.1,
            ..Faults::default()
        };
        let mut way = Way::new(faults, seed);
        (0..1000).map(|_| way.sends()).collect::<Vec<_>>()
    };
    assert_eq!(lost(7), lost(7));
    assert_ne!(lost(7), lost(8));
    let share = lost(7).iter().filter(|sent| !**sent).count();
    assert!((60..140).contains(&share), "{share} of 1000 were lost");
}
