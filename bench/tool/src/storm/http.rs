//! HTTP/1.1 as boot loaders and installers speak it: one request after the other on a connection, bodies counted and let go.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// The longest head of an answer.
const HEAD: usize = 16 << 10;
/// Bodies are let go in pieces of at most so many bytes.
const PIECE: usize = 64 << 10;

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host and port.
    pub server: SocketAddrV4,
    /// Path with query.
    pub path: String,
}

impl Place {
    /// Reads an `http://` URL whose host is an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(url: &str) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(format!("{url} is no http:// URL"));
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let server = match host.parse::<SocketAddrV4>() {
            Ok(server) => Some(server),
            Err(_) => host
                .parse::<Ipv4Addr>()
                .ok()
                .map(|address| SocketAddrV4::new(address, 80)),
        };
        match server {
            Some(server) => Ok(Self {
                server,
                path: path.to_string(),
            }),
            None => Err(format!("{url}: the host is no IPv4 address")),
        }
    }
}

/// A connection.
pub struct Connection {
    stream: TcpStream,
    server: SocketAddrV4,
    /// What was received and not yet taken.
    buffer: Vec<u8>,
    /// The server said that it closes the connection.
    pub closing: bool,
}

/// The head of an answer.
struct Head {
    status: u16,
    length: u64,
    closing: bool,
}

impl Connection {
    /// Connects from an address of ours.
    ///
    /// # Errors
    /// When it cannot be had, or the server does not take it.
    pub async fn open(from: Ipv4Addr, server: SocketAddrV4) -> Result<Self, String> {
        let socket = TcpSocket::new_v4().map_err(|error| format!("no socket: {error}"))?;
        socket
            .bind(SocketAddr::from((from, 0)))
            .map_err(|error| format!("{from} is not ours to speak from: {error}"))?;
        let stream = socket
            .connect(server.into())
            .await
            .map_err(|error| format!("cannot connect: {error}"))?;
        Ok(Self {
            stream,
            server,
            buffer: Vec::new(),
            closing: false,
        })
    }

    /// GET, the body as text.
    ///
    /// # Errors
    /// When the answer is not 200 or breaks off.
    pub async fn text(&mut self, path: &str) -> Result<String, String> {
        let head = self.ask("GET", path, "", b"").await?;
        expect(&head, 200, path)?;
        let length = head.length as usize;
        while self.buffer.len() < length {
            self.more().await?;
        }
        let body: Vec<u8> = self.buffer.drain(..length).collect();
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// GET, the body counted: whole, or its first bytes by a range request.
    ///
    /// # Errors
    /// When the answer is not 200, or 206 for a range, or breaks off.
    pub async fn bytes(&mut self, path: &str, first: Option<u64>) -> Result<u64, String> {
        let range = first.map_or(String::new(), |count| format!("Range: bytes=0-{}\r\n", count - 1));
        let head = self.ask("GET", path, &range, b"").await?;
        expect(&head, if first.is_some() { 206 } else { 200 }, path)?;
        let mut left = head.length - (self.buffer.len() as u64).min(head.length);
        let there = (head.length - left) as usize;
        self.buffer.drain(..there);
        if left > 0 {
            // Only while a body comes: thousands of machines wait at the same time.
            let mut piece = vec![0; PIECE];
            while left > 0 {
                let want = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
                let got = self.stream.read(&mut piece[..want]).await.map_err(broken)?;
                if got == 0 {
                    return Err(format!("{path} broke off {left} bytes before its end"));
                }
                left -= got as u64;
            }
        }
        Ok(head.length)
    }

    /// POST of a form; the answer must be 200.
    ///
    /// # Errors
    /// When it is not.
    pub async fn post(&mut self, path: &str, body: &[u8]) -> Result<(), String> {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let head = self.ask("POST", path, kind, body).await?;
        while (self.buffer.len() as u64) < head.length {
            self.more().await?;
        }
        self.buffer.drain(..head.length as usize);
        expect(&head, 200, path)
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Head, String> {
        let length = if method == "POST" {
            format!("Content-Length: {}\r\n", body.len())
        } else {
            String::new()
        };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}{length}\r\n",
            self.server
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await.map_err(broken)?;
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > HEAD {
                return Err(format!("{path}: the head of the answer has no end"));
            }
            self.more().await?;
        };
        let head = head(&String::from_utf8_lossy(&self.buffer[..end]));
        self.buffer.drain(..end + 4);
        let head = head.ok_or_else(|| format!("{path}: an answer without a length"))?;
        self.closing = head.closing;
        Ok(head)
    }

    async fn more(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err("the server closed the connection".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(broken(error)),
        }
    }
}

fn broken(error: std::io::Error) -> String {
    format!("the connection broke: {error}")
}

fn expect(head: &Head, status: u16, path: &str) -> Result<(), String> {
    if head.status == status {
        return Ok(());
    }
    Err(format!("{path} was answered with {}, not {status}", head.status))
}

fn head(text: &str) -> Option<Head> {
    let mut lines = text.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let (mut length, mut closing) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closing = value.eq_ignore_ascii_case("close");
        }
    }
    Some(Head {
        status,
        length: length?,
        closing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_a_url() {
        let place = Place::parse("http://10.0.0.1/boot/n1/script?mac=x").unwrap();
        assert_eq!(
            (place.server.to_string(), place.path.as_str()),
            ("10.0.0.1:80".into(), "/boot/n1/script?mac=x")
        );
        assert_eq!(Place::parse("http://10.0.0.1:8080").unwrap().server.port(), 8080);
        assert!(Place::parse("https://10.0.0.1/").is_err());
        assert!(Place::parse("http://host/").is_err());
    }

    #[test]
    fn a_head_needs_a_length() {
        let found = head("HTTP/1.1 206 Partial Content\r\nContent-LENGTH: 17\r\nconnection: Close\r\n").unwrap();
        assert_eq!((found.status, found.length, found.closing), (206, 17, true));
        assert!(head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n").is_none());
    }
}
