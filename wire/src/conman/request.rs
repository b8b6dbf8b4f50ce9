//! Greetings and requests: words and quoted strings, in which quotes have their high bit set.

use super::Who;

/// Most octets of a name that somebody gives himself.
const NAME: usize = 64;
/// Most patterns of a request.
const PATTERNS: usize = 4096;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What for.
    pub command: Command,
    /// Patterns of consoles' names; none: all, of those who only ask.
    pub consoles: Vec<String>,
    /// To write to several consoles at once.
    pub broadcast: bool,
    /// To take them from who has them.
    pub force: bool,
    /// To share them with who has them.
    pub join: bool,
    /// Without news.
    pub quiet: bool,
    /// Patterns are regular expressions, not those of a shell.
    pub regex: bool,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Which consoles there are.
    Query,
    /// To look.
    Monitor,
    /// To look and write.
    Connect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word, or what was quoted.
    Text { text: String, is_quoted: bool },
    /// Anything else.
    Sign(u8),
}

/// `HELLO USER='bob' TTY='pts/1'`; `None`: nobody is named.
pub(super) fn greeting(line: &[u8]) -> Option<Who> {
    let mut who = Who::default();
    let tokens = tokens(line);
    let mut rest = after(&tokens, &["hello"])?.1;
    while let Some((word, value, left)) = setting(rest) {
        match (word.as_deref(), value) {
            (Some("user"), Some(value)) if !value.is_empty() => who.user = name(&value),
            (Some("tty"), Some(value)) if !value.is_empty() => who.tty = Some(name(&value)),
            _ => {}
        }
        rest = left;
    }
    (!who.user.is_empty()).then_some(who)
}

/// `CONNECT OPTION=JOIN CONSOLE='nid001'`; `None`: nothing is wanted.
pub(super) fn request(line: &[u8]) -> Option<Request> {
    let tokens = tokens(line);
    let (word, mut rest) = after(&tokens, &["query", "monitor", "connect"])?;
    let mut request = Request {
        command: match word {
            "query" => Command::Query,
            "monitor" => Command::Monitor,
            _ => Command::Connect,
        },
        consoles: Vec::new(),
        broadcast: false,
        force: false,
        join: false,
        quiet: false,
        regex: false,
    };
    while let Some((word, value, left)) = setting(rest) {
        match (word.as_deref(), value) {
            (Some("console"), Some(value)) if !value.is_empty() && request.consoles.len() < PATTERNS => {
                request.consoles.push(value);
            }
            (Some("option"), Some(value)) => match value.to_ascii_lowercase().as_str() {
                "broadcast" => request.broadcast = true,
                "force" => request.force = true,
                "join" => request.join = true,
                "quiet" => request.quiet = true,
                "regex" => request.regex = true,
                // Of a newer client.
                _ => {}
            },
            _ => {}
        }
        rest = left;
    }
    Some(request)
}

/// What follows the first of some words.
fn after<'a>(tokens: &'a [Token], wanted: &[&'static str]) -> Option<(&'static str, &'a [Token])> {
    tokens.iter().enumerate().find_map(|(at, token)| {
        let word = word(token)?;
        let found = wanted.iter().find(|wanted| **wanted == word)?;
        Some((*found, &tokens[at + 1..]))
    })
}

/// A word without quotes, in small letters.
fn word(token: &Token) -> Option<String> {
    match token {
        Token::Text { text, is_quoted: false } => Some(text.to_ascii_lowercase()),
        _ => None,
    }
}

/// The next `WORD=VALUE`, or what is none of it, and what follows; `None` at the end.
fn setting(tokens: &[Token]) -> Option<(Option<String>, Option<String>, &[Token])> {
    match tokens {
        [] => None,
        [first, Token::Sign(b'='), Token::Text { text, .. }, rest @ ..] => {
            Some((word(first), Some(text.clone()), rest))
        }
        [_, rest @ ..] => Some((None, None, rest)),
    }
}

fn tokens(line: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.first() {
        let (token, length) = match first {
            // What follows is a comment.
            b'#' => break,
            b'\'' | b'"' => match rest[1..].iter().position(|octet| octet == first) {
                Some(end) => (Some(text(&rest[1..1 + end], true)), end + 2),
                // Without its end there is nothing more to be understood.
                None => break,
            },
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => word_at(rest, |octet| octet.is_ascii_alphanumeric() || octet == b'_'),
            b'0'..=b'9' => word_at(rest, |octet| octet.is_ascii_digit()),
            octet if octet.is_ascii_whitespace() || *octet == 0x0b => (None, 1),
            other => (Some(Token::Sign(*other)), 1),
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

fn word_at(rest: &[u8], belongs: impl Fn(u8) -> bool) -> (Option<Token>, usize) {
    let length = rest.iter().position(|octet| !belongs(*octet)).unwrap_or(rest.len());
    (Some(text(&rest[..length], false)), length)
}

/// Without high bits: with them quotes are sent.
fn text(octets: &[u8], is_quoted: bool) -> Token {
    Token::Text {
        text: octets.iter().map(|octet| char::from(octet & 0x7f)).collect(),
        is_quoted,
    }
}

/// A name that others can be shown.
fn name(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(NAME).collect()
}
