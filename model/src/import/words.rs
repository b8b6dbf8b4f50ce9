//! Words of other programs' files as ours: names, addresses, times; and what may be a secret.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use wire::Mac;

/// A MAC that a machine can have. Leading zeros may be missing in an octet, as in ISC's leases.
pub(super) fn mac(text: &str) -> Option<Mac> {
    let octets: Vec<&str> = text.split([':', '-']).collect();
    let filled: Vec<String> = octets.iter().map(|octet| format!("{octet:0>2}")).collect();
    let mac: Mac = match octets.len() {
        6 => filled.join(":").parse().ok()?,
        _ => text.parse().ok()?,
    };
    (!mac.is_multicast() && mac != Mac::ZERO).then_some(mac)
}

/// A netmask or a prefix length, with an address inside the network.
pub(super) fn network(address: &str, mask: &str) -> Option<Ipv4Net> {
    let address: Ipv4Addr = address.parse().ok()?;
    let net = match mask.parse::<u8>() {
        Ok(length) => Ipv4Net::new(address, length).ok()?,
        Err(_) => Ipv4Net::with_netmask(address, mask.parse().ok()?).ok()?,
    };
    Some(net.trunc()).filter(|net| (8..=31).contains(&net.prefix_len()))
}

/// A host's name as a node's: its first label in lower case, other characters as hyphens; and the domain behind it.
pub(super) fn host(text: &str) -> Option<(String, Option<String>)> {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if text.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let (label, rest) = match text.split_once('.') {
        Some((label, rest)) => (label, Some(rest)),
        None => (text.as_str(), None),
    };
    let plain = |c: char| {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '-'
        }
    };
    let label: String = label.chars().map(plain).take(63).collect();
    let label = label.trim_matches('-').to_string();
    let rest = rest.and_then(domain);
    (!label.is_empty()).then_some((label, rest))
}

/// A domain as the cluster file takes it.
pub(super) fn domain(text: &str) -> Option<String> {
    let text = text.trim().trim_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    (text.len() <= 253 && text.split('.').all(label)).then_some(text)
}

/// A name of a network or a group as the cluster file takes it.
pub(super) fn name(text: &str) -> Option<String> {
    let plain = |c: char| match c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
        true => c,
        false => '-',
    };
    let name: String = text.trim().chars().map(plain).take(63).collect();
    let name = name.trim_start_matches(['.', '_', '-']).to_string();
    (!name.is_empty()).then_some(name)
}

/// The name of an interface, if it is one.
pub(super) fn interface(text: &str) -> Option<String> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    let fits = (1..=15).contains(&text.len()) && !text.contains(bad) && text != "." && text != "..";
    fits.then(|| text.to_string())
}

/// A lease time: seconds, or a number with a unit, from 2 minutes to a year.
pub(super) fn lease(text: &str) -> Option<u32> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd', 'w']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 1,
    };
    let seconds = number.parse::<u32>().ok()?.checked_mul(unit)?;
    (120..=31_536_000).contains(&seconds).then_some(seconds)
}

/// The characters of an inline `first-last` or `first last` range of addresses.
pub(super) fn range(first: &str, last: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some((first, last))
}

/// Whether a key's value is one that nobody may see.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "pass",
        "secret",
        "token",
        "psk",
        "vault",
        "credential",
        "private_key",
        "k_g",
        "community",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// Without characters that YAML has in no text, comments among them, or takes for the end of a line; a terminal would obey some
/// of them.
pub(super) fn clean(text: &str) -> String {
    let bad = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|c| if bad(c) { '?' } else { c }).collect()
}

/// A line as a note may show it: short, in one line, and without what may be a secret.
pub(super) fn shown(text: &str) -> String {
    // More than is shown, so that a word which is cut in two is known as well.
    let text = text.char_indices().nth(400).map_or(text, |(cut, _)| &text[..cut]);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = line.to_ascii_lowercase();
    let secret = is_secret(&lower) || lower.contains("ipmiopts") || lower.contains(" -p");
    if secret {
        let first = line.split([' ', '=', ':']).next().unwrap_or_default();
        return format!("{} ***", first.chars().take(40).collect::<String>());
    }
    match line.char_indices().nth(100) {
        Some((cut, _)) => format!("{} …", &line[..cut]),
        None => line,
    }
}

/// A client identifier of at least two octets in hexadecimal, with or without separators.
pub(super) fn client_id(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let digits = match parts.as_slice() {
        [one] => (*one).to_string(),
        several if several.iter().all(|part| (1..=2).contains(&part.len())) => {
            several.iter().map(|part| format!("{part:0>2}")).collect()
        }
        _ => return None,
    };
    let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let fits = hexadecimal && digits.len().is_multiple_of(2) && (4..=510).contains(&digits.len());
    fits.then(|| {
        let octets: Vec<&str> = (0..digits.len())
            .step_by(2)
            .filter_map(|at| digits.get(at..at + 2))
            .collect();
        octets.join(":").to_ascii_lowercase()
    })
}

/// Option 121 in hexadecimal or in numbers with commas (RFC 3442).
pub(super) fn routes(text: &str) -> Option<Vec<(Ipv4Net, Ipv4Addr)>> {
    let octets: Vec<u8> = match text.contains(',') {
        true => text
            .split(',')
            .map(|part| part.trim().parse().ok())
            .collect::<Option<_>>()?,
        false => {
            let digits: Vec<char> = text.chars().filter(|c| *c != ':' && !c.is_whitespace()).collect();
            let pairs = digits
                .chunks(2)
                .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok());
            pairs.collect::<Option<_>>()?
        }
    };
    let mut rest = octets.as_slice();
    let mut routes = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let count = usize::from(length.div_ceil(8));
        if *length > 32 || after.len() < count + 4 {
            return None;
        }
        let mut to = [0; 4];
        to[..count].copy_from_slice(&after[..count]);
        let via: [u8; 4] = after[count..count + 4].try_into().ok()?;
        routes.push((Ipv4Net::new(to.into(), *length).ok()?.trunc(), via.into()));
        rest = &after[count + 4..];
    }
    (!routes.is_empty()).then_some(routes)
}

