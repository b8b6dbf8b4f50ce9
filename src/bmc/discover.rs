//! Which BMCs there are in a range of addresses, and what their machines are: for those who come with a rack of machines
//! and no list.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::net::UdpSocket;
use wire::ipmi::{ping, pong_tag};

use super::batch::{self, Pace};
use super::facts::Info;
use super::redfish::Redfish;
use super::{Access, BmcError, Board, IPMI_PORT, Protocol, Quirks, REDFISH_PORT};
use crate::causes::chain;
use crate::secrets::Secret;

/// How long a BMC may take to answer a ping; it is sent twice.
const PONG: Duration = Duration::from_millis(700);
/// Addresses that are looked at at once.
const AT_ONCE: usize = 128;
/// Most addresses of one search.
pub const MOST: usize = 65_536;

/// How one looks.
#[derive(Debug, Clone)]
pub struct Look {
    /// User and password, if one is to log in.
    pub login: Option<(String, Secret)>,
    /// Port of IPMI.
    pub ipmi_port: u16,
    /// Port of Redfish.
    pub redfish_port: u16,
    /// Redfish alone.
    pub redfish_only: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            login: None,
            ipmi_port: IPMI_PORT,
            redfish_port: REDFISH_PORT,
            redfish_only: false,
        }
    }
}

/// A BMC that answered.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// Where.
    pub address: IpAddr,
    /// It answers an RMCP ping.
    pub ipmi: bool,
    /// It has a Redfish service.
    pub redfish: bool,
    /// What it told after the login.
    pub info: Option<Info>,
    /// Why it told nothing.
    pub error: Option<String>,
}

/// Looks at each address; who answered, in the order of the addresses.
pub async fn search(addresses: Vec<IpAddr>, look: &Look) -> Vec<Found> {
    let pace = Pace {
        at_once: AT_ONCE,
        stagger: Duration::ZERO,
    };
    let found = batch::run(addresses, pace, |address| one(address, look));
    let mut found: Vec<Found> = found.filter_map(std::future::ready).collect().await;
    found.sort_by_key(|found| found.address);
    found
}

async fn one(address: IpAddr, look: &Look) -> Option<Found> {
    let ipmi = async { !look.redfish_only && answers_ping(SocketAddr::new(address, look.ipmi_port)).await };
    let redfish = Redfish::is_there(SocketAddr::new(address, look.redfish_port));
    let (ipmi, redfish) = tokio::join!(ipmi, redfish);
    if !ipmi && !redfish {
        return None;
    }
    let mut found = Found {
        address,
        ipmi,
        redfish,
        info: None,
        error: None,
    };
    if let Some((user, password)) = &look.login {
        // Redfish knows the MACs of the machine's NICs; IPMI does not.
        let protocol = if redfish { Protocol::Redfish } else { Protocol::Ipmi };
        let port = if redfish { look.redfish_port } else { look.ipmi_port };
        let access = Access {
            address: SocketAddr::new(address, port),
            protocol,
            user: user.clone(),
            password: password.clone(),
            kg: None,
            suites: Vec::new(),
            privilege: "administrator".into(),
            quirks: Quirks::default(),
            pin: None,
        };
        match told(&access).await {
            Ok(info) => found.info = Some(info),
            Err(error) => found.error = Some(chain(&error)),
        }
    }
    Some(found)
}

async fn told(access: &Access) -> Result<Info, BmcError> {
    Board::open(access).await?.info().await
}

/// Whether something at that address speaks IPMI. Nobody logs in for that.
async fn answers_ping(address: SocketAddr) -> bool {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    let Ok(socket) = UdpSocket::bind(any).await else {
        return false;
    };
    if socket.connect(address).await.is_err() {
        return false;
    }
    for tag in [1, 2] {
        if socket.send(&ping(tag)).await.is_err() {
            return false;
        }
        let mut buffer = [0; 64];
        match tokio::time::timeout(PONG, socket.recv(&mut buffer)).await {
            Ok(Ok(length)) if pong_tag(&buffer[..length]).is_some() => return true,
            // Nobody listens there.
            Ok(Err(_)) => return false,
            _ => {}
        }
    }
    false
}
