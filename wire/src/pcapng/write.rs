//! Writing blocks, in little-endian order, with times in nanoseconds.

use super::{OPTION_COMMENT, OPTION_NAME, OPTION_RESOLUTION, ORDER, kind};

/// `shb_userappl`: which program wrote the file.
const OPTION_PROGRAM: u16 = 4;
/// Longest value of an option.
const LONGEST: usize = u16::MAX as usize;

/// Begins a file: a section that `program` wrote, with a comment for whoever opens it. Texts are cut at 65,535 octets.
pub fn section(out: &mut Vec<u8>, program: &str, comment: &str) {
    block(out, kind::SECTION, |out| {
        out.extend_from_slice(&ORDER.to_le_bytes());
        // Version 1.0, and a section of unknown length.
        out.extend_from_slice(&[1, 0, 0, 0]);
        out.extend_from_slice(&u64::MAX.to_le_bytes());
        option(out, OPTION_COMMENT, comment.as_bytes());
        option(out, OPTION_PROGRAM, program.as_bytes());
        end_of_options(out);
    });
}

/// Declares the next interface of the section, from 0; its packets begin as the link type says.
pub fn interface(out: &mut Vec<u8>, link_type: u16, name: &str) {
    block(out, kind::INTERFACE, |out| {
        out.extend_from_slice(&link_type.to_le_bytes());
        // Reserved, and no limit of what is kept of a packet.
        out.extend_from_slice(&[0; 6]);
        option(out, OPTION_NAME, name.as_bytes());
        // Times are in units of 10^-9 s.
        option(out, OPTION_RESOLUTION, &[9]);
        end_of_options(out);
    });
}

/// A packet of an interface that was declared before. `nanoseconds` since 1970; `original` is its length in octets on the
/// wire, which may be more than what was kept of it.
pub fn packet(
    out: &mut Vec<u8>,
    interface: u32,
    nanoseconds: u64,
    original: usize,
    bytes: &[u8],
    comment: Option<&str>,
) {
    block(out, kind::PACKET, |out| {
        out.extend_from_slice(&interface.to_le_bytes());
        out.extend_from_slice(&((nanoseconds >> 32) as u32).to_le_bytes());
        out.extend_from_slice(&(nanoseconds as u32).to_le_bytes());
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        let original = original.max(bytes.len());
        out.extend_from_slice(&u32::try_from(original).unwrap_or(u32::MAX).to_le_bytes());
        padded(out, bytes);
        if let Some(comment) = comment {
            option(out, OPTION_COMMENT, comment.as_bytes());
            end_of_options(out);
        }
    });
}

/// A block of our own, which other programs skip. Its type is `kind` with the first bit set. Readers get zeros behind a body
/// whose length is no multiple of four.
pub fn local(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    block(out, kind | self::kind::LOCAL, |out| padded(out, body));
}

fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = ((out.len() - start + 4) as u32).to_le_bytes();
    out[start + 4..start + 8].copy_from_slice(&length);
    out.extend_from_slice(&length);
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(LONGEST)];
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    padded(out, value);
}

fn end_of_options(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.resize(out.len() + bytes.len().next_multiple_of(4) - bytes.len(), 0);
}
