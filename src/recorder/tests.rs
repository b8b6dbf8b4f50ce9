use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use wire::Mac;

use super::*;

fn mac(number: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, number])
}

fn packet(at: i64, mac: Option<Mac>, bytes: &[u8]) -> Packet<'_> {
    Packet {
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_millis(at),
        question: at as u64,
        role: Role::Question,
        transport: Transport::Udp,
        from: "10.0.0.1:68".parse().unwrap(),
        to: "10.0.0.2:67".parse().unwrap(),
        mac,
        bytes,
        whole: bytes.len(),
    }
}

fn name(number: u32) -> Arc<str> {
    format!("nid{number:05}").into()
}

fn said() -> Said<'static> {
    Said::Http(HttpSaid {
        world: 7,
        rendered: Some(9),
        http_port: 80,
    })
}

#[test]
fn what_is_kept_comes_back_in_the_order_of_time() {
    let recorder = Recorder::new(1 << 20);
    let node = name(1);
    recorder.keep(Owner::Node(&node), &packet(20, None, b"second"), Some(&said()));
    recorder.keep(Owner::Node(&node), &packet(10, None, b"first"), None);
    // Before it was declared.
    recorder.keep(Owner::Stranger, &packet(5, Some(mac(1)), b"stranger"), None);
    recorder.keep(Owner::Stranger, &packet(6, Some(mac(2)), b"another"), None);
    let kept = recorder.of(Some(&node), &[mac(1)]);
    let texts: Vec<_> = kept.iter().map(|kept| String::from_utf8_lossy(&kept.bytes)).collect();
    assert_eq!(texts, ["stranger", "first", "second"]);
    assert_eq!(serde_json::from_slice::<Said<'static>>(&kept[2].said).unwrap(), said());
    assert!(kept[1].said.is_empty());
}

#[test]
fn strangers_push_out_strangers_only() {
    let recorder = Recorder::new(1 << 20);
    let node = name(1);
    recorder.keep(Owner::Node(&node), &packet(1, None, b"kept"), None);
    for at in 0..20_000 {
        let stranger = packet(at, Some(mac((at % 250) as u8)), &[0; 300]);
        recorder.keep(Owner::Stranger, &stranger, None);
    }
    assert_eq!(recorder.of(Some(&node), &[]).len(), 1);
    let strangers: usize = (0..250).map(|number| recorder.of(None, &[mac(number)]).len()).sum();
    assert!((100..1000).contains(&strangers), "an eighth of a mebibyte: {strangers}");
}

#[test]
fn a_node_that_chatters_pushes_out_its_own_packets_only() {
    let recorder = Recorder::new(1 << 20);
    let (quiet, loud) = (name(1), name(2));
    recorder.keep(Owner::Node(&quiet), &packet(1, None, b"kept"), None);
    for at in 0..20_000 {
        recorder.keep(Owner::Node(&loud), &packet(at, None, &[0; 300]), None);
    }
    assert_eq!(recorder.of(Some(&quiet), &[]).len(), 1);
    let loud = recorder.of(Some(&loud), &[]);
    assert!(
        (50..400).contains(&loud.len()),
        "a sixteenth of a mebibyte: {}",
        loud.len()
    );
    assert_eq!(loud.last().unwrap().question, 19_999, "the latest are kept");
    let gaps = loud.windows(2).filter(|pair| pair[1].question != pair[0].question + 1);
    assert_eq!(gaps.count(), 0, "without a gap");
}

#[test]
fn when_all_is_taken_the_nodes_that_were_silent_for_longest_give_way() {
    let recorder = Recorder::new(4 << 20);
    for number in 0..5000 {
        recorder.keep(
            Owner::Node(&name(number)),
            &packet(number.into(), None, &[0; 300]),
            None,
        );
    }
    let has = |number| !recorder.of(Some(&name(number)), &[]).is_empty();
    assert!(!has(0) && has(4999));
    let kept: Vec<u32> = (0..5000).filter(|number| has(*number)).collect();
    assert!(kept.len() > 300, "{}", kept.len());
    assert_eq!(
        *kept.first().unwrap() as usize,
        5000 - kept.len(),
        "the latest ones, all of them"
    );
}

#[test]
fn memory_stays_within_the_size_whatever_comes() {
    for size in [0, 10_000, 1 << 20, 3 << 20] {
        let mut ring = Ring::new(size);
        let mut latest: HashMap<u32, u64> = HashMap::new();
        let mut dice = 12_345_u32;
        for at in 0..20_000_u32 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bytes = vec![1; (dice >> 8) as usize % 6000];
            let packet = packet(at.into(), Some(mac(1)), &bytes);
            let number = (dice >> 4) % 40;
            let node = name(number);
            let owner = if dice >> 30 == 0 {
                Owner::Stranger
            } else {
                Owner::Node(&node)
            };
            let kept = ring.put(owner, &Head::of(&packet), &bytes, b"{}");
            assert_eq!(kept.is_some(), size > 0);
            if owner != Owner::Stranger {
                latest.insert(number, u64::from(at));
            }
            assert!(ring.bytes() <= size.max(3 * 9_000), "{} of {size}", ring.bytes());
            if at == 10_000 {
                ring.resize(size / 2);
                assert!(ring.bytes() <= size / 2);
                ring.resize(size);
            }
        }
        if size >= 1 << 20 {
            for (number, at) in latest {
                let kept = ring.of(Some(&name(number)), &[]);
                assert_eq!(
                    kept.last().map(|kept| kept.question),
                    Some(at),
                    "the latest packet of each node is there"
                );
            }
        }
    }
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    let recorder = Recorder::new(1 << 20);
    let node = name(1);
    recorder.keep(Owner::Node(&node), &packet(1, None, &[7; 9000]), None);
    let kept = &recorder.of(Some(&node), &[])[0];
    assert!(kept.bytes.len() > 3000 && kept.whole == 9000);
    let cut = recorder
        .samples()
        .into_iter()
        .find(|sample| sample.name == "recorder_cut");
    assert_eq!(cut.unwrap().value, 1);
}

