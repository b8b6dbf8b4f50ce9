//! What a client is told.

use std::cmp::Ordering;

/// Why a request is refused; the numbers of conman's `common.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It cannot be understood.
    BadRequest = 2,
    /// A pattern is no regular expression.
    BadRegex = 3,
    /// No console has such a name.
    NoConsoles = 5,
    /// Several have.
    TooManyConsoles = 6,
    /// Somebody else writes.
    Busy = 7,
}

impl Error {
    /// The refusal, and lines that follow it.
    pub fn text(self, message: &str, lines: &[String]) -> String {
        let mut text = format!("ERROR CODE={} MESSAGE='{}'\n", self as u8, plain(message));
        for line in lines {
            text.push_str(&plain(line));
            text.push('\n');
        }
        text
    }
}

/// A request is granted for these consoles. Where it was only asked which there are, that is the answer.
pub fn opened<'a>(consoles: impl IntoIterator<Item = &'a str>) -> String {
    // Each machine can be reset.
    let mut text = "OK OPTION=RESET".to_string();
    for console in consoles {
        text.push_str(" CONSOLE='");
        text.push_str(&plain(console));
        text.push('\'');
    }
    text.push('\n');
    text
}

/// A sentence without its end, as conmand puts it between what the machine says.
pub fn said(sentence: &str) -> String {
    format!("\r\n<ConMan> {}.\r\n", plain(sentence))
}

/// A text without what would end a string or a line. conmand sends quotes with their high bit set, which no text of ours
/// needs.
fn plain(text: &str) -> String {
    let letter = |c: char| match c {
        '\'' | '"' => '`',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(letter).collect()
}

/// In which order consoles are listed: by name, and where names differ in a number at their end only, by that.
pub fn in_order(a: &str, b: &str) -> Ordering {
    let cut = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let ((a_text, a_number), (b_text, b_number)) = (a.split_at(cut(a)), b.split_at(cut(b)));
    let value = |digits: &str| digits.trim_start_matches('0').to_string();
    let (a_value, b_value) = (value(a_number), value(b_number));
    let by_number = a_value.len().cmp(&b_value.len()).then(a_value.cmp(&b_value));
    a_text.cmp(b_text).then(by_number).then(a.cmp(b))
}
