//! UDP over IPv4 over Ethernet, for clients that have no address yet and so answer no ARP.

use std::net::SocketAddrV4;

use wire::Mac;
use wire::checksum::{folded, sum};
use wire::probe::ipv4_payload;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const UDP: usize = 8;

/// A UDP datagram found in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: std::net::Ipv4Addr,
    /// From which port.
    pub source_port: u16,
    /// To which port.
    pub destination_port: u16,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Reads a frame; `None` if it is not a whole UDP datagram. Its checksum is not looked at: it may be left to hardware.
pub fn read_udp(frame: &[u8]) -> Option<Datagram<'_>> {
    let (source, udp) = ipv4_payload(frame.get(ETHERNET..)?, 17).ok()?;
    let (&[s0, s1, d0, d1, l0, l1, _, _], _) = udp.split_first_chunk::<UDP>()?;
    let payload = udp.get(UDP..usize::from(u16::from_be_bytes([l0, l1])))?;
    Some(Datagram {
        source,
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        payload,
    })
}

/// A frame that carries a UDP datagram. The payload must fit one: at most 1,472 octets on Ethernet.
pub fn udp_frame(from: Mac, to: Mac, source: SocketAddrV4, destination: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let udp_length = (UDP + payload.len()) as u16;
    let mut frame = Vec::with_capacity(ETHERNET + IPV4 + UDP + payload.len());
    frame.extend_from_slice(&to.octets());
    frame.extend_from_slice(&from.octets());
    frame.extend_from_slice(&[0x08, 0x00]);
    // Version and length, type of service, total length, identification, do not fragment, 64 hops, UDP, checksum.
    frame.extend_from_slice(&[0x45, 0x10]);
    frame.extend_from_slice(&(IPV4 as u16 + udp_length).to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend_from_slice(&source.ip().octets());
    frame.extend_from_slice(&destination.ip().octets());
    let header_sum = !folded(sum(&frame[ETHERNET..]));
    frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&header_sum.to_be_bytes());
    let udp = frame.len();
    frame.extend_from_slice(&source.port().to_be_bytes());
    frame.extend_from_slice(&destination.port().to_be_bytes());
    frame.extend_from_slice(&udp_length.to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(payload);
    // The pseudo header of RFC 768: both addresses, the protocol, the length.
    let pseudo = sum_of_addresses(&source, &destination) + 17 + u64::from(udp_length);
    let udp_sum = match !folded(pseudo + sum(&frame[udp..])) {
        // 0 would say that there is no checksum.
        0 => 0xffff,
        sum => sum,
    };
    frame[udp + 6..udp + 8].copy_from_slice(&udp_sum.to_be_bytes());
    frame
}

fn sum_of_addresses(source: &SocketAddrV4, destination: &SocketAddrV4) -> u64 {
    sum(&source.ip().octets()) + sum(&destination.ip().octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> (SocketAddrV4, SocketAddrV4) {
        ("10.77.0.1:67".parse().unwrap(), "10.77.0.11:68".parse().unwrap())
    }

    #[test]
    fn what_was_framed_is_read_back() {
        let (source, destination) = addresses();
        for payload in [&b"even"[..], b"odd", b""] {
            let frame = udp_frame(Mac([2; 6]), Mac([4; 6]), source, destination, payload);
            let datagram = read_udp(&frame).unwrap();
            assert_eq!((datagram.source, datagram.source_port), (*source.ip(), 67));
            assert_eq!((datagram.destination_port, datagram.payload), (68, payload));
        }
    }

    #[test]
    fn both_checksums_add_up() {
        let (source, destination) = addresses();
        for payload in [&b"even"[..], b"odd", &[0xff; 300]] {
            let frame = udp_frame(Mac([2; 6]), Mac([4; 6]), source, destination, payload);
            assert_eq!(folded(sum(&frame[14..34])), 0xffff);
            let pseudo = sum_of_addresses(&source, &destination) + 17 + (frame.len() - 34) as u64;
            assert_eq!(folded(pseudo + sum(&frame[34..])), 0xffff);
        }
    }

    #[test]
    fn padding_after_the_datagram_is_not_read_and_a_cut_one_is_no_datagram() {
        let (source, destination) = addresses();
        let mut frame = udp_frame(Mac([2; 6]), Mac([4; 6]), source, destination, b"abc");
        frame.resize(60, 0);
        assert_eq!(read_udp(&frame).unwrap().payload, b"abc");
        assert_eq!(read_udp(&frame[..40]), None);
        assert_eq!(read_udp(&[]), None);
    }
}
