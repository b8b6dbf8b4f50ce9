//! Any frame or message can be read as ARP, ICMP echo and router discovery; what is understood can be written alike.
#![no_main]
use libfuzzer_sys::fuzz_target;
use wire::probe::{Arp, Echo, ipv4_payload};
use wire::ra;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(arp) = Arp::parse(bytes) {
        assert_eq!(Arp::parse(&arp.frame()), Ok(arp));
    }
    if let Ok((_, message)) = ipv4_payload(bytes, 1)
        && let Ok(echo) = Echo::parse(message)
    {
        let mut out = Vec::new();
        echo.encode(&mut out);
        assert_eq!(Echo::parse(&out), Ok(echo));
    }
    let _ = (Echo::parse(bytes), ra::parse(bytes));
});
