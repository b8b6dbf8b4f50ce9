//! The blocks of a window on their way to the socket: in one piece, which the kernel cuts, or one by one where it cannot.

use std::io;

use super::line::Line;

/// Most packets in one piece; the kernel's bound (`UDP_MAX_SEGMENTS`) is 64 or more.
const PACKETS: usize = 64;
/// Most bytes in one piece: less than the longest datagram.
const BYTES: usize = 64_000;

/// Packets that leave together: all of the same length, but for the last one, which may be shorter.
#[derive(Debug, Default)]
pub(super) struct Burst {
    bytes: Vec<u8>,
    /// Length of each packet but the last.
    length: usize,
    packets: usize,
    /// The kernel refused to cut, as it does where packets do not fit the path or a tunnel computes checksums itself.
    one_by_one: bool,
}

impl Burst {
    /// Where the next packet is appended, before [`Burst::added`].
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// A packet was appended that began at `start`. Whether another of the same length has no place, so that it is time to
    /// send.
    pub(super) fn added(&mut self, start: usize) -> bool {
        let length = self.bytes.len() - start;
        if self.packets == 0 {
            self.length = length;
        }
        self.packets += 1;
        length < self.length || self.packets == PACKETS || self.bytes.len() + self.length > BYTES
    }

    /// Gives up the packet that was begun at `start`.
    pub(super) fn give_up(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// Sends all, and is empty then, whatever became of it.
    ///
    /// # Errors
    /// The socket's; what was not sent is as good as lost on the way.
    pub(super) async fn send(&mut self, line: &Line) -> io::Result<()> {
        let sent = self.try_send(line).await;
        self.bytes.clear();
        self.packets = 0;
        sent
    }

    async fn try_send(&mut self, line: &Line) -> io::Result<()> {
        if self.packets > 1 && !self.one_by_one {
            let length = u16::try_from(self.length).map_err(io::Error::other)?;
            match line.send_cut(&self.bytes, length).await {
                Err(error) if is_refusal(&error) => self.one_by_one = true,
                done => return done,
            }
        }
        for packet in self.bytes.chunks(self.length.max(1)) {
            line.send(packet).await?;
        }
        Ok(())
    }
}

/// Whether the kernel cannot cut for this path, rather than the path being closed.
fn is_refusal(error: &io::Error) -> bool {
    use nix::libc::{EINVAL, EIO, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP};
    matches!(
        error.raw_os_error(),
        Some(EINVAL | EIO | EMSGSIZE | ENOPROTOOPT | EOPNOTSUPP)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::line::tests::pair;
    use super::*;

    async fn sent(one_by_one: bool) -> Vec<Vec<u8>> {
        let (sender, receiver) = pair();
        let mut burst = Burst {
            one_by_one,
            ..Burst::default()
        };
        let packets: Vec<Vec<u8>> = (1..=7).map(|n| vec![n; if n == 7 { 10 } else { 516 }]).collect();
        for packet in &packets {
            let start = burst.bytes().len();
            burst.bytes().extend_from_slice(packet);
            if burst.added(start) {
                burst.send(&sender).await.unwrap();
            }
        }
        assert!(burst.is_empty(), "a short packet is the last one");
        drop(sender); // With it goes what is still to leave.
        let mut heard = Vec::new();
        for _ in 0..packets.len() {
            let mut buffer = [0; 2048];
            let length = receiver.recv(&mut buffer).unwrap();
            heard.push(buffer[..length].to_vec());
        }
        assert_eq!(heard, packets);
        heard
    }

    #[tokio::test]
    async fn packets_arrive_as_they_were_added() {
        assert_eq!(sent(false).await, sent(true).await);
    }

    #[tokio::test]
    async fn blocks_that_no_packet_can_carry_whole_go_one_by_one() {
        let (sender, receiver) = pair();
        let mut burst = Burst::default();
        for n in 0..3 {
            let start = burst.bytes().len();
            burst.bytes().extend_from_slice(&vec![n; 30_000]);
            if burst.added(start) {
                burst.send(&sender).await.unwrap();
            }
        }
        burst.send(&sender).await.unwrap();
        drop(sender);
        for n in 0..3 {
            let mut buffer = vec![0; 40_000];
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..length], vec![n; 30_000]);
        }
    }
}
