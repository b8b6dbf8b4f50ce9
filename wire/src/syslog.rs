//! Syslog datagrams, as programs send them rather than as the RFCs ask: RFC 3164 with and without a host name, RFC 5424,
//! and whatever else comes over port 514.
//!
//! Invariant: every datagram is a message; what does not fit a form is its text (RFC 3164 section 4.3.3).
//! Invariant: the text of a message is one line without control characters.

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Facility, 0..=23 (RFC 5424 table 1); 1, user, where none is said.
    pub facility: u8,
    /// Severity, 0 (emergency) to 7 (debug) (RFC 5424 table 2); 5, notice, where none is said.
    pub severity: u8,
    /// Program that speaks; empty where none is named.
    pub program: String,
    /// Its process number.
    pub pid: Option<u32>,
    /// What it says.
    pub text: String,
}

/// Longest name of a program that is taken for one.
const PROGRAM: usize = 48;

impl Message {
    /// `program[pid]: text`, as in a log file.
    pub fn line(&self) -> String {
        match (self.program.as_str(), self.pid) {
            ("", _) => self.text.clone(),
            (program, None) => format!("{program}: {}", self.text),
            (program, Some(pid)) => format!("{program}[{pid}]: {}", self.text),
        }
    }
}

/// Reads a datagram.
pub fn parse(datagram: &[u8]) -> Message {
    let text = one_line(datagram);
    let (priority, rest) = priority(&text);
    let mut message = Message {
        facility: priority / 8,
        severity: priority % 8,
        ..Message::default()
    };
    match structured(rest) {
        Some((program, pid, said)) => {
            message.program = program.to_string();
            message.pid = pid;
            message.text = said.to_string();
        }
        None => traditional(rest, &mut message),
    }
    message
}

/// One line of text: NULs and the line's end are dropped, other control characters become blanks, what is no UTF-8 is
/// replaced.
fn one_line(datagram: &[u8]) -> String {
    let text = String::from_utf8_lossy(datagram);
    let mut line = String::with_capacity(text.len());
    for c in text.chars().filter(|c| *c != '\0') {
        line.push(if c.is_control() { ' ' } else { c });
    }
    line.truncate(line.trim_end().len());
    line
}

/// `<PRI>` and what follows.
fn priority(text: &str) -> (u8, &str) {
    const DEFAULT: u8 = 13;
    let Some((digits, rest)) = text.strip_prefix('<').and_then(|text| text.split_once('>')) else {
        return (DEFAULT, text);
    };
    match digits.parse::<u8>() {
        Ok(priority) if priority < 192 && digits.bytes().all(|b| b.is_ascii_digit()) => (priority, rest),
        _ => (DEFAULT, text),
    }
}

/// RFC 5424: `1 TIMESTAMP HOST APP PROCID MSGID SD MSG`.
fn structured(text: &str) -> Option<(&str, Option<u32>, &str)> {
    let mut fields = text.strip_prefix("1 ")?.splitn(6, ' ');
    let timestamp = fields.next()?;
    if timestamp != "-" && !timestamp.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (_host, program, pid, _id) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let said = after_structure(fields.next()?)?;
    let program = if program == "-" { "" } else { program };
    Some((program, pid.parse().ok(), said.trim_start_matches('\u{feff}')))
}

/// What follows the structured data: `-`, or elements in brackets whose quoted values may hold escaped brackets.
fn after_structure(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return rest.is_empty().then_some("").or_else(|| rest.strip_prefix(' '));
    }
    let mut rest = text;
    while rest.starts_with('[') {
        let (mut quoted, mut escaped, mut end) = (false, false, None);
        for (at, c) in rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                ']' if !quoted => {
                    end = Some(at + 1);
                    break;
                }
                _ => {}
            }
        }
        rest = rest.get(end?..)?;
    }
    (rest.len() < text.len()).then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

/// RFC 3164: `Mmm dd hh:mm:ss [HOST ]TAG[PID]: MSG`, any of them missing.
fn traditional(text: &str, message: &mut Message) {
    let rest = timestamp(text).unwrap_or(text).trim_start();
    let tagged = tag(rest).or_else(|| {
        let (host, rest) = rest.split_once(' ')?;
        (!host.is_empty()).then(|| tag(rest)).flatten()
    });
    match tagged {
        Some((program, pid, said)) => {
            message.program = program.to_string();
            message.pid = pid;
            message.text = said.to_string();
        }
        None => message.text = rest.to_string(),
    }
}

/// What follows a time like `Nov  5 07:08:09`.
fn timestamp(text: &str) -> Option<&str> {
    const SHAPE: &[u8] = b"Aaa 99 99:99:99";
    let head = text.as_bytes().get(..SHAPE.len())?;
    let fits = head
        .iter()
        .zip(SHAPE)
        .enumerate()
        .all(|(at, (byte, shape))| match shape {
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            // Days below ten have a blank instead of their first digit.
            b'9' => byte.is_ascii_digit() || (at == 4 && *byte == b' '),
            other => byte == other,
        });
    fits.then(|| text.get(SHAPE.len()..)).flatten()
}

/// `TAG[PID]: MSG`.
fn tag(text: &str) -> Option<(&str, Option<u32>, &str)> {
    let (tag, said) = text.split_once(':')?;
    let (program, pid) = match tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
        Some((program, pid)) => (program, Some(pid.parse().ok()?)),
        None => (tag, None),
    };
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '(' | ')' | '@');
    let fits = !program.is_empty() && program.len() <= PROGRAM && program.chars().all(word);
    // A time of day or an address is no program.
    let named = program.contains(|c: char| c.is_alphabetic());
    (fits && named && (said.is_empty() || said.starts_with(' '))).then(|| (program, pid, said.trim_start()))
}

#[cfg(test)]
mod tests;
