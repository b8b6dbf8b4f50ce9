//! Where a face listens, and whom it lets in.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::address::address_fault;
use crate::config::read::{Scalar, Wrong};

/// An address, perhaps with a port.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Listen {
    pub address: IpAddr,
    pub port: Option<u16>,
}

/// An address or a prefix.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Peers(pub IpNet);

impl Scalar for Listen {
    const NOUN: &'static str = "an address to listen on";
    const EXAMPLE: &'static str = "127.0.0.1";
    const CODE: &'static str = "bad-address";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(place) if place.port() > 0 => Ok(Self {
                address: place.ip(),
                port: Some(place.port()),
            }),
            Ok(_) => Err(Wrong::because("a port is a number from 1 to 65535")),
            Err(_) if text.parse::<u16>().is_ok() || text.starts_with(':') => {
                Err(Wrong::because("the address is missing").help(format!(
                    "write `127.0.0.1:{0}` for this host alone, `0.0.0.0:{0}` for everybody",
                    text.trim_start_matches(':')
                )))
            }
            Err(_) => Err(address_fault(text.split(':').next().unwrap_or_default())),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

impl Scalar for Peers {
    const NOUN: &'static str = "an address or a prefix";
    const EXAMPLE: &'static str = "10.77.0.0/24";
    const CODE: &'static str = "bad-prefix";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.into()));
        }
        let net: IpNet = text
            .parse()
            .map_err(|_| Wrong::because("expected an address or a prefix such as `10.77.0.0/24`"))?;
        match net.addr() == net.network() {
            true => Ok(Self(net)),
            false => {
                Err(Wrong::because("this is an address inside the prefix")
                    .help(format!("the prefix is `{}`", net.trunc())))
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}
