//! What stands in an answer.

use std::net::Ipv4Addr;

use wire::dhcp4::{self as dhcp4, Destination as Wire};
use wire::dhcp4::{Message, MessageType, RouteList, SearchList, budget, code, pxe, reply_destination};

use super::{Asked, Destination, Reply};
use crate::boot::{BootFile, Site, boot_file};
use crate::cluster::Network;
use crate::event::Stage;

/// iPXE's setting `no-pxedhcp` inside its option 175: the first offer is good enough, do not wait for ProxyDHCP. Saves
/// about 2 s of every boot.
const IPXE_NO_PXEDHCP: [u8; 3] = [176, 1, 1];

/// A filled message and the boot file in it.
pub(super) struct Filled {
    pub message: Message,
    pub boot_file: Option<String>,
}

impl Asked<'_> {
    /// The server identifier: the one that a relay agent wants to see (RFC 5107), else our address.
    pub fn server_id(&self) -> Ipv4Addr {
        self.rx
            .packet
            .relay_agent()
            .and_then(|relay| relay.server_id_override())
            .and_then(Result::ok)
            .unwrap_or(self.rx.link.address)
    }

    /// An OFFER or ACK with all settings; with lease times where an address is given.
    pub fn settings(&self, kind: MessageType, address: Option<Ipv4Addr>) -> Filled {
        let mut message = Message::reply_to(self.rx.packet, kind, self.server_id());
        let network = self.network();
        if let Some(address) = address {
            let lease = network.lease_seconds;
            message
                .yiaddr(address)
                .lease_time(lease)
                .renewal_time(lease / 2)
                .rebinding_time(lease / 8 * 7);
        }
        self.network_options(&mut message, network);
        let boot_file = self.boot_options(&mut message);
        Filled { message, boot_file }
    }

    /// An OFFER or ACK with the boot file alone. `None` if there is nothing to boot.
    pub fn boot_only(&self, kind: MessageType) -> Option<Filled> {
        let mut message = Message::reply_to(self.rx.packet, kind, self.server_id());
        let boot_file = self.boot_options(&mut message)?;
        message.remove(code::IPXE);
        // iPXE finds no boot file in such an answer unless it names a server too, and asks port 4011 in vain.
        message.header.siaddr = self.rx.link.address;
        // iPXE, like firmware, takes an answer without an address for a ProxyDHCP server's by this class only.
        if message.get(code::VENDOR_CLASS).is_none() {
            message.vendor_class("PXEClient");
        }
        Some(Filled {
            message,
            boot_file: Some(boot_file),
        })
    }

    /// A refusal.
    pub fn refusal(&self, why: &str) -> Message {
        let mut message = Message::reply_to(self.rx.packet, MessageType::Nak, self.server_id());
        message.message(why);
        message
    }

    /// The message on its way. `durable` names the address whose lease must be written first.
    pub fn reply(&self, message: Message, durable: Option<Ipv4Addr>) -> Reply {
        let packet = self.rx.packet;
        let kind = match message.get(code::MESSAGE_TYPE) {
            Some(&[octet]) => MessageType::from_code(octet),
            _ => MessageType::Ack,
        };
        let destination = if self.rx.port4011 {
            Destination::Back(self.rx.src)
        } else {
            match reply_destination(packet, kind, message.header.yiaddr) {
                Wire::Relay(relay) => Destination::Relay(relay),
                // An address of another network would carry the answer away to somebody who did not ask.
                Wire::Client(client) if self.network().prefix.contains(&client) => Destination::Client(client),
                Wire::Client(_) | Wire::Broadcast => Destination::Broadcast,
                Wire::Hardware(address, mac) => Destination::Hardware(address, mac),
            }
        };
        Reply {
            message,
            budget: budget(packet, self.rx.link.mtu),
            destination,
            durable,
        }
    }

    fn network_options(&self, message: &mut Message, network: &Network) {
        let cluster = &self.world.cluster;
        message
            .subnet_mask(network.prefix.netmask())
            .broadcast_address(network.prefix.broadcast());
        if let Some(router) = network.router {
            message.routers(&[router]);
        }
        if network.dns.is_empty() {
            // Installers ask their user for a name server if they are given none.
            message.dns_servers(&[self.rx.link.address]);
        } else {
            message.dns_servers(&network.dns);
        }
        message.ntp_servers(&network.ntp);
        if let Some(node) = self.question.node {
            message.host_name(&node.name);
        }
        let domain = network.domain.as_deref().unwrap_or(&cluster.domain);
        if !domain.is_empty() {
            message.domain_name(domain);
        }
        let search: Vec<&str> = match network.search.is_empty() {
            true => [domain].into_iter().filter(|domain| !domain.is_empty()).collect(),
            false => network.search.iter().map(String::as_str).collect(),
        };
        // The reader of the cluster file lets only domain names through.
        if let Ok(list) = SearchList::new(&search)
            && !search.is_empty()
        {
            message.domain_search(&list);
        }
        if let Some(mtu) = network.mtu {
            message.mtu(mtu);
        }
        if !network.routes.is_empty() {
            message.static_routes(&routes(network));
        }
    }

    /// Names what to boot, in the form that the software which asks understands.
    fn boot_options(&self, message: &mut Message) -> Option<String> {
        let question = &self.question;
        let link = self.rx.link;
        let site = Site {
            address: link.address,
            http_port: link.http_port,
        };
        let doors = &self.world.cluster.doors;
        let node = question.node.map(|node| &**node);
        let open = match question.stage {
            Stage::Firmware => doors.tftp.is_some(),
            Stage::HttpFirmware | Stage::Ipxe | Stage::Os => doors.http.is_some(),
        };
        let BootFile { name, http_client } =
            boot_file(self.world, node, question.mac, question.stage, question.arch, site).filter(|_| open)?;
        message.boot_file(&name);
        match question.stage {
            _ if http_client => {
                message.vendor_class("HTTPClient");
            }
            Stage::Ipxe => {
                // The GRUB that iPXE chains for `local` looks for its configuration on the TFTP server named here.
                message.boot_server(link.address).option(code::IPXE, &IPXE_NO_PXEDHCP);
            }
            _ => {
                message
                    .boot_server(link.address)
                    .vendor_class("PXEClient")
                    .pxe(&pxe::Vendor::boot_file_only());
            }
        }
        Some(name)
    }
}

/// The routes with the default route among them: who understands option 121 ignores option 3 (RFC 3442).
fn routes(network: &Network) -> RouteList {
    let declared = network.routes.iter().map(|route| dhcp4::Route {
        network: route.to.network(),
        prefix: route.to.prefix_len(),
        gateway: route.via,
    });
    let default = network.router.map(|router| dhcp4::Route {
        network: Ipv4Addr::UNSPECIFIED,
        prefix: 0,
        gateway: router,
    });
    let all: Vec<_> = declared.chain(default).collect();
    RouteList::new(&all)
}
