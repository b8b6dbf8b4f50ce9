//! How somebody else ends a transfer.

use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Cause {
    /// The client asked for something else from the same port, or its place was needed.
    Replaced = 1,
    /// The server is stopping.
    Stopping = 2,
}

/// A word to a running transfer. It is looked at with each packet of the client, so that to look costs nothing.
#[derive(Debug, Default)]
pub(super) struct Ending {
    cause: AtomicU8,
    waker: AtomicWaker,
}

impl Ending {
    /// Ends the transfer; the first cause counts.
    pub(super) fn end(&self, cause: Cause) {
        self.cause
            .compare_exchange(0, cause as u8, Ordering::AcqRel, Ordering::Acquire)
            .ok();
        self.waker.wake();
    }

    /// Why it is to end, if it is; else `waker` is woken when it is.
    pub(super) fn poll(&self, waker: &Waker) -> Option<Cause> {
        self.waker.register(waker);
        self.cause()
    }

    /// Why it is to end, if it is.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self.cause.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Cause::Replaced),
            _ => Some(Cause::Stopping),
        }
    }
}
