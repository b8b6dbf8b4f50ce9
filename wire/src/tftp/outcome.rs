//! How a transfer ended.

use std::time::Duration;

use super::ErrorCode;

/// The one end of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The client acknowledged the last block.
    Complete {
        /// Bytes of the file as they travelled (in netascii mode: after translation).
        bytes: u64,
        /// Blocks that were sent more than once, counted each time.
        retransmitted: u64,
        /// Time from the request to the last acknowledgement.
        duration: Duration,
    },
    /// The client asked for the size and left. EDK II does so before every real transfer.
    Probed,
    /// The client sent an ERROR, or closed its port.
    Aborted {
        /// The error's number.
        code: ErrorCode,
        /// The error's text.
        message: String,
    },
    /// The client fell silent.
    TimedOut {
        /// Bytes that it had acknowledged.
        acknowledged: u64,
        /// Whether the last block was sent: then only the last acknowledgement is missing, and the client may well have it all.
        last_block_sent: bool,
        /// Time from the request to giving up.
        duration: Duration,
    },
    /// We gave up: the file could not be read, the server stops, or the file was sent three times over without arriving.
    Failed {
        /// Why, as the client was told.
        message: String,
    },
}
