//! Names of things.

use serde_json::{Value as Json, json};

use crate::config::read::{Scalar, Wrong};

/// Name of the cluster: a DNS label.
#[derive(Debug, Clone)]
pub(in crate::config) struct HostName(pub String);

/// Name of a network, group, profile or image.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) struct Name(pub String);

/// A domain, without a trailing dot.
#[derive(Debug, Clone)]
pub(in crate::config) struct DnsName(pub String);

/// Name of a network interface.
#[derive(Debug, Clone)]
pub(in crate::config) struct Interface(pub String);

const LABEL: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

impl Scalar for HostName {
    const NOUN: &'static str = "a host name";
    const EXAMPLE: &'static str = "homelab";
    const CODE: &'static str = "bad-name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match node_name_fault(text) {
            None => Ok(Self(text.to_string())),
            Some(wrong) => Err(wrong),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": LABEL })
    }
}

/// What keeps a text from being a host name (RFC 1123 section 2.1), in lower case since DHCP, DNS and file names would
/// disagree on whether `Web1` is `web1`.
pub(in crate::config) fn node_name_fault(text: &str) -> Option<Wrong> {
    let lower = text.to_ascii_lowercase();
    if let Some((at, bad)) = lower
        .char_indices()
        .find(|(_, c)| !c.is_ascii_lowercase() && !c.is_ascii_digit() && *c != '-')
    {
        let why = format!("{bad:?} cannot be in a host name: letters, digits and hyphens");
        let help = match bad {
            '_' | ' ' => Some(format!("did you mean `{}`?", lower.replace(['_', ' '], "-"))),
            '.' => Some("a node has a name without its domain; the domain is said once, in `domain`".to_string()),
            _ => None,
        };
        return Some(Wrong {
            why,
            help,
            part: Some(at..at + bad.len_utf8()),
        });
    }
    if lower.starts_with('-') || lower.ends_with('-') {
        return Some(Wrong::because("a host name begins and ends with a letter or a digit"));
    }
    if lower.is_empty() || lower.len() > 63 {
        return Some(Wrong::because(format!(
            "a host name has 1 to 63 characters, this has {}",
            lower.len()
        )));
    }
    (lower != text).then(|| Wrong::because("host names are written in lower case").help(format!("write `{lower}`")))
}

impl Scalar for Name {
    const NOUN: &'static str = "a name";
    const EXAMPLE: &'static str = "compute";
    const CODE: &'static str = "bad-name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        match name_fault(text) {
            None => Ok(Self(text.to_string())),
            Some(why) => Err(Wrong::because(why)),
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" })
    }
}

/// What keeps a text from naming a network, a group, a profile or an image. These names go into URLs and paths.
fn name_fault(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 63 {
        return Some(format!("a name has 1 to 63 characters, this has {}", text.len()));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Some("a name begins with a letter or a digit".to_string());
    }
    text.chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'))
        .map(|bad| format!("{bad:?} cannot be in a name: letters, digits, `.`, `_` and `-`"))
}

impl Scalar for DnsName {
    const NOUN: &'static str = "a domain";
    const EXAMPLE: &'static str = "lab.example";
    const CODE: &'static str = "bad-name";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() || name.len() > 253 {
            return Err(Wrong::because(format!(
                "a domain has 1 to 253 characters, this has {}",
                name.len()
            )));
        }
        for label in name.split('.') {
            if label.is_empty() {
                return Err(Wrong::because("there are two dots in a row, or one at the beginning"));
            }
            if let Some(wrong) = node_name_fault(&label.to_ascii_lowercase()) {
                return Err(Wrong { part: None, ..wrong });
            }
        }
        Ok(Self(name.to_ascii_lowercase()))
    }
}

impl Scalar for Interface {
    const NOUN: &'static str = "an interface name";
    const EXAMPLE: &'static str = "enp1s0";
    const CODE: &'static str = "bad-name";

    /// The kernel's rule: at most 15 bytes, no slash, no white space, not `.` or `..`.
    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() || text.len() > 15 {
            return Err(Wrong::because(format!(
                "an interface name has 1 to 15 characters, this has {}",
                text.len()
            )));
        }
        let bad = |c: char| c == '/' || c.is_whitespace() || c.is_control() || c == ':';
        if text.contains(bad) || text == "." || text == ".." {
            return Err(Wrong::because("an interface name has no slash, colon or space"));
        }
        Ok(Self(text.to_string()))
    }

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": 15 })
    }
}

impl Scalar for crate::nodeset::NodeSet {
    const NOUN: &'static str = "a node set";
    const EXAMPLE: &'static str = "nid[001-009],login";
    const CODE: &'static str = "bad-range";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|error: crate::nodeset::NodeSetError| Wrong {
            why: error.kind.to_string(),
            help: None,
            part: Some(error.span),
        })
    }
}
