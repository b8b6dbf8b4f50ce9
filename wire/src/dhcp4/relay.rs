//! What a relay agent says about where a client is plugged in (option 82, RFC 3046).
use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::SubOptions;
use super::values::address;
use crate::Malformed;

/// Option 82 of a relayed message. The server returns it as it came: [`RelayAgent::raw`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayAgent<'a> {
    pub(super) at: usize,
    pub(super) value: Cow<'a, [u8]>,
}

impl RelayAgent<'_> {
    /// The value, to be echoed.
    pub fn raw(&self) -> &[u8] {
        &self.value
    }

    /// All sub-options, in their order.
    pub fn sub_options(&self) -> SubOptions<'_> {
        SubOptions::plain(&self.value)
    }

    /// Sub-option 1: the port of the switch, in the relay agent's own words.
    pub fn circuit_id(&self) -> Option<&[u8]> {
        self.sub_options().get(1)
    }

    /// Sub-option 2: the switch or the cable's other end, in the relay agent's own words.
    pub fn remote_id(&self) -> Option<&[u8]> {
        self.sub_options().get(2)
    }

    /// Sub-option 5: an address in the client's network, when the relay agent's own is in another (RFC 3527).
    pub fn link_selection(&self) -> Option<Result<Ipv4Addr, Malformed>> {
        self.sub_options().get(5).map(|value| address(value, self.at))
    }

    /// Sub-option 11: what the server shall call itself in option 54, so that renewals pass the relay agent (RFC 5107).
    pub fn server_id_override(&self) -> Option<Result<Ipv4Addr, Malformed>> {
        self.sub_options().get(11).map(|value| address(value, self.at))
    }
}
