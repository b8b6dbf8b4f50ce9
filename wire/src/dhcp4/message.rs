//! Writing a message: the values a reply (or a client's request) shall carry.
use std::net::Ipv4Addr;

use super::{MessageType, Packet, RouteList, SearchList, code, pack};
use crate::Mac;

/// The fixed header as it will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 1 request, 2 reply.
    pub op: u8,
    /// Hardware type.
    pub htype: u8,
    /// Octets of `chaddr` that count, at most 16.
    pub hlen: u8,
    /// Relay agents passed.
    pub hops: u8,
    /// Transaction.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// 0x8000: broadcast.
    pub flags: u16,
    /// The address that the client already uses.
    pub ciaddr: Ipv4Addr,
    /// The address given to the client.
    pub yiaddr: Ipv4Addr,
    /// The server to boot from.
    pub siaddr: Ipv4Addr,
    /// The relay agent.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address, zeros after it.
    pub chaddr: [u8; 16],
}

/// A message to be sent. An option set twice keeps the later value; [`Message::encode`] puts them in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The fixed header, to be changed at will.
    pub header: Header,
    /// The options, sorted by [`pack::rank`].
    entries: Vec<Entry>,
    values: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    code: u8,
    start: usize,
    end: usize,
}

impl Message {
    /// A reply to a request: same transaction, client and relay agent, type and server identifier set, options 61 (RFC 6842),
    /// 82 (RFC 3046) and 97 (PXE 2.1) echoed as they came, `ciaddr` as RFC 2131 table 3 has it.
    ///
    /// `server_id` is the address the client will renew at; [`super::RelayAgent::server_id_override`] goes before the own one.
    pub fn reply_to(request: &Packet<'_>, kind: MessageType, server_id: Ipv4Addr) -> Message {
        let mut chaddr = [0; 16];
        chaddr[..request.chaddr().len()].copy_from_slice(request.chaddr());
        let refused = kind == MessageType::Nak;
        // A relay agent sends a refusal on by broadcast only if told so (RFC 2131 section 4.3.2).
        let flags = request.flags()
            | if refused && !request.giaddr().is_unspecified() {
                0x8000
            } else {
                0
            };
        let mut reply = Message::empty(Header {
            op: 2,
            htype: request.htype(),
            hlen: request.hlen().min(16),
            hops: 0,
            xid: request.xid(),
            secs: 0,
            flags,
            ciaddr: if kind == MessageType::Ack {
                request.ciaddr()
            } else {
                Ipv4Addr::UNSPECIFIED
            },
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: request.giaddr(),
            chaddr,
        });
        reply
            .option(code::MESSAGE_TYPE, &[kind.code()])
            .option(code::SERVER_ID, &server_id.octets());
        for echoed in [code::CLIENT_ID, code::RELAY_AGENT, code::CLIENT_UUID] {
            if let Some(value) = request.option(echoed) {
                reply.option(echoed, &value);
            }
        }
        reply
    }

    /// A reply to a BOOTP request (RFC 951): no type, no server identifier, and `pack::budget` keeps it to 300 octets.
    pub fn bootp_reply_to(request: &Packet<'_>) -> Message {
        let mut reply = Message::reply_to(request, MessageType::Ack, Ipv4Addr::UNSPECIFIED);
        reply.remove(code::MESSAGE_TYPE);
        reply.remove(code::SERVER_ID);
        reply
    }

    /// A message of a client on Ethernet, with its client identifier (option 61). Answers to it are wanted by broadcast.
    pub fn from_client(kind: MessageType, xid: u32, mac: Mac) -> Message {
        let mut chaddr = [0; 16];
        chaddr[..6].copy_from_slice(&mac.octets());
        let mut id = [1; 7];
        id[1..].copy_from_slice(&mac.octets());
        let unset = Ipv4Addr::UNSPECIFIED;
        let mut message = Message::empty(Header {
            op: 1,
            htype: 1,
            hlen: 6,
            hops: 0,
            xid,
            secs: 0,
            flags: 0x8000,
            ciaddr: unset,
            yiaddr: unset,
            siaddr: unset,
            giaddr: unset,
            chaddr,
        });
        message
            .option(code::MESSAGE_TYPE, &[kind.code()])
            .option(code::CLIENT_ID, &id);
        message
    }

    /// A DISCOVER, for instance to find out which other servers answer on a link.
    pub fn discover(xid: u32, mac: Mac) -> Message {
        let mut message = Message::from_client(MessageType::Discover, xid, mac);
        let wanted = [
            code::SUBNET_MASK,
            code::ROUTERS,
            code::DNS_SERVERS,
            code::TFTP_SERVER,
            code::BOOT_FILE,
        ];
        message.option(code::PARAMETER_LIST, &wanted);
        message
    }

    fn empty(header: Header) -> Message {
        Message {
            header,
            entries: Vec::with_capacity(24),
            values: Vec::with_capacity(320),
        }
    }

    /// Sets any option to any value. [`code::PAD`], [`code::END`] and [`code::OVERLOAD`] are not for callers and ignored.
    pub fn option(&mut self, code: u8, value: &[u8]) -> &mut Message {
        if matches!(code, code::PAD | code::END | code::OVERLOAD) {
            return self;
        }
        self.remove(code);
        let start = self.values.len();
        self.values.extend_from_slice(value);
        let rank = pack::rank(code, value.len());
        let place = self
            .entries
            .partition_point(|entry| pack::rank(entry.code, entry.end - entry.start) <= rank);
        self.entries.insert(
            place,
            Entry {
                code,
                start,
                end: self.values.len(),
            },
        );
        self
    }

