//! What goes into the running system: paths, users, packages, consoles.

use serde_json::{Value as Json, json};

use crate::cluster::{Console, is_secret_name};
use crate::config::read::{Scalar, Wrong};
use crate::config::suggest::did_you_mean;

/// An absolute path.
#[derive(Debug, Clone)]
pub(in crate::config) struct AbsolutePath(pub String);

/// A kernel argument.
#[derive(Debug, Clone)]
pub(in crate::config) struct Argument(pub String);

/// A locale.
#[derive(Debug, Clone)]
pub(in crate::config) struct Locale(pub String);

/// `owner:group`.
#[derive(Debug, Clone)]
pub(in crate::config) struct Owner(pub String);

/// Name of a package, perhaps with a version.
#[derive(Debug, Clone)]
pub(in crate::config) struct Package(pub String);

/// Where a password is.
#[derive(Debug, Clone)]
pub(in crate::config) struct PasswordFrom(pub String);

/// Where a private key or a passphrase is. Not in the store of secrets, which keeps single lines.
#[derive(Debug, Clone)]
pub(in crate::config) struct KeyFrom(pub String);

/// A login name.
#[derive(Debug, Clone)]
pub(in crate::config) struct UserName(pub String);

/// A time zone, with what is odd about it.
#[derive(Debug, Clone)]
pub(in crate::config) struct TimeZone {
    pub name: String,
    /// Why it may not exist; a warning, since the list of zones is the node's, not ours.
    pub doubt: Option<String>,
    pub help: Option<String>,
}

impl Scalar for AbsolutePath {
    const NOUN: &'static str = "an absolute path";
    const EXAMPLE: &'static str = "/etc/motd";
    const CODE: &'static str = "bad-path";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if !text.starts_with('/') {
            return Err(Wrong::because("it does not begin with `/`"));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(Wrong::because("it has `..` in it: write where it leads to"));
        }
        if text.len() < 2 || text.ends_with('/') || text.contains(char::is_control) {
            return Err(Wrong::because("it does not end in the name of a file"));
        }
        Ok(Self(text.to_string()))
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^/.+" })
    }
}

impl Scalar for Argument {
    const NOUN: &'static str = "a kernel argument";
    const EXAMPLE: &'static str = "mitigations=off";
    const CODE: &'static str = "bad-kernel-argument";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains(char::is_control) {
            return Err(Wrong::because("there is a line break or a control character in it")
                .help("make each argument an item of the list"));
        }
        match text.trim() {
            "" => Err(Wrong::because("it is empty")),
            argument => Ok(Self(argument.to_string())),
        }
    }
}

impl Scalar for Locale {
    const NOUN: &'static str = "a locale";
    const EXAMPLE: &'static str = "C.UTF-8";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@');
        match !text.is_empty() && text.chars().all(fits) {
            true => Ok(Self(text.to_string())),
            false => Err(Wrong::default()),
        }
    }
}

impl Scalar for Owner {
    const NOUN: &'static str = "an owner";
    const EXAMPLE: &'static str = "root:root";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (user, group) = text.split_once(':').unwrap_or((text, text));
        let fits = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        match fits(user) && fits(group) {
            true => Ok(Self(format!("{user}:{group}"))),
            false => Err(Wrong::default()),
        }
    }
}

impl Scalar for Package {
    const NOUN: &'static str = "a package";
    const EXAMPLE: &'static str = "htop";
    const CODE: &'static str = "bad-package";

    /// Names of every distribution, with `=version`, `/suite` or `:arch` behind it. Never a leading hyphen: it would be
    /// an option of the package manager.
    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains(char::is_whitespace) {
            return Err(Wrong::because("there is a space in it").help("make each package an item of the list"));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "+-._:=/~@*^".contains(c);
        match text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits) {
            true => Ok(Self(text.to_string())),
            false => Err(Wrong::default()),
        }
    }
}

