//! What the options of a request mean: one getter for each that a boot server decides upon.
use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::{Arch, ClientUuid, MessageType, Packet, RelayAgent, code};
use crate::Malformed;

/// An option: absent, there but broken, or understood.
pub type Field<T> = Option<Result<T, Malformed>>;

impl<'a> Packet<'a> {
    /// A value of fixed length. If the option is given twice the first that fits counts; pieces that fit together do too.
    fn fixed<const N: usize>(&self, code: u8, what: &'static str) -> Field<[u8; N]> {
        let mut joined = [0; N];
        let (mut length, mut first) = (0, None);
        for piece in self.walk().flatten().filter(|found| found.code == code) {
            if let Ok(value) = piece.value.try_into() {
                return Some(Ok(value));
            }
            first.get_or_insert(piece.at);
            if let Some(rest) = joined.get_mut(length..length + piece.value.len()) {
                rest.copy_from_slice(piece.value);
            }
            length += piece.value.len();
        }
        first.map(|at| {
            if length == N {
                Ok(joined)
            } else {
                Err(Malformed::new(at, what))
            }
        })
    }

    fn address(&self, code: u8, what: &'static str) -> Field<Ipv4Addr> {
        Some(self.fixed::<4>(code, what)?.map(Ipv4Addr::from))
    }

    /// Option 53. Absent in BOOTP.
    pub fn message_type(&self) -> Field<MessageType> {
        let octet = self.fixed::<1>(code::MESSAGE_TYPE, "the message type is not 1 octet long")?;
        Some(octet.map(|[octet]| MessageType::from_code(octet)))
    }

    /// Option 50: the address that the client wants (again).
    pub fn requested_address(&self) -> Field<Ipv4Addr> {
        self.address(code::REQUESTED_ADDRESS, "the requested address is not 4 octets long")
    }

    /// Option 54: which server a request is for, or a reply is from.
    pub fn server_id(&self) -> Field<Ipv4Addr> {
        self.address(code::SERVER_ID, "the server identifier is not 4 octets long")
    }

    /// Option 51, in seconds; 0xffffffff is for ever.
    pub fn lease_time(&self) -> Field<u32> {
        Some(
            self.fixed::<4>(code::LEASE_TIME, "the lease time is not 4 octets long")?
                .map(u32::from_be_bytes),
        )
    }

    /// Option 118: the network to take the address from, whatever the message came from (RFC 3011).
    pub fn subnet_selection(&self) -> Field<Ipv4Addr> {
        self.address(code::SUBNET_SELECTION, "the subnet selection is not 4 octets long")
    }

    /// Option 57: octets of the largest datagram, IP and UDP headers included, that the client takes. At least 576.
    pub fn max_size(&self) -> Field<u16> {
        Some(
            self.fixed::<2>(code::MAX_SIZE, "the maximum size is not 2 octets long")?
                .map(u16::from_be_bytes),
        )
    }

    /// Option 61, as it came. At least two octets by RFC 2132, but to be echoed (RFC 6842) whatever it is.
    pub fn client_id(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::CLIENT_ID)
    }

    /// Option 55: the codes that the client wants to be told, the most wanted first.
    pub fn parameter_list(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::PARAMETER_LIST)
    }

    /// Whether option 55 names this code.
    pub fn wants(&self, code: u8) -> bool {
        self.options()
            .any(|(found, list)| found == code::PARAMETER_LIST && list.contains(&code))
    }

    /// Option 12, as it came: not always a name, nor even text. Trailing NULs, which some clients count in, are cut off.
    pub fn host_name(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::HOST_NAME).map(without_nul)
    }

    /// Option 12 for the eyes of an operator: what is not UTF-8 is replaced.
    pub fn host_name_lossy(&self) -> Option<String> {
        self.host_name().map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    /// Option 81 (RFC 4702).
    pub fn client_fqdn(&self) -> Field<ClientFqdn<'a>> {
        let (at, value) = self.located(code::CLIENT_FQDN)?;
        if value.len() < 3 {
            return Some(Err(Malformed::new(at, "option 81 is shorter than 3 octets")));
        }
        Some(Ok(ClientFqdn { value }))
    }

    /// Option 60: `PXEClient:Arch:00007:UNDI:003016`, `HTTPClient:…`, `udhcp 1.36.1`, …
    pub fn vendor_class(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::VENDOR_CLASS).map(without_nul)
    }

    /// What a reply says to boot: option 67, else the header's field. Some servers end the option with a NUL, which is cut off.
    pub fn boot_file(&self) -> Option<Cow<'a, [u8]>> {
        let named = self.option(code::BOOT_FILE).map(without_nul);
        named
            .or(Some(Cow::Borrowed(self.file())))
            .filter(|name| !name.is_empty())
    }

    /// Option 43: in the language of the vendor class.
    pub fn vendor_encapsulated(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::VENDOR_ENCAPSULATED)
    }

    /// Option 77.
    pub fn user_class(&self) -> Option<UserClass<'a>> {
        self.option(code::USER_CLASS).map(|value| UserClass { value })
    }

    /// Option 93. RFC 4578 allows several architectures, the one that runs now first.
    pub fn archs(&self) -> Field<Archs<'a>> {
        let (at, value) = self.located(code::CLIENT_ARCH)?;
        let whole = !value.is_empty() && value.len().is_multiple_of(2);
        Some(if whole {
            Ok(Archs { value })
        } else {
            Err(Malformed::new(at, "option 93 is no list of 2-octet codes"))
        })
    }

    /// The first architecture of option 93.
    pub fn arch(&self) -> Field<Arch> {
        Some(self.archs()?.map(|archs| archs.first()))
    }

    /// Option 97. Only identifiers of type 0 are defined.
    pub fn client_uuid(&self) -> Field<ClientUuid> {
        let octets = match self.fixed::<17>(code::CLIENT_UUID, "option 97 is not 17 octets long")? {
            Ok(octets) => octets,
            Err(problem) => return Some(Err(problem)),
        };
        let [0, uuid @ ..] = octets else {
            let at = self.located(code::CLIENT_UUID).map_or(0, |(at, _)| at);
            return Some(Err(Malformed::new(at, "option 97 is of another type than 0")));
        };
        Some(Ok(ClientUuid(uuid)))
    }

    /// Option 82.
    pub fn relay_agent(&self) -> Option<RelayAgent<'a>> {
        self.located(code::RELAY_AGENT)
            .map(|(at, value)| RelayAgent { at, value })
    }

    /// Option 80: the client takes an ACK in answer to its DISCOVER (RFC 4039).
    pub fn rapid_commit(&self) -> bool {
        self.has(code::RAPID_COMMIT)
    }

    /// Option 175: iPXE's own settings and features. Its presence alone tells iPXE.
    pub fn ipxe(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::IPXE)
    }

    /// Whether iPXE asks, be it by its user class or by its option 175: it must get a script, not iPXE once more.
    pub fn is_ipxe(&self) -> bool {
        self.has(code::IPXE) || self.user_class().is_some_and(|class| class.contains(b"iPXE"))
    }
}

