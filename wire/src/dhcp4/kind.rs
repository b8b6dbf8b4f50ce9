//! Message types (option 53).
use std::fmt;

/// What a message wants or says (RFC 2132 section 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// A client looks for servers.
    Discover,
    /// A server offers an address.
    Offer,
    /// A client takes an offer, or keeps or renews its lease.
    Request,
    /// A client found its address in use by somebody else.
    Decline,
    /// A server confirms.
    Ack,
    /// A server refuses: the client must start again.
    Nak,
    /// A client gives its address back.
    Release,
    /// A client has an address and wants the other settings.
    Inform,
    /// Any later type (RFC 3203, 4388, 6926, 7724); a boot server has no answer to them.
    Other(u8),
}

impl MessageType {
    /// The type for the octet in option 53. Never fails.
    pub const fn from_code(code: u8) -> MessageType {
        match code {
            1 => MessageType::Discover,
            2 => MessageType::Offer,
            3 => MessageType::Request,
            4 => MessageType::Decline,
            5 => MessageType::Ack,
            6 => MessageType::Nak,
            7 => MessageType::Release,
            8 => MessageType::Inform,
            other => MessageType::Other(other),
        }
    }

    /// The octet in option 53.
    pub const fn code(self) -> u8 {
        match self {
            MessageType::Discover => 1,
            MessageType::Offer => 2,
            MessageType::Request => 3,
            MessageType::Decline => 4,
            MessageType::Ack => 5,
            MessageType::Nak => 6,
            MessageType::Release => 7,
            MessageType::Inform => 8,
            MessageType::Other(other) => other,
        }
    }
}

/// Prints the RFC's name without its prefix: `DISCOVER`.
impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            MessageType::Discover => "DISCOVER",
            MessageType::Offer => "OFFER",
            MessageType::Request => "REQUEST",
            MessageType::Decline => "DECLINE",
            MessageType::Ack => "ACK",
            MessageType::Nak => "NAK",
            MessageType::Release => "RELEASE",
            MessageType::Inform => "INFORM",
            MessageType::Other(code) => return write!(f, "TYPE{code}"),
        })
    }
}
