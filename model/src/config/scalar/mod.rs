//! The kinds of single values: how each is read, checked and described.

mod address;
mod bmc;
mod cache;
mod console;
mod install;
mod key;
mod listen;
mod name;
mod number;
mod ready;
mod recorder;
mod system;
mod word;

pub(super) use address::{ClientId, PackageSourceUri, Uuid, address_fault};
pub(super) use bmc::{BmcPort, BmcPrivilege, BmcProtocol, BmcQuirk, CipherSuite};
pub(super) use cache::{RepositoryHost, RepositoryUrl, Seconds};
pub(super) use console::{ConsoleWay, Keys};
pub(super) use install::{Attempts, Keyboard, PasswordHash, Size, SwapSize};
pub(super) use key::PublicKey;
pub(super) use listen::{Listen, Peers};
pub(super) use name::{DnsName, HostName, Interface, Name, node_name_fault};
pub(super) use number::{Flag, Lease, Mode, Mtu, Patience, Port, UserId};
pub(super) use ready::{KnownStep, Within};
pub(super) use recorder::RecorderSize;
pub(super) use system::{AbsolutePath, Argument, KeyFrom, Locale, Owner, Package, PasswordFrom, TimeZone, UserName};
pub(super) use word::{Text, Word};
