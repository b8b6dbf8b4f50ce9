//! Which packets of a session came already (section 6.12.13).

/// Number of the newest packet that came, and which of the 32 before it came, too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    newest: u32,
    before: u32,
}

impl Window {
    /// Whether a packet with that number may be taken from a BMC: as [`Self::is_new`], and one without a number for as long as
    /// none had one, since some never count.
    pub(super) fn may_be_new(&mut self, sequence: u32) -> bool {
        (sequence == 0 && self.newest == 0) || self.is_new(sequence)
    }

    /// Whether a packet with that number did not come before. One that is older than the window counts as seen.
    pub(super) fn is_new(&mut self, sequence: u32) -> bool {
        if sequence > self.newest {
            let step = sequence - self.newest;
            self.before = match step {
                1..32 => (self.before << step) | (1 << (step - 1)),
                32 => 1 << 31,
                _ => 0,
            };
            self.newest = sequence;
            return true;
        }
        let back = self.newest - sequence;
        if back == 0 || back > 32 {
            return false;
        }
        let bit = 1 << (back - 1);
        let is_new = self.before & bit == 0;
        self.before |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_counts_is_taken_until_he_does() {
        let mut window = Window::default();
        assert!(window.may_be_new(0) && window.may_be_new(0) && !window.is_new(0));
        assert!(window.may_be_new(1) && !window.may_be_new(1) && !window.may_be_new(0));
    }

    #[test]
    fn each_number_is_new_once_within_the_window() {
        let mut window = Window::default();
        assert!(window.is_new(1));
        assert!(!window.is_new(1));
        assert!(window.is_new(5));
        for late in [3, 2, 4] {
            assert!(window.is_new(late));
            assert!(!window.is_new(late), "{late}");
        }
        assert!(!window.is_new(0), "it is no number of a session");
        assert!(window.is_new(100));
        assert!(!window.is_new(5), "too old");
        assert!(window.is_new(68));
        assert!(!window.is_new(68));
        assert!(window.is_new(u32::MAX));
        assert!(!window.is_new(100));
    }
}
