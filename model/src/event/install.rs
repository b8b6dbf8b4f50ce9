//! What installers say.

use serde::{Deserialize, Serialize};

/// Why a line of an installer's log is worth a place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notable {
    /// It goes on to its next part.
    Stage,
    /// It asks a question, and waits for a person to answer.
    Question,
    /// Something is odd.
    Warning,
    /// Something failed.
    Error,
}
