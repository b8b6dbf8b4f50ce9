//! What the stories share.

pub mod client;
pub mod relay;
pub mod tftp;
