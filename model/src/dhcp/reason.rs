//! Why a question got its answer. Counters are kept by reason.

/// Why a question got the answer that it got, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The address is the one that the cluster file reserves.
    Reserved,
    /// The machine is no declared node, so it gets an address from the pool.
    Pool,
    /// The node's NIC has no address in the cluster file, so it gets one from the pool.
    NoReservation,
    /// The node's NIC is declared on another network than the one it asks on, so it gets one from the pool.
    DeclaredElsewhere,
    /// The NIC that asks is not among those of the node that it belongs to, so it gets one from the pool.
    NicNotDeclared,
    /// The reserved address was found in use by somebody else, so one from the pool is given meanwhile.
    ReservationInConflict,
    /// Another machine still has a lease on the reserved address, so one from the pool is given meanwhile.
    ReservationHeld,
    /// A running machine keeps the address that it has.
    Kept,
    /// The same request came again; the lease stands already.
    Repeated,
    /// Settings only were asked for.
    Informed,
    /// A boot file only was asked for (ProxyDHCP, boot server).
    BootFileOnly,
    /// The address was given back.
    Released,
    /// The client found its address in use.
    Declined,
    /// The address is being probed first.
    Probing,
    /// The lease is being made durable; its acknowledgement follows.
    Committing,
    /// The client took the offer of another server.
    Elsewhere,
    /// The requested address is not in the network that the client is on.
    WrongNetwork,
    /// The requested address is reserved for, leased or promised to somebody else, or in conflict.
    Taken,
    /// The node has another address reserved.
    OtherReserved,
    /// Nothing is known of a lease on the requested address.
    NoSuchLease,
    /// As before, but there are other servers on the network, one of which may know.
    NotAuthoritative,
    /// The network has no pool and the machine no reserved address.
    NoPool,
    /// Every address of the pool is in use.
    PoolExhausted,
    /// Too many addresses are promised already.
    TooManyOffers,
    /// The message names no address where it must name one.
    NothingRequested,
    /// A lease was given back or declined that the sender does not hold.
    NotHolder,
    /// DHCP is switched off on the network.
    ModeOff,
    /// DHCP only listens on the network.
    Observed,
    /// The network has its own DHCP server, and only boot files are added to it; none was wanted.
    ProxyOnly,
    /// There is no boot file for the machine.
    NoBootFile,
    /// Another DHCP server answers on the network.
    NetworkRefused,
    /// The network is not served (yet).
    NetworkNotServed,
    /// The interface is on no declared network.
    LinkUnknown,
    /// The relay agent is on no declared network.
    RelayUnknown,
    /// The message is the answer of a server.
    NotAQuestion,
    /// The message is BOOTP, without a message type.
    Bootp,
    /// The message type cannot be read, or is none that a server answers.
    NotUnderstood,
    /// The message has no hardware address that could be answered.
    NoHardwareAddress,
}

impl Reason {
    /// All reasons, in the order of their numbers (`reason as usize`).
    pub const ALL: [Self; 38] = [
        Self::Reserved,
        Self::Pool,
        Self::NoReservation,
        Self::DeclaredElsewhere,
        Self::NicNotDeclared,
        Self::ReservationInConflict,
        Self::ReservationHeld,
        Self::Kept,
        Self::Repeated,
        Self::Informed,
        Self::BootFileOnly,
        Self::Released,
        Self::Declined,
        Self::Probing,
        Self::Committing,
        Self::Elsewhere,
        Self::WrongNetwork,
        Self::Taken,
        Self::OtherReserved,
        Self::NoSuchLease,
        Self::NotAuthoritative,
        Self::NoPool,
        Self::PoolExhausted,
        Self::TooManyOffers,
        Self::NothingRequested,
        Self::NotHolder,
        Self::ModeOff,
        Self::Observed,
        Self::ProxyOnly,
        Self::NoBootFile,
        Self::NetworkRefused,
        Self::NetworkNotServed,
        Self::LinkUnknown,
        Self::RelayUnknown,
        Self::NotAQuestion,
        Self::Bootp,
        Self::NotUnderstood,
        Self::NoHardwareAddress,
    ];

    /// The label of its counter.
    pub fn label(self) -> &'static str {
        self.words().0
    }

    /// A sentence for people, without a full stop.
    pub fn text(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Reserved => ("reserved", "the address is reserved for the node"),
            Self::Pool => ("pool", "the machine is no declared node: address from the pool"),
            Self::NoReservation => (
                "no-reservation",
                "the NIC has no address in the cluster file: address from the pool",
            ),
            Self::DeclaredElsewhere => (
                "declared-elsewhere",
                "the NIC is declared on another network: address from the pool; is the cable in the right port?",
            ),
            Self::NicNotDeclared => (
                "nic-not-declared",
                "the NIC is not declared for the node that it belongs to: address from the pool",
            ),
            Self::ReservationInConflict => (
                "reservation-in-conflict",
                "the reserved address is in use by a machine without a lease",
            ),
            Self::ReservationHeld => (
                "reservation-held",
                "the reserved address is leased to another machine until its lease ends",
            ),
            Self::Kept => ("kept", "the machine keeps the address that it has"),
            Self::Repeated => ("repeated", "the request was answered a moment ago"),
            Self::Informed => ("informed", "settings only were asked for"),
            Self::BootFileOnly => ("boot-file-only", "a boot file only was asked for"),
            Self::Released => ("released", "the address was given back"),
            Self::Declined => ("declined", "the client found the address in use"),
            Self::Probing => ("probing", "the address is being probed"),
            Self::Committing => ("committing", "the lease is being written down"),
            Self::Elsewhere => ("elsewhere", "the client took the offer of another server"),
            Self::WrongNetwork => (
                "wrong-network",
                "the address is not in the network that the client is on",
            ),
            Self::Taken => ("taken", "the address belongs to another machine"),
            Self::OtherReserved => ("other-reserved", "the node has another address reserved"),
            Self::NoSuchLease => ("no-such-lease", "there is no such lease"),
            Self::NotAuthoritative => (
                "not-authoritative",
                "there is no such lease here, but another server may have it",
            ),
            Self::NoPool => (
                "no-pool",
                "the network has no pool, and no address is reserved for the machine",
            ),
            Self::PoolExhausted => ("pool-exhausted", "every address of the pool is in use"),
            Self::TooManyOffers => ("too-many-offers", "too many addresses are promised already"),
            Self::NothingRequested => ("nothing-requested", "the message names no address"),
            Self::NotHolder => ("not-holder", "the sender does not hold the address"),
            Self::ModeOff => ("mode-off", "DHCP is off on the network"),
            Self::Observed => ("observed", "DHCP only observes the network"),
            Self::ProxyOnly => ("proxy-only", "addresses come from another server (ProxyDHCP)"),
            Self::NoBootFile => ("no-boot-file", "there is no boot file for the machine"),
            Self::NetworkRefused => ("network-refused", "another DHCP server answers on the network"),
            Self::NetworkNotServed => ("network-not-served", "the network is not served yet"),
            Self::LinkUnknown => ("link-unknown", "the interface is on no declared network"),
            Self::RelayUnknown => ("relay-unknown", "the relay agent is on no declared network"),
            Self::NotAQuestion => ("not-a-question", "the message is the answer of a server"),
            Self::Bootp => ("bootp", "BOOTP without DHCP is not answered"),
            Self::NotUnderstood => ("not-understood", "the message type is none that a server answers"),
            Self::NoHardwareAddress => ("no-hardware-address", "the message has no usable hardware address"),
        }
    }
}
