//! The values that the installer's documents are made of, each checked for the place where it will stand.

use serde_json::{Value, json};

use super::{Blocked, Installation, codename, disk, quote};
use crate::cluster::{AfterInstall, Settings, UserAccount};
use crate::world::Medium;

/// What every installed system has: a way in, its settings at the first start, certificates, Debian's own confinement of
/// services.
const PACKAGES: [&str; 6] = [
    "openssh-server",
    "cloud-init",
    "ca-certificates",
    "apparmor",
    "curl",
    "sudo",
];

/// Where notes are kept while the installer runs.
const NOTES: &str = "/var/run/bellwether";

pub(super) fn answers(installation: &Installation, name: &str, medium: &Medium) -> Result<Value, Blocked> {
    let Installation { node, site, token, .. } = *installation;
    let cluster = &*installation.world.cluster;
    let settings = &*node.settings;
    let suite = codename(&medium.os).ok_or_else(|| Blocked::UnknownSystem {
        name: name.to_string(),
        os: medium.os.clone(),
    })?;
    let layout = settings
        .layout
        .as_ref()
        .map(|layout| layout.value.clone())
        .unwrap_or_default();
    let rule = settings
        .disk
        .as_ref()
        .map(|rule| rule.value.clone())
        .unwrap_or_default();
    let host = site.base();
    let host = host.trim_start_matches("http://");
    let locale = locale(settings);
    let firmware = settings.firmware.as_ref().is_none_or(|firmware| firmware.value);
    let mirror = mirror(settings, host)?;
    let value = |what: &str, value: &str| {
        quote::preseed(value)
            .map(str::to_string)
            .map_err(|why| Blocked::Unsayable {
                what: what.to_string(),
                why,
            })
    };
    let first_ntp = settings.ntp.first().map(|ntp| value("ntp", &ntp.value)).transpose()?;
    Ok(json!({
        "node": value("the node's name", &node.name)?,
        "domain": value("domain", &cluster.domain)?,
        "os": medium.os,
        "suite": suite,
        "udeb_suite": medium.udeb_suite.as_deref().map(|suite| value("udeb-suite", suite)).transpose()?,
        "server": host,
        "base": format!("{}/install/{}/{token}", site.base(), node.name),
        "hook": format!("{}/boot/hook/{}/{token}", site.base(), node.name),
        "cloud_init": format!("{}/cloud-init/{}/{token}", site.base(), node.name),
        "notes": NOTES,
        "language": locale.language,
        "country": locale.country,
        "locale": value("locale", &locale.name)?,
        "keymap": value("keyboard", keymap(settings))?,
        "timezone": value("timezone", settings.timezone.as_ref().map_or("Etc/UTC", |zone| &zone.value))?,
        "ntp": first_ntp,
        "firmware": firmware.to_string(),
        "mirror": { "protocol": mirror.protocol, "host": mirror.host, "directory": mirror.directory },
        "security_host": mirror.security_host,
        "packages": packages(settings),
        "root_password": settings.root_password_hash.as_ref().map_or("*", |hash| &hash.value),
        "root_keys": keys(settings.ssh_keys.iter().map(|key| &key.value))?,
        "users": settings.users.iter().map(|user| account(&user.value)).collect::<Result<Vec<_>, _>>()?,
        "method": disk::method(&layout),
        "recipe": disk::recipe(&layout),
        "layout": layout.to_string(),
        "disk": value("disk", &rule.to_string())?,
        "rule": {
            "path": rule.path.as_deref().unwrap_or_default(),
            "model": rule.model.as_deref().unwrap_or_default(),
            "serial": rule.serial.as_deref().unwrap_or_default(),
            "min_size": rule.min_size.unwrap_or(0),
            "max_size": rule.max_size.unwrap_or(0),
            "pick": rule.pick.as_str(),
            "needed": disk::needed(&layout),
        },
        // LVM knows `-` in names, but doubles it in device names.
        "volume_group": node.name.replace('-', "_"),
        "poweroff": settings.after_install.as_ref().is_some_and(|after| after.value == AfterInstall::Poweroff),
    }))
}

