//! Addresses that simulated machines speak from.

use std::net::Ipv4Addr;
use std::str::FromStr;

/// Addresses in a row, taken in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: u32,
    count: u32,
}

impl AddressRange {
    /// The address of the `number`th machine; after the last comes the first again.
    pub fn nth(self, number: usize) -> Ipv4Addr {
        let place = number % self.count as usize;
        Ipv4Addr::from(self.first + place as u32)
    }
}

impl FromStr for AddressRange {
    type Err = String;

    /// `10.79.1.1` or `10.79.1.1-10.79.20.255`.
    fn from_str(text: &str) -> Result<Self, String> {
        let address = |text: &str| {
            let parsed: Result<Ipv4Addr, _> = text.trim().parse();
            parsed.map(u32::from).map_err(|_| format!("{text} is no IPv4 address"))
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (address(first)?, address(last)?),
            None => (address(text)?, address(text)?),
        };
        let count = last.checked_sub(first).and_then(|more| more.checked_add(1));
        match count {
            Some(count) => Ok(Self { first, count }),
            None => Err(format!("{text}: the last address lies before the first")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_in_turn() {
        let range: AddressRange = "10.0.0.254-10.0.1.1".parse().unwrap();
        let taken: Vec<String> = (2..6).map(|n| range.nth(n).to_string()).collect();
        assert_eq!(taken, ["10.0.1.0", "10.0.1.1", "10.0.0.254", "10.0.0.255"]);
        assert!("10.0.0.2-10.0.0.1".parse::<AddressRange>().is_err());
        assert!("host".parse::<AddressRange>().is_err());
    }
}
