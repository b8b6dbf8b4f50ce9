//! What a machine is made of: the FRU inventory area (Platform Management FRU Information Storage Definition v1.0 rev. 1.3).

use super::message::{Request, net};

/// Who made a machine and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fru {
    /// Serial number of the case.
    pub chassis_serial: Option<String>,
    /// Maker of the board.
    pub board_maker: Option<String>,
    /// The board.
    pub board: Option<String>,
    /// Its serial number.
    pub board_serial: Option<String>,
    /// Maker of the machine.
    pub maker: Option<String>,
    /// The machine.
    pub product: Option<String>,
    /// Its part number.
    pub part: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// The owner's own number.
    pub asset: Option<String>,
}

/// Octets that are read at once: some BMCs refuse more.
pub const FRU_PIECE: u8 = 16;
/// Most octets of an area that are read.
pub const FRU_LONGEST: u16 = 2048;
const END: u8 = 0xc1;
const UNIT: usize = 8;

impl Fru {
    /// Get FRU Inventory Area Info of the machine itself; the answer is read by [`Self::size`].
    pub fn info() -> Request {
        Request::new(net::STORAGE, 0x10, [0])
    }

    /// Octets of the area.
    pub fn size(data: &[u8]) -> Option<u16> {
        let size = data.first_chunk::<2>()?;
        Some(u16::from_le_bytes(*size).min(FRU_LONGEST))
    }

    /// Read FRU Data; the answer is a count and so many octets.
    pub fn read(offset: u16, count: u8) -> Request {
        let [low, high] = offset.to_le_bytes();
        Request::new(net::STORAGE, 0x11, [0, low, high, count])
    }

    /// Reads an area. What is damaged is left out.
    pub fn parse(area: &[u8]) -> Self {
        let mut fru = Self::default();
        let at = |place: usize| usize::from(area.get(place).copied().unwrap_or_default()) * UNIT;
        let fields = |start: usize, skip: usize| match start {
            0 => Fields(&[]),
            start => Fields(area.get(start + skip..).unwrap_or_default()),
        };
        let mut chassis = fields(at(2), 3);
        chassis.next();
        fru.chassis_serial = chassis.text();
        let mut board = fields(at(3), 6);
        fru.board_maker = board.text();
        fru.board = board.text();
        fru.board_serial = board.text();
        let mut product = fields(at(4), 3);
        fru.maker = product.text();
        fru.product = product.text();
        fru.part = product.text();
        // The version.
        product.next();
        fru.serial = product.text();
        fru.asset = product.text();
        fru
    }

    /// An area that says this: for a machine of the lab.
    pub fn pack(maker: &str, product: &str, serial: &str) -> Vec<u8> {
        let field = |out: &mut Vec<u8>, text: &str| {
            let text = &text.as_bytes()[..text.len().min(63)];
            // One octet alone would read as the end.
            match text.len() {
                1 => out.extend_from_slice(&[0xc2, text[0], b' ']),
                length => {
                    out.push(0xc0 | length as u8);
                    out.extend_from_slice(text);
                }
            }
        };
        let mut area = vec![1, 0, 0];
        [maker, product, "", "", serial, "", ""]
            .iter()
            .for_each(|text| field(&mut area, text));
        area.push(END);
        while area.len() % UNIT != UNIT - 1 {
            area.push(0);
        }
        area[1] = (area.len() / UNIT + 1) as u8;
        area.push(checksum(&area));
        let mut out = vec![1, 0, 0, 0, 1, 0, 0];
        out.push(checksum(&out));
        out.extend(area);
        out
    }
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}

/// The fields of an area.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&head, rest) = self.0.split_first().filter(|(head, _)| **head != END)?;
        let length = usize::from(head & 0x3f);
        let field = rest.get(..length)?;
        self.0 = &rest[length..];
        Some((head >> 6, field))
    }

    /// The next field as text; `None` if it is empty or not there.
    fn text(&mut self) -> Option<String> {
        let (kind, field) = self.next()?;
        let text: String = match kind {
            // Binary coded decimals with three signs.
            1 => field
                .iter()
                .flat_map(|byte| [byte >> 4, byte & 15])
                .map(|digit| b"0123456789 -.   "[usize::from(digit)] as char)
                .collect(),
            2 => six_bits(field),
            0 => field.iter().map(|byte| format!("{byte:02x}")).collect(),
            _ => field
                .iter()
                .map(|byte| *byte as char)
                .filter(|c| !c.is_control())
                .collect(),
        };
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_string())
    }
}

/// Six-bit ASCII, four characters in three octets, low bits first.
fn six_bits(field: &[u8]) -> String {
    let mut out = String::new();
    for three in field.chunks(3) {
        let bits = three
            .iter()
            .rev()
            .fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte));
        for n in 0..three.len() * 8 / 6 {
            out.push(char::from(0x20 + ((bits >> (6 * n)) & 0x3f) as u8));
        }
    }
    out
}
