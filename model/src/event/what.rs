//! Everything that can happen, with what is kept of it.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::Mac;

use super::{DhcpAsk, Notable, Seq, Transfer};
use crate::cluster::{NodeStep, ReadyWhen, Via};
use crate::deployment::{Ending, Foreign};

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body")]
pub enum What {
    /// The server started.
    #[serde(rename = "server.started")]
    ServerStarted {
        /// Version of the program.
        version: String,
    },
    /// The server was asked to stop and did.
    #[serde(rename = "server.stopped")]
    ServerStopped {},
    /// A cluster file took effect.
    #[serde(rename = "cluster.applied")]
    ClusterApplied {
        /// SHA-256 of the text, hexadecimal.
        digest: String,
        /// Number of nodes in it.
        nodes: u64,
        /// The whole text, so that the world can be rebuilt from the journal alone.
        text: String,
    },
    /// A network is being served.
    #[serde(rename = "network.served")]
    NetworkServed {
        /// Interface of this host.
        interface: String,
        /// This host's address on it, which nodes are given.
        address: Ipv4Addr,
        /// Port of the HTTP door there.
        #[serde(default = "http_port")]
        http_port: u16,
    },
    /// A network is not served, since another DHCP server was heard there.
    #[serde(rename = "network.refused")]
    NetworkRefused {
        /// Address of the server that was heard, its server identifier.
        server: Ipv4Addr,
        /// Interface on which it was heard.
        interface: String,
    },
    /// A network cannot be served now: no interface has an address in it.
    #[serde(rename = "network.absent")]
    NetworkAbsent {
        /// Why.
        why: String,
    },
    /// A DISCOVER was answered with an OFFER.
    #[serde(rename = "dhcp.offered")]
    DhcpOffered {
        /// The question.
        ask: DhcpAsk,
        /// Address offered; `None` from ProxyDHCP, which offers a boot file only.
        address: Option<Ipv4Addr>,
        /// Boot file named in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot_file: Option<String>,
    },
    /// A question was left without an answer.
    #[serde(rename = "dhcp.ignored")]
    DhcpIgnored {
        /// The question.
        ask: DhcpAsk,
        /// Why.
        why: String,
    },
    /// A lease was given or renewed; it is durable before the client hears of it.
    #[serde(rename = "dhcp.leased")]
    DhcpLeased {
        /// The question.
        ask: DhcpAsk,
        /// The address.
        address: Ipv4Addr,
        /// When the lease ends.
        until: Timestamp,
        /// Boot file named in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot_file: Option<String>,
        /// Whether the address is reserved in the cluster file (else it is from the pool).
        #[serde(default)]
        reserved: bool,
    },
    /// A client took the offer of another server.
    #[serde(rename = "dhcp.elsewhere")]
    DhcpElsewhere {
        /// The question.
        ask: DhcpAsk,
        /// Server identifier that it named.
        server: Ipv4Addr,
        /// Address that it took there, where that server is meant to give addresses (ProxyDHCP).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<Ipv4Addr>,
    },
    /// A request was refused (DHCPNAK).
    #[serde(rename = "dhcp.refused")]
    DhcpRefused {
        /// The question.
        ask: DhcpAsk,
        /// Why.
        why: String,
    },
    /// A client asked for settings only (DHCPINFORM, or a ProxyDHCP/boot server request) and got them.
    #[serde(rename = "dhcp.informed")]
    DhcpInformed {
        /// The question.
        ask: DhcpAsk,
        /// Boot file named in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot_file: Option<String>,
    },
    /// A client gave its address back.
    #[serde(rename = "dhcp.released")]
    DhcpReleased {
        /// The address.
        address: Ipv4Addr,
        /// Its holder.
        mac: Mac,
    },
    /// An address is in use by somebody who has no lease: found by a client (DHCPDECLINE) or by our probe. It is not
    /// offered until then.
    #[serde(rename = "dhcp.conflict")]
    DhcpConflict {
        /// The address.
        address: Ipv4Addr,
        /// Who said so: the declining client, or the MAC that answered the probe.
        mac: Option<Mac>,
        /// From when it may be offered again.
        until: Timestamp,
        /// `declined` or `probe`.
        found_by: String,
    },
    /// A file went over TFTP or HTTP, or was not to be had.
    #[serde(rename = "transfer")]
    Transfer(Transfer),
    /// A loader asked for its script.
    #[serde(rename = "script.served")]
    ScriptServed {
        /// Boot target that the script carries out.
        target: String,
        /// Image of the script.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<String>,
        /// By what the machine was recognised: `name`, `mac`, `uuid`, `serial`, `hostname`, `address`, `nothing`.
        identified_by: String,
        /// Address that asked.
        client: std::net::IpAddr,
        /// MAC of the NIC that booted, where the loader said it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mac: Option<Mac>,
        /// The deployment that an installing script belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<Seq>,
    },
    /// Settings were fetched by the node (cloud-init and the like).
    #[serde(rename = "answers.served")]
    AnswersServed {
        /// `meta-data`, `user-data`, `vendor-data`, `network-config`.
        document: String,
        /// Length in bytes.
        bytes: u64,
    },
    /// The node called back with its boot's token.
    #[serde(rename = "hook.called")]
    HookCalled {
        /// `ready`, `failed`, `progress`; of an installer also `started`, `installed`.
        hook: String,
        /// What it said, shortened to 4,096 bytes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
        /// Host keys that the node reported.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        host_keys: Vec<String>,
        /// The deployment whose token it was; `None`: the token of a boot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<Seq>,
    },
    /// Somebody called back with a token that is not this boot's; nothing changed.
    #[serde(rename = "hook.refused")]
    HookRefused {
        /// The hook.
        hook: String,
        /// Address that called.
        client: std::net::IpAddr,
        /// Why.
        why: String,
    },
    /// A person chose what the node gets when it next asks; `None` takes the choice back.
    #[serde(rename = "target.set")]
    TargetSet {
        /// Boot target.
        target: Option<String>,
        /// For one boot only.
        once: bool,
    },
    /// A deployment was armed: the node may install. Its number is the position of this event.
    #[serde(rename = "deployment.armed")]
    DeploymentArmed {
        /// How the system comes to the disk.
        via: Via,
        /// The medium or the image.
        source: String,
        /// The profile, where another one than the declared was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
        /// Which disk is taken and how it is divided, in words.
        onto: String,
        /// No attempt begins after this.
        expires: Timestamp,
        /// How many attempts may begin.
        attempts: u32,
        /// A person switches the machine, although it has a BMC.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hand: bool,
        /// After so many seconds without a sign of life the machine is restarted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        frozen_seconds: Option<u32>,
        /// What tells that the installed node is ready.
        #[serde(default, skip_serializing_if = "is_default")]
        ready_when: ReadyWhen,
        /// What is done on it then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after_ready: Vec<NodeStep>,
        /// What a face armed it for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        foreign: Option<Foreign>,
    },
    /// An installed node was found to be ready, without having said so.
    #[serde(rename = "deployment.ready")]
    ReadySeen {
        /// Of which deployment.
        deployment: Seq,
        /// What was seen: `TCP port 22 of 10.77.0.11 takes connections`.
        how: String,
    },
    /// A step on a node that is ready begins.
    #[serde(rename = "deployment.step")]
    StepBegan {
        /// Of which deployment.
        deployment: Seq,
        /// Which, from 0.
        step: u32,
        /// What is done, in words.
        what: String,
        /// Before a restart: which boot of its kernel the node is in, by the kernel's own identifier.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        boot: Option<String>,
    },
    /// A step on a node that is ready ended.
    #[serde(rename = "deployment.step-ended")]
    StepEnded {
        /// Of which deployment.
        deployment: Seq,
        /// Which, from 0.
        step: u32,
        /// What was done, in words.
        what: String,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        /// The first and the last lines of its output.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        said: String,
    },
    /// The system that a face had a node booted with answers: the node runs from its disk from now on.
    #[serde(rename = "system.answered")]
    SystemAnswered {
        /// The deployment.
        deployment: Seq,
        /// Where, `10.0.0.1:22`.
        place: String,
    },
    /// A deployment ended.
    #[serde(rename = "deployment.ended")]
    DeploymentEnded {
        /// Which.
        deployment: Seq,
        /// How.
        ending: Ending,
        /// Why, in a sentence.
        why: String,
    },
    /// An installer said something notable in its log.
    #[serde(rename = "installer.said")]
    InstallerSaid {
        /// What kind of line it is.
        notable: Notable,
        /// The line, shortened to 1,024 bytes.
        line: String,
    },
    /// An image is there, new or changed.
    #[serde(rename = "image.added")]
    ImageAdded(crate::world::Image),
    /// An image of a whole disk is there, new or changed.
    #[serde(rename = "image.disk_added")]
    DiskImageAdded(crate::world::DiskImage),
    /// The system that writes images to disks is there, new or changed.
    #[serde(rename = "image.agent_added")]
    AgentAdded(crate::world::Agent),
    /// An image is gone.
    #[serde(rename = "image.removed")]
    ImageRemoved {},
    /// A medium is there, new or changed.
    #[serde(rename = "medium.added")]
    MediumAdded(crate::world::Medium),
    /// A medium is gone.
    #[serde(rename = "medium.removed")]
    MediumRemoved {},
    /// The boot loaders that can be had are these, of those that firmware is ever given.
    #[serde(rename = "loaders.found")]
    LoadersFound {
        /// Their names, in the order of the alphabet.
        files: Vec<String>,
    },
    /// An upstream of the package cache makes trouble; told of once in five minutes at most.
    #[serde(rename = "cache.trouble")]
    CacheTrouble {
        /// Scheme and host, `http://mirror.example`.
        upstream: String,
        /// What it did, in a sentence.
        why: String,
        /// Troubles since the last such event, this one included.
        times: u64,
    },
    /// An upstream of the package cache works again.
    #[serde(rename = "cache.recovered")]
    CacheRecovered {
        /// Scheme and host.
        upstream: String,
    },
    /// A machine was switched on or off by us (the lab, a BMC).
    #[serde(rename = "power")]
    Power {
        /// `on`, `off`, `reset`.
        action: String,
    },
    /// What a machine boots next was set at its BMC.
    #[serde(rename = "bmc.boot")]
    BmcBoot {
        /// `pxe`, `disk`, `cdrom`, `bios`, or `default`: its firmware's own order.
        device: String,
        /// For every boot to come, else for the next alone.
        persistent: bool,
        /// UEFI, else as the old BIOS did.
        uefi: bool,
    },
    /// A BMC did not do what it was asked.
    #[serde(rename = "bmc.failed")]
    BmcFailed {
        /// What it was asked: `power on`.
        order: String,
        /// What it said, or did not.
        why: String,
        /// It was not reached, or did not let us in: nothing else that it is asked goes better.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        outside: bool,
    },
    /// The certificate that a BMC shows; no other is taken from it from now on.
    #[serde(rename = "bmc.trusted")]
    BmcTrusted {
        /// SHA-256 of the certificate, in hexadecimal.
        sha256: String,
    },
    /// The host key that an SSH server of a node shows; no other is taken from it from now on.
    #[serde(rename = "ssh.trusted")]
    SshTrusted {
        /// Whose: of the deployment in which the node's own server was seen first; `None`: of the server of its console.
        #[serde(default)]
        deployment: Option<Seq>,
        /// Where it was seen, `host:port`.
        place: String,
        /// Its algorithm, `ssh-ed25519`.
        algorithm: String,
        /// Its fingerprint as `ssh-keygen -l` shows it, `SHA256:…`.
        fingerprint: String,
    },
    /// A secret was put into the store.
    #[serde(rename = "secret.kept")]
    SecretKept {
        /// Its name.
        name: String,
    },
    /// A secret was removed from the store.
    #[serde(rename = "secret.removed")]
    SecretRemoved {
        /// Its name.
        name: String,
    },
    /// A line on a machine's console that matters.
    #[serde(rename = "console.said")]
    ConsoleSaid {
        /// The rule that knows it: a name of [`crate::console::RULES`].
        rule: String,
        /// `bad`, `note` or `good`.
        weight: String,
        /// The line.
        line: String,
    },
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn http_port() -> u16 {
    80
}
