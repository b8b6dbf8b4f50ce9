//! What nodes report: the bodies of their callbacks.

/// Most host keys that are taken from a report.
const KEYS: usize = 8;
/// Most characters of one; the longest in use, RSA with 4096 bits, has some 720.
const KEY: usize = 1024;
/// Most characters of a host name.
const NAME: usize = 256;

/// cloud-init's `phone_home` form: the host name that the system has, and its public host keys.
pub fn form(body: &[u8]) -> (String, Vec<String>) {
    let mut host_keys = Vec::new();
    let mut hostname = String::new();
    for (key, value) in form_urlencoded::parse(body) {
        let value = value.trim();
        // cloud-init says N/A for keys that the host does not have.
        let is_key = value.starts_with("ssh-") || value.starts_with("ecdsa-");
        if key.starts_with("pub_key_") && is_key && host_keys.len() < KEYS {
            host_keys.push(printable(value.as_bytes(), KEY).replace('\n', " "));
        } else if key == "fqdn" {
            hostname = printable(value.as_bytes(), NAME).replace('\n', " ");
        }
    }
    (hostname, host_keys)
}

/// A report as text that steers no terminal, cut after so many bytes.
pub fn printable(body: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(limit)]);
    let plain = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_taken_for_its_name_and_keys() {
        let body = b"pub_key_rsa=ssh-rsa+AAA%0Abbb&pub_key_dsa=N%2FA&instance_id=i&fqdn=n1.example%1b%5B2J&pub_key_ed25519=ssh-ed25519+C";
        let (name, keys) = form(body);
        assert_eq!(name, "n1.example [2J");
        assert_eq!(keys, ["ssh-rsa AAA bbb", "ssh-ed25519 C"]);
        assert_eq!(form(b"\xff=%"), (String::new(), vec![]));
    }

    #[test]
    fn a_report_steers_no_terminal() {
        assert_eq!(
            printable(b"50%\x1b[31m\n\tdone\x00\xff", 100),
            "50% [31m\n\tdone \u{fffd}"
        );
        assert_eq!(printable(b"12345", 3), "123");
    }
}