impl Scalar for PasswordFrom {
    const NOUN: &'static str = "a place where a password is";
    const EXAMPLE: &'static str = "env:BMC_PASSWORD";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let stored = text.strip_prefix("store:").is_some_and(is_secret_name);
        match stored || is_variable_or_file(text) {
            true => Ok(Self(text.to_string())),
            false => Err(Wrong::because("expected `env:NAME`, `file:/path` or `store:NAME`")
                .help("the password itself is not kept in this file")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+|store:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$" })
    }
}

impl Scalar for KeyFrom {
    const NOUN: &'static str = "a place where a key or passphrase is";
    const EXAMPLE: &'static str = "file:/etc/bellwether/id_ed25519";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match is_variable_or_file(text) {
            true => Ok(Self(text.to_string())),
            false => Err(Wrong::because("expected `env:NAME` or `file:/path`").help("it is not kept in this file")),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$" })
    }
}

/// `env:NAME` or `file:/path`.
fn is_variable_or_file(text: &str) -> bool {
    let variable = text.strip_prefix("env:").is_some_and(|name| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    let file = text
        .strip_prefix("file:")
        .is_some_and(|path| path.starts_with('/') && path.len() > 1);
    variable || file
}

/// Accounts and groups that a fresh system has, and a few that its packages make. `useradd` fails on each of them.
const RESERVED: &str = " root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody \
    nogroup messagebus sshd polkitd tcpdump tss uuidd dnsmasq avahi ntp chrony postfix munge slurm adm admin tty disk \
    dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users wheel kvm \
    render input sgx crontab netdev halt shutdown ftp dbus ";

impl Scalar for UserName {
    const NOUN: &'static str = "a user name";
    const EXAMPLE: &'static str = "ada";
    const CODE: &'static str = "bad-user-name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let first = |c: char| c.is_ascii_lowercase() || c == '_';
        let fits = |c: char| first(c) || c.is_ascii_digit() || c == '-';
        if text.len() > 32 || !text.starts_with(first) || !text.chars().all(fits) {
            return Err(Wrong::because(
                "lower-case letters, digits, `_` and `-`, at most 32, beginning with a letter",
            ));
        }
        Ok(Self(text.to_string()))
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z_][a-z0-9_-]{0,31}$" })
    }
}

impl UserName {
    /// Whether the system has an account or a group of that name itself. `_apt` and `systemd-network` are of this kind.
    pub fn is_reserved(&self) -> bool {
        let name = self.0.as_str();
        name.starts_with("systemd-") || name.starts_with('_') || RESERVED.split_whitespace().any(|word| word == name)
    }
}

impl Scalar for Console {
    const NOUN: &'static str = "a serial console";
    const EXAMPLE: &'static str = "ttyS0,115200";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (device, options) = text.split_once(',').unwrap_or((text, "115200"));
        let device = device.strip_prefix("/dev/").unwrap_or(device);
        if !device.starts_with(|c: char| c.is_ascii_lowercase()) || !device.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(Wrong::default());
        }
        // `115200n8` is the kernel's spelling; 8 bits without parity is what everybody has.
        let speed = options.strip_suffix("n8").unwrap_or(options);
        match speed.parse() {
            Ok(speed @ 300..=4_000_000) => Ok(Self {
                device: device.to_string(),
                speed,
            }),
            _ => Err(Wrong::because("expected a speed from 300 to 4000000 behind the comma")),
        }
    }
}

const AREAS: [&str; 11] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
    "Etc",
];

impl Scalar for TimeZone {
    const NOUN: &'static str = "a time zone";
    const EXAMPLE: &'static str = "Europe/Berlin";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        // The name becomes part of a path below /usr/share/zoneinfo.
        if text.is_empty() || !text.chars().all(fits) || text.starts_with('/') || text.ends_with('/') {
            return Err(Wrong::default());
        }
        let (area, city) = text.split_once('/').unwrap_or((text, ""));
        let known = matches!(text, "UTC" | "GMT") || AREAS.contains(&area) && !city.is_empty();
        Ok(Self {
            name: text.to_string(),
            doubt: (!known).then(|| "expected an area and a city, or `UTC`".to_string()),
            help: did_you_mean(area, AREAS).filter(|_| !known && !city.is_empty()),
        })
    }
}
