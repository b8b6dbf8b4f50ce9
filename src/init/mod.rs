//! A first cluster file: what this host is like, what follows from it, and the text.
//!
//! Invariant: [`propose`] and [`render`] are pure; only [`Surroundings::look`] looks at the host, and it changes nothing.
//! Promise: a text that is handed out has been read by the reader that `check` and `serve` use, without an error.

mod propose;
mod render;
mod surroundings;

pub use propose::{Answers, Proposal, ProposeError, propose};
pub use render::render;
pub use surroundings::Surroundings;
