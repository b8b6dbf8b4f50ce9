//! The checksum of IP, UDP and TCP (RFC 1071).

/// Adds up octets as words of 16 bits; an odd one at the end counts as the upper half of a word.
pub fn sum(octets: &[u8]) -> u64 {
    let words = octets.chunks(2);
    words
        .map(|word| u64::from(word[0]) << 8 | u64::from(word.get(1).copied().unwrap_or(0)))
        .sum()
}

/// A sum in 16 bits, its carries added (section 1). The checksum is its complement.
pub fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071_adds_up() {
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum(&octets), 0x2ddf0);
        assert_eq!(folded(sum(&octets)), 0xddf2);
        assert_eq!(sum(&[0x12, 0x34, 0x56]), 0x1234 + 0x5600);
    }
}
