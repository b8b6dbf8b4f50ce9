//! File names as firmware sends them, made one plain relative path.
//!
//! Invariant: a cleaned path has no empty, `.` or `..` component, no backslash, no control character and no leading slash.

use crate::Malformed;

/// Longest file name that is considered, in bytes.
pub const LONGEST_PATH: usize = 512;

/// Turns the bytes of a requested file name into a relative path with single slashes.
///
/// Backslashes become slashes, leading and doubled slashes and `.` go away. Bytes of 0xFF at the end are dropped: they are the
/// end mark of DHCP options, which some PXE ROMs copy along with option 67.
///
/// # Errors
/// [`Malformed`] for a name that is empty, longer than [`LONGEST_PATH`], not UTF-8, has a control character or climbs with `..`.
pub fn clean_path(raw: &[u8]) -> Result<String, Malformed> {
    let trimmed = raw
        .iter()
        .rposition(|&byte| byte != 0xFF)
        .map_or(&raw[..0], |last| &raw[..=last]);
    if trimmed.len() > LONGEST_PATH {
        return Err(Malformed {
            at: LONGEST_PATH,
            what: "file name is too long",
        });
    }
    let text = std::str::from_utf8(trimmed).map_err(|error| Malformed {
        at: error.valid_up_to(),
        what: "file name is not UTF-8",
    })?;
    if let Some(at) = text.find(char::is_control) {
        return Err(Malformed {
            at,
            what: "file name has a control character",
        });
    }
    let mut path = String::with_capacity(text.len());
    let mut at = 0;
    for component in text.split(['/', '\\']) {
        match component {
            "" | "." => {}
            ".." => {
                return Err(Malformed {
                    at,
                    what: "file name climbs out of its root",
                });
            }
            name => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(name);
            }
        }
        at += component.len() + 1;
    }
    if path.is_empty() {
        Err(Malformed {
            at: 0,
            what: "file name is empty",
        })
    } else {
        Ok(path)
    }
}