/// The names that a host list of LLNL's tools stands for: `nid[001-016],login`, `10.0.0.[1-9]`, `[0-15]`. `None` for what is
/// none, or for more than `limit`.
pub(super) fn hosts(text: &str, limit: usize) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut depth = 0i32;
    let parts = text.split(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        (c == ',' || c.is_whitespace()) && depth == 0
    });
    for part in parts.filter(|part| !part.is_empty()) {
        let mut made = vec![String::new()];
        let mut rest = part;
        while let Some((before, after)) = rest.split_once('[') {
            let (inside, after) = after.split_once(']')?;
            let numbers = numbers(inside, limit)?;
            if made.len().checked_mul(numbers.len())? > limit {
                return None;
            }
            let longer = made
                .iter()
                .flat_map(|name| numbers.iter().map(move |number| format!("{name}{before}{number}")));
            made = longer.collect();
            rest = after;
        }
        made.iter_mut().for_each(|name| name.push_str(rest));
        names.append(&mut made);
        if names.len() > limit {
            return None;
        }
    }
    (!names.is_empty()).then_some(names)
}

/// The numbers in a bracket, with their leading zeros.
fn numbers(text: &str, limit: usize) -> Option<Vec<String>> {
    let mut numbers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let digits = |word: &str| !word.is_empty() && word.len() <= 18 && word.bytes().all(|b| b.is_ascii_digit());
        if !digits(first) || !digits(last) {
            return None;
        }
        let (from, to): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        if to < from || to - from >= limit as u64 {
            return None;
        }
        let width = first.len();
        numbers.extend((from..=to).map(|number| format!("{number:0width$}")));
        if numbers.len() > limit {
            return None;
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_read_as_they_mean_them() {
        assert_eq!(mac("8:0:27:18:68:BC").unwrap().to_string(), "08:00:27:18:68:bc");
        assert_eq!(mac("0800.2718.68bc").unwrap().to_string(), "08:00:27:18:68:bc");
        for wrong in [
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "01:00:5e:00:00:01",
            "aa.bb.cc.dd:68:73",
            "",
            "10.0.0.1",
        ] {
            assert_eq!(mac(wrong), None, "{wrong}");
        }
        assert_eq!(host("Client_1.a.b.C."), Some(("client-1".into(), Some("a.b.c".into()))));
        assert_eq!(host("10.0.0.1"), None);
        assert_eq!(host("___"), None);
        assert_eq!(network("10.10.3.1", "255.255.0.0").unwrap().to_string(), "10.10.0.0/16");
        assert_eq!(network("10.10.3.1", "24").unwrap().to_string(), "10.10.3.0/24");
        assert_eq!(network("10.10.3.1", "255.0.255.0"), None);
        assert_eq!(
            (lease("12h"), lease("600"), lease("60"), lease("infinite")),
            (Some(43_200), Some(600), None, None)
        );
        assert_eq!(client_id("01:8:0:27:18:67:bc").unwrap(), "01:08:00:27:18:67:bc");
        assert_eq!(client_id("01520000").unwrap(), "01:52:00:00");
        assert_eq!(client_id("port1"), None);
        assert_eq!(name("@front end"), Some("front-end".to_string()));
    }

    #[test]
    fn host_lists_are_expanded_within_bounds() {
        let hosts = |text: &str| hosts(text, 20).map(|names| names.join(" "));
        assert_eq!(hosts("nid[009-010,12],login").unwrap(), "nid009 nid010 nid12 login");
        assert_eq!(hosts("r[1-2]n[1-2]").unwrap(), "r1n1 r1n2 r2n1 r2n2");
        assert_eq!(hosts("10.0.1.[1-2]").unwrap(), "10.0.1.1 10.0.1.2");
        assert_eq!(hosts("[0-1]").unwrap(), "0 1");
        for wrong in [
            "n[3-1]",
            "n[1-",
            "n[a-b]",
            "n[1-21]",
            "n[1-5]m[1-5]",
            "",
            "n[1-18446744073709551615]",
        ] {
            assert_eq!(hosts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn routes_are_read_in_both_notations() {
        let routes = |text: &str| {
            let routes = routes(text)?;
            Some(
                routes
                    .iter()
                    .map(|(to, via)| format!("{to} {via}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        };
        let expected = "10.9.0.0/16 10.20.0.3, 0.0.0.0/0 10.20.0.1";
        assert_eq!(routes("100A090A140003000A140001").unwrap(), expected);
        assert_eq!(routes("16, 10, 9, 10, 20, 0, 3, 0, 10, 20, 0, 1").unwrap(), expected);
        for wrong in ["", "10", "100A09", "33,1", "zz", "ä1"] {
            assert_eq!(routes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        assert_eq!(shown("ipmi_pass: \"geheim\""), "ipmi_pass ***");
        assert_eq!(shown("secret hmac-md5 geheim"), "secret ***");
        assert_eq!(shown("CONSOLE name=\"a\"IPMIOPTS=\"U:root,P:geheim\""), "CONSOLE ***");
        assert_eq!(shown("  option   routers\t10.0.0.1 "), "option routers 10.0.0.1");
        assert_eq!(shown(&"é".repeat(500)).chars().count(), 102);
    }
}