#[test]
fn whoever_reads_holds_no_one_up() {
    let recorder = Recorder::new(1 << 20);
    let node = name(1);
    let reading = recorder.0.ring.lock().unwrap();
    recorder.keep(Owner::Node(&node), &packet(1, None, b"lost"), None);
    drop(reading);
    assert!(recorder.of(Some(&node), &[]).is_empty());
    let busy = recorder
        .samples()
        .into_iter()
        .find(|sample| sample.name == "recorder_busy");
    assert_eq!(busy.unwrap().value, 1);
}

#[test]
fn no_token_stays_in_a_text_and_nothing_else_goes() {
    let blot = |text: &str| {
        let mut octets = text.as_bytes().to_vec();
        redact::tokens(&mut octets);
        String::from_utf8(octets).unwrap()
    };
    let x = "x".repeat(32);
    let token = "0123456789abcdef0123456789abcdef";
    assert_eq!(
        blot(&format!("http://a/boot/hook/n/{token}/failed")),
        format!("http://a/boot/hook/n/{x}/failed")
    );
    assert_eq!(blot(&token.to_uppercase()), x);
    let digest = "0".repeat(64);
    for same in [
        &digest[..],
        &digest[..31],
        &digest[..33],
        "4f3c9a52-0000-4000-8000-000000000001",
        "",
    ] {
        assert_eq!(blot(same), same);
    }
}

#[test]
fn a_token_is_found_wherever_it_stands_between_others() {
    for (before, first, between, second) in (0..35).flat_map(|before| {
        let runs = [0, 1, 31, 32, 33, 63, 64, 65, 96];
        runs.into_iter().flat_map(move |first| {
            runs.into_iter()
                .flat_map(move |second| [1, 2, 31, 32, 33].map(|between| (before, first, between, second)))
        })
    }) {
        let text = |token: &str| {
            let run = |length: usize| {
                if length == 32 {
                    token.repeat(32)
                } else {
                    "7".repeat(length)
                }
            };
            let (between, first, second) = ("-".repeat(between), run(first), run(second));
            format!("{}{first}{between}{second}", "/".repeat(before))
        };
        let mut octets = text("a").into_bytes();
        redact::tokens(&mut octets);
        assert_eq!(String::from_utf8(octets).unwrap(), text("x"));
    }
}

#[test]
fn a_token_in_a_path_is_blotted_out_however_it_is_written() {
    let blot = |text: &str| {
        let mut octets = text.as_bytes().to_vec();
        redact::path(&mut octets);
        String::from_utf8(octets).unwrap()
    };
    assert_eq!(
        blot("/boot/hook/nid001/%61bc/ready?x=1"),
        "/boot/hook/nid001/xxxxx/ready?x=1"
    );
    assert_eq!(
        blot("//cloud-init//n/short/user-data"),
        "//cloud-init//n/xxxxx/user-data"
    );
    assert_eq!(blot("/install/n/t/preseed"), "/install/n/x/preseed");
    for same in [
        "/boot/nid001/script?mac=02:00:00:00:00:01",
        "/images/tiny/vmlinuz",
        "/",
        "",
        "/boot/hook/n",
    ] {
        assert_eq!(blot(same), same);
    }
}
