//! What the package cache decides: which repository a request means, whether what is stored may be served, which bytes.
//!
//! Invariant: nothing here rewrites a path or a byte: what upstream is asked is what the client asked.
//! Invariant: text from outside ends in a value or a refusal, never in a panic.

mod condition;
mod content;
mod entry;
mod fresh;
mod kind;
mod packages;
mod path;
mod release;
mod upstreams;

pub use condition::{Asked, holds, http_date, parse_http_date, settled};
pub use content::{ContentRange, plausible};
pub use entry::{Meta, TAIL, seal, unseal};
pub use fresh::{Knowledge, Verdict, judge, keep_going};
pub use kind::{Kind, digest_in_path, looks_like_repository};
pub use packages::{Package, choose, packages};
pub use path::{BadPath, canonical};
pub use release::Listed;
pub use upstreams::{Refusal, Target, Upstreams};
