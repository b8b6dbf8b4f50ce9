//! A machine's DHCP: DISCOVER, OFFER, REQUEST, ACK as its firmware and as iPXE would, with their repetitions.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use wire::Mac;
use wire::dhcp4::{Message, MessageType, Packet, code};

use super::relay::Relay;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// UEFI firmware, x86-64 (architecture 7), as EDK II asks: again after 4, 8, 16, 32 s.
    Firmware,
    /// iPXE: again after 1, 2, 4, 8 s and then every 10 s.
    Ipxe,
}

/// What a machine was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its address.
    pub address: Ipv4Addr,
    /// `siaddr`, or the server that answered where that is not set.
    pub next_server: Ipv4Addr,
    /// The boot file.
    pub boot_file: String,
    /// Messages that had to be repeated.
    pub repeated: u32,
}

/// Asks until there is a lease; the caller limits the time.
///
/// # Errors
/// When the server refuses.
pub async fn ask(relay: &Arc<Relay>, mac: Mac, stage: Stage) -> Result<Lease, String> {
    let mut talk = relay.talk();
    let mut repeated = 0;
    let (mut buffer, mut tries) = (Vec::with_capacity(600), 0);
    let mut message = question(MessageType::Discover, talk.xid, mac, stage, relay.address);
    let mut offered = None;
    loop {
        message.header.secs = 4 * tries.min(1000) as u16;
        buffer.clear();
        message.encode(1200, &mut buffer);
        talk.send(&buffer).await;
        let silence = tokio::time::sleep(stage.patience(tries));
        tokio::pin!(silence);
        loop {
            let answer = tokio::select! {
                answer = talk.answer() => answer,
                () = &mut silence => {
                    tries += 1;
                    repeated += 1;
                    break;
                }
            };
            let Ok(packet) = Packet::parse(&answer) else { continue };
            if packet.mac() != Some(mac) {
                return Err("an answer for another machine".into());
            }
            let server = packet.server_id().and_then(Result::ok);
            match (packet.message_type().and_then(Result::ok), offered) {
                (Some(MessageType::Offer), None) if !packet.yiaddr().is_unspecified() => {
                    offered = Some(packet.yiaddr());
                    message = question(MessageType::Request, talk.xid, mac, stage, relay.address);
                    message.requested_address(packet.yiaddr());
                    if let Some(server) = server {
                        message.server_id(server);
                    }
                    tries = 0;
                    break;
                }
                (Some(MessageType::Ack), Some(address)) if packet.yiaddr() == address => {
                    return Ok(lease(&packet, repeated));
                }
                (Some(MessageType::Nak), Some(_)) => return Err("the server refused what it had offered".into()),
                // A second server's, or a copy.
                _ => {}
            }
        }
    }
}

fn lease(packet: &Packet<'_>, repeated: u32) -> Lease {
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let server = packet.server_id().and_then(Result::ok).unwrap_or(Ipv4Addr::UNSPECIFIED);
    Lease {
        address: packet.yiaddr(),
        next_server: if packet.siaddr().is_unspecified() {
            server
        } else {
            packet.siaddr()
        },
        boot_file: packet
            .boot_file()
            .map_or_else(|| text(packet.file()), |option| text(&option)),
        repeated,
    }
}

fn question(kind: MessageType, xid: u32, mac: Mac, stage: Stage, relay: Ipv4Addr) -> Message {
    let mut message = Message::from_client(kind, xid, mac);
    message.header.flags = 0;
    message.header.hops = 1;
    message.header.giaddr = relay;
    let mut uuid = [0; 17];
    uuid[1..7].copy_from_slice(b"BWUUID");
    uuid[11..].copy_from_slice(&mac.octets());
    message
        .option(
            code::PARAMETER_LIST,
            &[1, 3, 6, 12, 15, 28, 43, 51, 54, 60, 66, 67, 97, 128, 175],
        )
        .option(code::MAX_SIZE, &1472u16.to_be_bytes())
        .option(code::VENDOR_CLASS, b"PXEClient:Arch:00007:UNDI:003016")
        .option(code::CLIENT_ARCH, &[0, 7])
        .option(code::CLIENT_NDI, &[1, 3, 16])
        .option(code::CLIENT_UUID, &uuid);
    if stage == Stage::Ipxe {
        message
            .option(code::USER_CLASS, b"iPXE")
            // Features: HTTP, TFTP, EFI.
            .option(code::IPXE, &[19, 1, 1, 17, 1, 1, 36, 1, 1]);
    }
    message
}

impl Stage {
    fn patience(self, tries: u32) -> Duration {
        let seconds = match self {
            Self::Firmware => 4 << tries.min(3),
            Self::Ipxe => (1 << tries.min(4)).min(10),
        };
        Duration::from_secs(seconds)
    }
}
