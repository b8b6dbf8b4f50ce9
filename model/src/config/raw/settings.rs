//! Settings as they are written.

use super::{Disk, Layout, Step};
use crate::cluster::{AfterInstall, BootTarget, Console, LoaderChoice, ReadyWhen, Via};
use crate::config::read::Many;
use crate::config::scalar::{
    AbsolutePath, Argument, Attempts, Flag, KeyFrom, Keyboard, Locale, Mode, Name, Owner, Package, PackageSourceUri,
    PasswordHash, PublicKey, Text, TimeZone, UserId, UserName, Word,
};
use crate::config::section::declare_section;
use crate::config::span::At;

declare_section! {
    /// Settings. They may stand in the defaults, in a profile, in a group and in a node; that is also their order: each
    /// layer wins over those before it. Of single values the winner counts; lists are joined, lowest layer first,
    /// without repetition; of users with one name and of files with one path the winner counts.
    struct Settings as "settings" {
        /// What the node gets when it asks to boot. `local` (the default): its own disk. `image`: an image over the
        /// network, nothing is kept. `maintenance`: the maintenance image, which waits for a login. `shell`: the boot
        /// loader's shell.
        boot: Option<At<BootTarget>>,
        /// Image that `boot: image` boots, or that `via: image` writes to the disk. Example: `debian-12`.
        image: Option<At<Name>>,
        /// How the operating system comes to run. `network` (the default): over the network at every boot, the disk is left
        /// alone. `installer`: the distribution's own installer puts it on the disk. `image`: an image is written to the disk.
        /// Nothing is ever written to a disk before `bellwether deploy`.
        via: Option<At<Via>>,
        /// Medium that `via: installer` installs from. Example: `debian-12`.
        medium: Option<At<Name>>,
        /// Disk that is installed to. Without it the first one.
        disk: Option<Disk>,
        /// How that disk is divided. Without it one partition.
        layout: Option<Layout>,
        /// Keyboard layout of XKB. Default `us`.
        keyboard: Option<At<Keyboard>>,
        /// Hash of root's password, as `mkpasswd -m yescrypt` makes it. Without it root has no password and logs in by key.
        root_password_hash: Option<At<PasswordHash>>,
        /// Base URL of the package mirror that is installed from. Without it this server's package cache.
        mirror: Option<At<PackageSourceUri>>,
        /// Whether firmware that is not free software may be installed. Default `true`: few network cards start without.
        firmware: Option<At<Flag>>,
        /// What a node does when its disk has its system: `reboot` (the default) or `poweroff`.
        after_install: Option<At<AfterInstall>>,
        /// What tells that an installed node is ready. `callback` (the default): it says so, as systems do that get their
        /// settings from cloud-init. `ssh`: root can log in with `ssh_key_from`. `port:22`: it takes connections at that TCP
        /// port.
        ready_when: Option<At<ReadyWhen>>,
        /// What is done on an installed node by SSH once it is ready, in this order; the deployment ends after it. Needs
        /// `ssh_key_from`. Example: `[{ step: cloud-init }, { run: "systemctl is-active slurmd", within: 5m }, { step: reboot }]`.
        after_ready: Vec<Step>,
        /// Where the private key is that logs in on installed nodes as root, on this server: `env:NAME` or `file:/path`. Its
        /// public half belongs into `ssh_keys`, or into the image. Ed25519 or ECDSA, without a passphrase.
        ssh_key_from: Option<At<KeyFrom>>,
        /// How often an installation is tried before the node is parked, 1 to 10. Default 3.
        attempts: Option<At<Attempts>>,
        /// Network boot loader for UEFI. `auto` (the default): `snponly.efi`, or `ipxe.efi` for HTTP boot, and what is
        /// signed for a firmware that does not start those. `ipxe`: always iPXE's own network drivers. `snponly`: always
        /// the firmware's. `grub`: the distribution's signed shim and GRUB. `ipxe-shim`: iPXE's own signed shim.
        loader: Option<At<LoaderChoice>>,
        /// Serial console and its speed in bits per second. Example: `ttyS0,115200`.
        console: Option<At<Console>>,
        /// Time zone. Example: `Europe/Berlin`.
        timezone: Option<At<TimeZone>>,
        /// Locale. Example: `C.UTF-8`.
        locale: Option<At<Locale>>,
        /// Time servers for the running system, names or addresses.
        ntp: Many<At<Word>>,
        /// Kernel arguments, appended in this order.
        kernel_args: Many<At<Argument>>,
        /// Packages to install at first boot.
        packages: Many<At<Package>>,
        /// Package sources beside those of the image.
        package_sources: Vec<PackageSource>,
        /// Public keys that may log in as root.
        ssh_keys: Many<At<PublicKey>>,
        /// User accounts.
        users: Vec<User>,
        /// Files to write.
        files: Vec<File>,
        /// Shell commands, run in this order as root once everything else is set.
        commands: Many<At<Text>>,
    }
}

declare_section! {
    /// A user account.
    struct User as "a user" {
        /// Login name: lower-case letters, digits, `_` and `-`, at most 32, not one that the system uses itself.
        name: Option<At<UserName>> = required,
        /// Full name.
        gecos: Option<At<Text>>,
        /// Public keys that may log in.
        ssh_keys: Many<At<PublicKey>>,
        /// Hash of the password, as `mkpasswd -m yescrypt` makes it. Without it the user logs in by key only. It goes to the
        /// node over plain HTTP, as everything that a booting machine asks for: choose a password worth that.
        password_hash: Option<At<PasswordHash>>,
        /// May become root without a password. Default `false`.
        sudo: Option<At<Flag>>,
        /// Further groups of the system that the user is in.
        groups: Many<At<Word>>,
        /// Login shell. Default `/bin/bash`.
        shell: Option<At<AbsolutePath>>,
        /// Numeric user id, 1000 to 60000. Without it the system chooses.
        uid: Option<At<UserId>>,
    }
}

declare_section! {
    /// A file on the node.
    struct File as "a file" {
        /// Absolute path.
        path: Option<At<AbsolutePath>> = required,
        /// Content, written as it is. `content: |` begins a text of several lines.
        content: Option<At<Text>> = required,
        /// Mode, octal as `chmod` takes it, with or without a leading zero or quotes. Default `0644`.
        mode: Option<At<Mode>>,
        /// Owner and group. Default `root:root`; a name alone stands for both.
        owner: Option<At<Owner>>,
    }
}

declare_section! {
    /// An apt repository.
    struct PackageSource as "a package source" {
        /// Name of its file below `/etc/apt/sources.list.d`, without an ending.
        name: Option<At<Name>> = required,
        /// Base URL. Example: `http://mirror.example/debian`.
        uri: Option<At<PackageSourceUri>> = required,
        /// Suites. Example: `bookworm`.
        suites: Many<At<Word>> = required,
        /// Components. Default `main`.
        components: Many<At<Word>>,
        /// Path of the keyring on the node, or an ASCII-armoured key.
        signed_by: Option<At<Text>>,
    }
}
