//! The recorder as it is declared.

/// How much the recorder keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorder {
    /// Memory for all packets together, in bytes; 0 keeps none.
    pub size: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { size: 16 << 20 }
    }
}
