//! The loader over TFTP, as EDK II fetches it: its size first, given up with an error, then the file.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use wire::tftp::{ErrorCode, Packet, encode_error};

use crate::tftp::{Download, Manner, Wish};

/// Silence after which firmware repeats itself.
const PATIENCE: Duration = Duration::from_secs(1);
/// Silences after which it gives up.
const TRIES: u32 = 60;

/// Fetches a file; returns its size and how often something had to be repeated.
///
/// # Errors
/// When the server says no, or nothing.
pub async fn fetch(from: Ipv4Addr, server: Ipv4Addr, path: &str) -> Result<(u64, u32), String> {
    let wish = Wish {
        path: path.to_string(),
        block_size: Some(1468),
        window: Some(4),
        manner: Manner::Edk2,
    };
    let mut repeated = probe(from, server, &wish).await?;
    let mut download = Download::new(&wish);
    let mut line = Line::open(from, server).await?;
    let mut said = Download::request(&wish);
    line.say(&said).await;
    let mut buffer = vec![0; 2048];
    let mut silences = 0;
    loop {
        let Some(length) = line.hear(&mut buffer).await else {
            silences += 1;
            repeated += 1;
            if silences > TRIES {
                return Err(format!("the TFTP server fell silent after {} bytes", download.bytes));
            }
            if download.heard() {
                said = download.repeat().to_vec();
            }
            line.say(&said).await;
            continue;
        };
        let step = download.take(&buffer[..length], None);
        if let Some(ack) = step.ack {
            silences = 0;
            line.say(&ack).await;
        }
        match step.end {
            Some(Ok(())) => return Ok((download.bytes, repeated)),
            Some(Err(why)) => return Err(why),
            None => {}
        }
    }
}

/// Asks for the size and gives up when it is known.
async fn probe(from: Ipv4Addr, server: Ipv4Addr, wish: &Wish) -> Result<u32, String> {
    let mut line = Line::open(from, server).await?;
    let request = Download::request(wish);
    let mut buffer = vec![0; 2048];
    for silences in 0..TRIES {
        line.say(&request).await;
        let Some(length) = line.hear(&mut buffer).await else {
            continue;
        };
        return match Packet::parse(&buffer[..length]) {
            Ok(Packet::Error { code, message }) => {
                let text = String::from_utf8_lossy(message);
                Err(format!("the TFTP server says error {}: {text}", code.0))
            }
            _ => {
                line.say(&encode_error(ErrorCode::OPTIONS_REJECTED, "User aborted the transfer"))
                    .await;
                Ok(silences)
            }
        };
    }
    Err("the TFTP server never answered".into())
}

/// A socket to the server's port 69, then to the port from which it answered.
struct Line {
    socket: UdpSocket,
    to: SocketAddr,
    found: bool,
}

impl Line {
    async fn open(from: Ipv4Addr, server: Ipv4Addr) -> Result<Self, String> {
        let socket = UdpSocket::bind((from, 0))
            .await
            .map_err(|error| format!("{from} is not ours to speak from: {error}"))?;
        Ok(Self {
            socket,
            to: (server, 69).into(),
            found: false,
        })
    }

    /// Says something. What the system refuses to send is lost, as on any network.
    async fn say(&self, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, self.to).await;
    }

    /// The next datagram of the server, unless it is silent for too long.
    async fn hear(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let heard = timeout(PATIENCE, async {
            loop {
                match self.socket.recv_from(buffer).await {
                    Ok((length, sender)) if !self.found || sender == self.to => return (length, sender),
                    // Of an earlier conversation, or the report of a closed port.
                    _ => tokio::task::yield_now().await,
                }
            }
        });
        let (length, sender) = heard.await.ok()?;
        self.to = sender;
        self.found = true;
        Some(length)
    }
}