fn without_nul(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    fn end(value: &[u8]) -> usize {
        value.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1)
    }
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(&value[..end(value)]),
        Cow::Owned(mut value) => {
            value.truncate(end(&value));
            Cow::Owned(value)
        }
    }
}

/// Option 77, in whichever of the two forms it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserClass<'a> {
    value: Cow<'a, [u8]>,
}

impl UserClass<'_> {
    /// The value as it came.
    pub fn raw(&self) -> &[u8] {
        &self.value
    }

    /// The classes: those of the list (RFC 3004), or the whole value if it is no such list, which is how iPXE sends it.
    pub fn classes(&self) -> impl Iterator<Item = &[u8]> {
        let is_list = self.is_list();
        let mut rest = self.raw();
        std::iter::from_fn(move || {
            if !is_list {
                return Some(std::mem::take(&mut rest)).filter(|whole| !whole.is_empty());
            }
            let (&length, tail) = rest.split_first()?;
            let (class, tail) = tail.split_at_checked(usize::from(length))?;
            rest = tail;
            Some(class)
        })
    }

    /// Whether one of the classes is this.
    pub fn contains(&self, class: &[u8]) -> bool {
        self.classes().any(|known| known == class)
    }

    /// A list has non-empty classes that fill the value exactly.
    fn is_list(&self) -> bool {
        let mut rest = self.raw();
        while let Some((&length @ 1.., tail)) = rest.split_first() {
            match tail.get(usize::from(length)..) {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// The architectures of option 93: one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archs<'a> {
    value: Cow<'a, [u8]>,
}

impl Archs<'_> {
    /// The one that counts.
    pub fn first(&self) -> Arch {
        self.iter().next().expect("an empty list is Malformed")
    }

    /// All, in the client's order.
    pub fn iter(&self) -> impl Iterator<Item = Arch> {
        self.value
            .chunks_exact(2)
            .map(|code| Arch::from_code(u16::from_be_bytes([code[0], code[1]])))
    }
}

/// Option 81: the name a client wants in the DNS, and who shall put it there (RFC 4702).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFqdn<'a> {
    value: Cow<'a, [u8]>,
}

impl ClientFqdn<'_> {
    /// The flags: 1 S, 2 O, 4 E (name in DNS wire form), 8 N.
    pub fn flags(&self) -> u8 {
        self.value[0]
    }

    /// The name as it came, in the form that flag E tells.
    pub fn raw_name(&self) -> &[u8] {
        &self.value[3..]
    }

    /// The name as text, without final dot. `None` if it is said to be in wire form and is not.
    pub fn name(&self) -> Option<String> {
        let mut rest = self.raw_name();
        if self.flags() & 4 == 0 {
            let text = String::from_utf8_lossy(rest);
            return Some(text.trim_end_matches(['\0', '.']).to_owned());
        }
        let mut name = String::new();
        while let [length @ 1..=63, tail @ ..] = rest {
            let (label, tail) = tail.split_at_checked(usize::from(*length))?;
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&String::from_utf8_lossy(label));
            rest = tail;
        }
        // A partial name may lack its final empty label (RFC 4702 section 2.3.1).
        matches!(rest, [] | [0]).then_some(name)
    }
}