/// A locale with the language and country that the installer asks for beside it.
pub(super) struct Locale {
    pub name: String,
    pub language: String,
    pub country: String,
}

/// What is not said is as on Debian's own images: messages in English, no habits of any country.
pub(super) fn locale(settings: &Settings) -> Locale {
    let name = settings.locale.as_ref().map_or("C.UTF-8", |locale| &locale.value);
    let plain = name.split(['.', '@']).next().unwrap_or(name);
    let (language, country) = match plain.split_once('_') {
        Some((language, country)) if !language.is_empty() && !country.is_empty() => (language, country),
        _ => ("en", "US"),
    };
    Locale {
        name: name.to_string(),
        language: language.to_string(),
        country: country.to_string(),
    }
}

/// The installer's keymaps have XKB's names, but for one that everybody says otherwise.
pub(super) fn keymap(settings: &Settings) -> &str {
    match settings.keyboard.as_ref().map_or("us", |keyboard| &keyboard.value) {
        "uk" => "gb",
        other => other,
    }
}

struct Mirror {
    protocol: &'static str,
    host: String,
    directory: String,
    security_host: String,
}

/// The mirror as the installer wants it: protocol, host with port, directory. Security updates are fetched from
/// `/debian-security` of the same host over HTTP; a mirror with TLS leaves them to our cache.
fn mirror(settings: &Settings, ours: &str) -> Result<Mirror, Blocked> {
    let Some(mirror) = &settings.mirror else {
        return Ok(Mirror {
            protocol: "http",
            host: ours.to_string(),
            directory: "/debian".to_string(),
            security_host: ours.to_string(),
        });
    };
    let url = mirror.value.trim_end_matches('/');
    let (protocol, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => ("http", rest),
        (None, Some(rest)) => ("https", rest),
        (None, None) => {
            return Err(Blocked::CommandLine(format!(
                "the mirror {url} is reached neither by http nor by https"
            )));
        }
    };
    let (host, directory) = rest.split_once('/').unwrap_or((rest, ""));
    let checked = |text: &str| {
        quote::preseed(text)
            .map(str::to_string)
            .map_err(|why| Blocked::Unsayable {
                what: "mirror".to_string(),
                why,
            })
    };
    Ok(Mirror {
        protocol,
        host: checked(host)?,
        directory: checked(&format!("/{directory}"))?,
        security_host: if protocol == "http" {
            checked(host)?
        } else {
            ours.to_string()
        },
    })
}

/// Packages for the installer. Those of a node with package sources of its own may be from there: its first start
/// installs them, once it has the sources.
fn packages(settings: &Settings) -> String {
    let own = settings.packages.iter().filter(|_| settings.package_sources.is_empty());
    let mut all: Vec<&str> = PACKAGES.to_vec();
    for package in own {
        if !all.contains(&package.value.as_str()) {
            all.push(&package.value);
        }
    }
    all.join(" ")
}

fn account(user: &UserAccount) -> Result<Value, Blocked> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if user.name.is_empty() || !user.name.chars().all(word) {
        return Err(Blocked::Unsayable {
            what: format!("the user {:?}", user.name),
            why: quote::Unsayable::Name,
        });
    }
    // A group of the user's own name comes with the account.
    let groups: Vec<&String> = user.groups.iter().filter(|group| **group != user.name).collect();
    Ok(json!({
        "name": user.name,
        // A colon would end the field in /etc/passwd; useradd refuses it and more.
        "gecos": user.gecos.as_ref().map(|text| text.replace(|c: char| c == ':' || c.is_control(), " ")),
        "shell": user.shell,
        "uid": user.uid,
        "groups": groups,
        "sudo": user.sudo,
        "password_hash": user.password_hash,
        "ssh_keys": keys(user.ssh_keys.iter())?,
    }))
}

/// Keys stand in the lines of a here-document, one to a line.
fn keys<'a>(keys: impl Iterator<Item = &'a String>) -> Result<Vec<&'a str>, Blocked> {
    keys.map(|key| {
        quote::preseed(key).map_err(|why| Blocked::Unsayable {
            what: "a public key".to_string(),
            why,
        })
    })
    .collect()
}
