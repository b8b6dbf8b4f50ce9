//! Domain names in options: the search list (option 119, RFC 3397).
use std::fmt;

/// The value of option 119, compressed as RFC 1035 section 4.1.4 allows. Make it once, send it often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchList(Vec<u8>);

/// Why a text is no domain name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// The name, or one of its labels, is empty.
    Empty(String),
    /// A label of the name is longer than 63 octets, or the name does not fit 255.
    TooLong(String),
}

impl SearchList {
    /// Encodes the names in their order, with or without final dot.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn new<N: AsRef<str>>(names: &[N]) -> Result<SearchList, NameError> {
        let mut list = Vec::new();
        // Where each suffix that was written in full begins.
        let mut known: Vec<(&str, usize)> = Vec::new();
        for name in names.iter().map(AsRef::as_ref) {
            let mut rest = name.strip_suffix('.').unwrap_or(name);
            if rest.split('.').any(str::is_empty) {
                return Err(NameError::Empty(name.to_owned()));
            }
            if rest.len() > 253 || rest.split('.').any(|label| label.len() > 63) {
                return Err(NameError::TooLong(name.to_owned()));
            }
            loop {
                if let Some((_, at)) = known.iter().find(|(suffix, _)| suffix.eq_ignore_ascii_case(rest)) {
                    list.extend_from_slice(&(0xc000 | *at as u16).to_be_bytes());
                    break;
                }
                // A pointer has 14 bits.
                if list.len() < 0x4000 {
                    known.push((rest, list.len()));
                }
                let (label, tail) = rest.split_once('.').unwrap_or((rest, ""));
                list.push(label.len() as u8);
                list.extend_from_slice(label.as_bytes());
                if tail.is_empty() {
                    list.push(0);
                    break;
                }
                rest = tail;
            }
        }
        Ok(SearchList(list))
    }

    /// The value of the option.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty(name) => write!(f, "{name:?} is no domain name: between dots there must be something"),
            NameError::TooLong(name) => {
                write!(
                    f,
                    "{name:?} is no domain name: 63 octets between dots and 253 in all is the most"
                )
            }
        }
    }
}

impl std::error::Error for NameError {}
