//! Putting foreign values where they belong: into a line of a preseed, into a word of a shell script.
//!
//! Invariant: a value that is let through is read back as it was, whatever is in it.

use thiserror::Error;

/// Why a value cannot stand in a line of a preseed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unsayable {
    /// A line cannot hold it.
    #[error("there is a line break or another control character in it")]
    Control,
    /// Blanks at its ends are not kept.
    #[error("it begins or ends with a blank")]
    Blank,
    /// The line would go on with the next.
    #[error("it ends with a backslash")]
    Backslash,
    /// It is to be a login name.
    #[error("a login name has lower-case letters, digits, `-` and `_`")]
    Name,
}

/// A value as the rest of a preseed line. There is no quoting in that format: what does not fit cannot be said.
///
/// # Errors
/// If the line would not be read back as this value (`debconf-set-selections` of the installer and of the system).
pub fn preseed(value: &str) -> Result<&str, Unsayable> {
    if value.chars().any(char::is_control) {
        return Err(Unsayable::Control);
    }
    if value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) {
        return Err(Unsayable::Blank);
    }
    if value.ends_with('\\') {
        return Err(Unsayable::Backslash);
    }
    Ok(value)
}

/// A value as one word of a POSIX shell. Within single quotes nothing means anything but the single quote itself; a NUL
/// cannot be in a word at all and is left out.
///
/// For a shell within a shell (`sh -c`) it is used twice.
pub fn sh(value: &str) -> String {
    let mut word = String::with_capacity(value.len() + 2);
    word.push('\'');
    for c in value.chars() {
        match c {
            '\'' => word.push_str("'\\''"),
            '\0' => {}
            c => word.push(c),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const HOSTILE: [&str; 14] = [
        "plain",
        "",
        "two words",
        "it's",
        "'; reboot; '",
        "$(reboot) `reboot` $HOME ${HOME}",
        "\"quoted\" \\ back\\slash\\",
        "*?[a-z]~ # no comment",
        "line\nbreak\n",
        "tab\tand \u{7f} delete",
        "-n",
        "grüße €",
        "!history! &|;<>(){}",
        "%s %n\\n",
    ];

    /// The shells that our words are read by: the installer's and the system's.
    fn shells() -> impl Iterator<Item = Command> {
        [("busybox", "sh"), ("sh", "-e")].into_iter().map(|(shell, first)| {
            let mut command = Command::new(shell);
            command.arg(first).arg("-c");
            command
        })
    }

    #[test]
    fn every_value_comes_out_of_a_shell_as_it_went_in() {
        for value in HOSTILE {
            for mut shell in shells() {
                let out = shell.arg(format!("printf %s {}", sh(value))).output().unwrap();
                assert_eq!(String::from_utf8_lossy(&out.stdout), value, "{out:?}");
            }
        }
    }

    #[test]
    fn a_word_can_be_taken_through_two_shells() {
        for value in HOSTILE {
            for mut shell in shells() {
                let inner = format!("printf %s {}", sh(value));
                let out = shell.arg(format!("sh -c {}", sh(&inner))).output().unwrap();
                assert_eq!(String::from_utf8_lossy(&out.stdout), value, "{out:?}");
            }
        }
    }

    #[test]
    fn what_a_preseed_line_cannot_hold_is_refused() {
        assert_eq!(preseed("http://10.0.0.1/a b"), Ok("http://10.0.0.1/a b"));
        assert_eq!(preseed(""), Ok(""));
        assert_eq!(preseed("two\nlines"), Err(Unsayable::Control));
        assert_eq!(preseed("nul\0"), Err(Unsayable::Control));
        assert_eq!(preseed(" leading"), Err(Unsayable::Blank));
        assert_eq!(preseed("trailing\u{a0}"), Err(Unsayable::Blank));
        assert_eq!(preseed("goes on \\"), Err(Unsayable::Backslash));
    }

    proptest::proptest! {
        #[test]
        fn no_character_ends_a_quoted_word(value in "[^\0]*") {
            let word = sh(&value);
            let inside = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')).unwrap_or("'");
            proptest::prop_assert!(!inside.replace("'\\''", "").contains('\''), "{word}");
        }
    }
}