    /// Takes an option out again.
    pub fn remove(&mut self, code: u8) {
        let Some(place) = self.entries.iter().position(|entry| entry.code == code) else {
            return;
        };
        let gone = self.entries.remove(place);
        self.values.drain(gone.start..gone.end);
        for entry in self.entries.iter_mut().filter(|entry| entry.start >= gone.end) {
            entry.start -= gone.end - gone.start;
            entry.end -= gone.end - gone.start;
        }
    }

    /// The value set for an option.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.options().find(|option| option.0 == code).map(|option| option.1)
    }

    /// All options, the most important first.
    pub fn options(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.entries
            .iter()
            .map(|entry| (entry.code, &self.values[entry.start..entry.end]))
    }

    fn addresses(&mut self, code: u8, addresses: &[Ipv4Addr]) -> &mut Message {
        if addresses.is_empty() {
            self.remove(code);
            return self;
        }
        let octets: Vec<u8> = addresses.iter().flat_map(Ipv4Addr::octets).collect();
        self.option(code, &octets)
    }

    /// The address given to the client.
    pub fn yiaddr(&mut self, address: Ipv4Addr) -> &mut Message {
        self.header.yiaddr = address;
        self
    }

    /// Option 1.
    pub fn subnet_mask(&mut self, mask: Ipv4Addr) -> &mut Message {
        self.option(code::SUBNET_MASK, &mask.octets())
    }

    /// Option 3; none takes the option out.
    pub fn routers(&mut self, routers: &[Ipv4Addr]) -> &mut Message {
        self.addresses(code::ROUTERS, routers)
    }

    /// Option 6; none takes the option out.
    pub fn dns_servers(&mut self, servers: &[Ipv4Addr]) -> &mut Message {
        self.addresses(code::DNS_SERVERS, servers)
    }

    /// Option 12.
    pub fn host_name(&mut self, name: &str) -> &mut Message {
        self.option(code::HOST_NAME, name.as_bytes())
    }

    /// Option 15.
    pub fn domain_name(&mut self, name: &str) -> &mut Message {
        self.option(code::DOMAIN_NAME, name.as_bytes())
    }

    /// Option 26, in octets.
    pub fn mtu(&mut self, mtu: u16) -> &mut Message {
        self.option(code::INTERFACE_MTU, &mtu.to_be_bytes())
    }

    /// Option 28.
    pub fn broadcast_address(&mut self, address: Ipv4Addr) -> &mut Message {
        self.option(code::BROADCAST_ADDRESS, &address.octets())
    }

    /// Option 42; none takes the option out.
    pub fn ntp_servers(&mut self, servers: &[Ipv4Addr]) -> &mut Message {
        self.addresses(code::NTP_SERVERS, servers)
    }

    /// Option 43 for PXE clients. For others: [`Message::option`].
    pub fn pxe(&mut self, vendor: &super::pxe::Vendor) -> &mut Message {
        self.option(code::VENDOR_ENCAPSULATED, &vendor.to_bytes())
    }

    /// Option 50, in a request.
    pub fn requested_address(&mut self, address: Ipv4Addr) -> &mut Message {
        self.option(code::REQUESTED_ADDRESS, &address.octets())
    }

    /// Option 54.
    pub fn server_id(&mut self, address: Ipv4Addr) -> &mut Message {
        self.option(code::SERVER_ID, &address.octets())
    }

    /// Option 51, in seconds.
    pub fn lease_time(&mut self, seconds: u32) -> &mut Message {
        self.option(code::LEASE_TIME, &seconds.to_be_bytes())
    }

    /// Option 58, in seconds; a client takes half the lease time without it.
    pub fn renewal_time(&mut self, seconds: u32) -> &mut Message {
        self.option(code::RENEWAL_TIME, &seconds.to_be_bytes())
    }

    /// Option 59, in seconds; a client takes 7/8 of the lease time without it.
    pub fn rebinding_time(&mut self, seconds: u32) -> &mut Message {
        self.option(code::REBINDING_TIME, &seconds.to_be_bytes())
    }

    /// Option 56: why the server refuses.
    pub fn message(&mut self, text: &str) -> &mut Message {
        self.option(code::MESSAGE, text.as_bytes())
    }

    /// Option 60: `PXEClient` or `HTTPClient`, without which firmware ignores a reply's boot file.
    pub fn vendor_class(&mut self, class: &str) -> &mut Message {
        self.option(code::VENDOR_CLASS, class.as_bytes())
    }

    /// The TFTP server, as `siaddr` and as text in option 66.
    pub fn boot_server(&mut self, address: Ipv4Addr) -> &mut Message {
        self.header.siaddr = address;
        self.option(code::TFTP_SERVER, address.to_string().as_bytes())
    }

    /// The boot file or URL, in option 67 and, up to 127 octets, also in the header field `file`: old boot ROMs read only the
    /// field, HTTP boot and others only the option.
    pub fn boot_file(&mut self, name: &str) -> &mut Message {
        self.option(code::BOOT_FILE, name.as_bytes())
    }

    /// Option 119.
    pub fn domain_search(&mut self, list: &SearchList) -> &mut Message {
        self.option(code::DOMAIN_SEARCH, list.as_bytes())
    }

    /// Option 121.
    pub fn static_routes(&mut self, routes: &RouteList) -> &mut Message {
        self.option(code::STATIC_ROUTES, routes.as_bytes())
    }
}
