//! A bad network between a client and its server, simulated where the client sends and receives.

/// How bad, in shares of all datagrams.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Share of datagrams that are lost, in either direction: 0 to 1.
    pub loss: f64,
    /// Share of received datagrams that are overtaken: 0 to 1.
    pub reorder: f64,
    /// By how many later datagrams one is overtaken.
    pub by: u32,
}

impl Faults {
    /// Whether there are none.
    pub fn none(&self) -> bool {
        self.loss == 0.0 && self.reorder == 0.0
    }
}

/// Dice with a seed: the same seed throws the same numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that start there.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number (xorshift64*).
    pub fn throw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Whether something happens that happens with this chance.
    pub fn chance(&mut self, chance: f64) -> bool {
        chance > 0.0 && ((self.throw() >> 11) as f64) < chance * (1u64 << 53) as f64
    }
}

/// The way of one client's datagrams: what arrives goes in, what reaches the client comes out, in the order in which it does.
#[derive(Debug)]
pub struct Way {
    faults: Faults,
    dice: Dice,
    held: Option<(u32, Vec<u8>)>,
    /// Datagrams that were lost, in both directions.
    pub lost: u64,
}

impl Way {
    /// A way with these faults.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            dice: Dice::new(seed),
            held: None,
            lost: 0,
        }
    }

    /// Whether a datagram of ours gets through.
    pub fn sends(&mut self) -> bool {
        let lost = self.dice.chance(self.faults.loss);
        self.lost += u64::from(lost);
        !lost
    }

    /// A datagram arrived: hands on what reaches the client now.
    pub fn arrived(&mut self, datagram: &[u8], mut reaches: impl FnMut(&[u8])) {
        if self.dice.chance(self.faults.loss) {
            self.lost += 1;
            return;
        }
        if self.held.is_none() && self.dice.chance(self.faults.reorder) {
            self.held = Some((self.faults.by, datagram.to_vec()));
            return;
        }
        reaches(datagram);
        if let Some((overtakers, held)) = self.held.take() {
            match overtakers {
                0 | 1 => reaches(&held),
                more => self.held = Some((more - 1, held)),
            }
        }
    }

    /// Nothing came for a while: what was held back reaches the client.
    pub fn silence(&mut self) -> Option<Vec<u8>> {
        self.held.take().map(|(_, held)| held)
    }

    /// Whether something is held back.
    pub fn holds(&self) -> bool {
        self.held.is_some()
    }
}
