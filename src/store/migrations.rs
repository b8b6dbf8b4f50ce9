//! The steps from an empty database to the present schema.
//!
//! Invariant: only ever appended to. A step that was released is never changed: there are databases that took it.
//! Invariant: forward only. The way back is the copy that every upgrade leaves.

/// One step. Its number is its place in the list, from 1; that is also the version of the schema that it leads to.
pub type Migration = &'static str;

/// All steps.
pub const MIGRATIONS: &[Migration] = &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];
