//! What the program promises, told as stories against the real thing.
#![allow(clippy::unwrap_used)]

mod journal;
