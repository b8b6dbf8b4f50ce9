//! One who looks at a console, and perhaps writes.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Gone, Mode, News};

/// Frames that wait for one who does not read; then what comes is left out, and he is told.
pub(super) const BEHIND: usize = 256;

/// What one who looks is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The machine said this.
    Said(Bytes),
    /// The machine said this before: it is shown again because he wants it.
    Again(Bytes),
    /// About the console itself.
    News(News),
    /// He may not look any more.
    Gone(Gone),
}

/// What one who looks does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typing {
    /// Writes; without the right to it nothing happens.
    Data(Bytes),
    /// Sends a break.
    Break,
    /// Wants to attach in another way.
    Mode(Mode),
    /// Wants to see the last octets again.
    Again,
    /// Is about to reset the machine: all are told, if he writes. It is for him to do it.
    Resets,
}

/// The ends of one who looks.
#[derive(Debug)]
pub struct Visit {
    /// What he is sent.
    pub frames: mpsc::Receiver<Frame>,
    /// What he does. Dropping it ends the visit.
    pub typing: mpsc::Sender<Typing>,
}

/// A watcher in his hub.
#[derive(Debug)]
pub(super) struct Watcher {
    pub id: u64,
    pub name: String,
    pub mode: Mode,
    frames: mpsc::Sender<Frame>,
    /// Octets that he missed.
    missed: u64,
}

impl Watcher {
    pub(super) fn new(id: u64, name: String, mode: Mode, frames: mpsc::Sender<Frame>) -> Self {
        Self {
            id,
            name,
            mode,
            frames,
            missed: 0,
        }
    }

    /// Sends a frame if he reads. `false`: he has gone.
    pub(super) fn send(&mut self, frame: Frame) -> bool {
        if self.missed > 0 {
            let told = Frame::News(News::Missed(self.missed));
            match self.frames.try_send(told) {
                Ok(()) => self.missed = 0,
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
                Err(mpsc::error::TrySendError::Full(_)) => {}
            }
        }
        let octets = match &frame {
            Frame::Said(data) => data.len() as u64,
            Frame::Again(_) | Frame::News(_) | Frame::Gone(_) => 0,
        };
        match self.frames.try_send(frame) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.missed += octets;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}
