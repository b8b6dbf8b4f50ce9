//! Nodes, groups and the defaults as they are written.

use std::net::{IpAddr, Ipv4Addr};

use super::{ConsoleSsh, Settings};
use crate::cluster::Architecture;
use crate::config::read::Many;
use crate::config::scalar::{
    BmcPort, BmcPrivilege, BmcProtocol, BmcQuirk, CipherSuite, ClientId, ConsoleWay, Interface, Name, PasswordFrom,
    Text, Uuid,
};
use crate::config::section::declare_section;
use crate::config::series::Spec;
use crate::config::span::At;
use crate::nodeset::NodeSet;
use wire::Mac;

declare_section! {
    /// Settings of all nodes, the lowest layer.
    struct Defaults as "the defaults" {
        /// Profile of nodes that neither name one themselves nor get one from a group.
        profile: Option<At<Name>>,
        /// How the nodes' BMCs are got at.
        bmc: Option<BmcAccess>,
        /// How consoles are got at by SSH.
        console_ssh: Option<ConsoleSsh>,
    } with settings: Settings
}

declare_section! {
    /// A group of nodes. Every key may be left out: a group may be just a name.
    struct Group as "a group" {
        /// Nodes in the group, beside those that name the group themselves. Example: `nid[001-400,900]`.
        members: Option<At<NodeSet>>,
        /// Profile of the group's nodes that do not name one themselves.
        profile: Option<At<Name>>,
    } with settings: Settings
}

declare_section! {
    /// A node, or a range of nodes that are alike.
    ///
    /// Where the name is a range (`nid[001-009]`), a value that differs from node to node is a list with one item per
    /// node, or the first value with a `+` behind it, which counts up from node to node. An address may have a range in
    /// brackets instead: `10.77.0.[11-19]`.
    struct Node as "a node" {
        /// Hardware address of the node's only interface. Examples: `52:54:00:00:00:01`; for a range
        /// `52:54:00:00:00:01+` or a list.
        mac: Many<At<Spec<Mac>>>,
        /// Address of the node's only interface. Examples: `10.77.0.11`; for a range `10.77.0.11+` or `10.77.0.[11-19]`.
        address: Many<At<Spec<Ipv4Addr>>>,
        /// Network of the node's only interface. Without it the one that the address lies in.
        network: Option<At<Name>>,
        /// Interfaces, for a node with more than one; instead of `mac`, `address` and `network`. The first one with an
        /// address is the primary one.
        nics: Vec<Nic>,
        /// Baseboard management controller.
        bmc: Option<Bmc>,
        /// How its serial console is got at. Through its BMC: `sol` (by IPMI), or by SSH as the make has it, `idrac` (Dell),
        /// `xcc` (Lenovo), `ilo` (HPE), `openbmc`, `ssh` (any other). Elsewhere: `unix:/path`, and on a terminal server
        /// `telnet:host:port`, `tcp:host:port` or `ssh:host:port`. Not at all: `off`. Default `sol` for nodes whose BMC speaks IPMI, else `off`.
        console_via: Option<At<ConsoleWay>>,
        /// How its console is got at by SSH.
        console_ssh: Option<ConsoleSsh>,
        /// Groups in the order in which their settings apply: later ones win.
        groups: Many<At<Name>>,
        /// What the node should run.
        profile: Option<At<Name>>,
        /// Processor architecture, `amd64` or `arm64`. Default `amd64`.
        architecture: Option<At<Architecture>>,
        /// SMBIOS UUID: recognises the machine when its interface is not known.
        uuid: Many<At<Uuid>>,
        /// SMBIOS serial number: recognises the machine when its interface is not known.
        serial: Many<At<Text>>,
        /// DHCP client identifier in hexadecimal, type byte first: recognises machines whose firmware sends one.
        /// Example: `01:52:54:00:00:00:01`.
        client_id: Many<At<ClientId>>,
    } with settings: Settings
}

declare_section! {
    /// A network interface.
    struct Nic as "an interface" {
        /// Name of the interface in the running system. Example: `enp1s0`.
        name: Option<At<Interface>>,
        /// Hardware address.
        mac: Many<At<Spec<Mac>>>,
        /// Network that it is plugged into. Without it the one that the address lies in.
        network: Option<At<Name>>,
        /// Address reserved for it. Without it the interface gets one from the network's pool.
        address: Many<At<Spec<Ipv4Addr>>>,
    }
}

declare_section! {
    /// A baseboard management controller. Its password is never in the cluster file.
    struct Bmc as "a BMC" {
        /// Address of the controller. For a range `10.78.0.11+` or `10.78.0.[11-19]`.
        address: Many<At<Spec<IpAddr>>> = required,
        /// Hardware address of the controller's own interface.
        mac: Many<At<Spec<Mac>>>,
    } with access: BmcAccess
}

declare_section! {
    /// How BMCs are got at. Under `defaults`: those of all nodes; what a node's own `bmc` says comes first.
    struct BmcAccess as "the defaults of BMCs" {
        /// Protocol, `ipmi` or `redfish`. Default `ipmi`.
        protocol: Option<At<BmcProtocol>>,
        /// Port. Default 623 for IPMI, 443 for Redfish.
        port: Option<At<BmcPort>>,
        /// Login name.
        user: Option<At<Text>>,
        /// Where the password is, where the server runs: `env:NAME`, `file:/path`, or `store:NAME` for one that
        /// `bellwether secret set NAME` put there.
        password_from: Option<At<PasswordFrom>>,
        /// Where the controller's own key K_g is, for IPMI BMCs that have one: as `password_from`.
        kg_from: Option<At<PasswordFrom>>,
        /// Cipher suites of IPMI to try, in their order. Default `[17, 3]`.
        cipher_suites: Many<At<CipherSuite>>,
        /// Privilege that is asked for in IPMI: `administrator`, `operator` or `user`. Default `administrator`.
        privilege: Option<At<BmcPrivilege>>,
        /// What is special about these BMCs: `opensesspriv`, `nocycle`, `nobootcheck`, `basicauth`.
        quirks: Many<At<BmcQuirk>>,
    }
}
