//! What has come from one client and was not taken in yet.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::lock;

/// Bytes that are kept for a transfer which had no turn yet: a window's worth of repeated ACKs. What comes beyond is as good as
/// lost on the way.
const MOST: usize = 1024;
/// Bytes before each packet, for its length.
const LENGTH: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Each with its length before it.
    packets: Mutex<Vec<u8>>,
    closed: AtomicBool,
    waker: AtomicWaker,
}

impl Inbox {
    /// Adds a packet, of no more than 65,535 bytes.
    pub(super) fn put(&self, packet: &[u8]) {
        let Ok(length) = u16::try_from(packet.len()) else {
            return;
        };
        {
            let mut packets = lock(&self.packets);
            if packets.len() > MOST {
                return;
            }
            packets.extend_from_slice(&length.to_le_bytes());
            packets.extend_from_slice(packet);
        }
        self.waker.wake();
    }

    /// The network says that nobody listens at the client's port.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether there is something to take.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if lock(&self.packets).is_empty() && !self.closed.load(Ordering::Acquire) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Hands over all packets; `spare` is memory that is used again. Whether there were any.
    pub(super) fn take(&self, spare: &mut Vec<u8>, mut each: impl FnMut(&[u8])) -> bool {
        spare.clear();
        std::mem::swap(&mut *lock(&self.packets), spare);
        let mut rest = &spare[..];
        while let Some((length, more)) = rest.split_first_chunk::<LENGTH>() {
            let (packet, more) = more.split_at(usize::from(u16::from_le_bytes(*length)));
            each(packet);
            rest = more;
        }
        !spare.is_empty()
    }

    /// Whether [`Inbox::close`] was called since this was asked last.
    pub(super) fn was_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed) && self.closed.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_as_they_went_in_and_no_more_than_a_transfer_needs() {
        let (inbox, mut spare) = (Inbox::default(), Vec::new());
        for round in 0..3u8 {
            for n in 0..600usize {
                inbox.put(&[round; 4][..n % 5]);
            }
            let mut heard = Vec::new();
            assert!(inbox.take(&mut spare, |packet| heard.push(packet.to_vec())));
            assert!((64..600).contains(&heard.len()), "{} packets", heard.len());
            for (n, packet) in heard.iter().enumerate() {
                assert_eq!(*packet, vec![round; n % 5]);
            }
            assert!(!inbox.take(&mut spare, |_| panic!("all were taken")));
        }
    }
}
