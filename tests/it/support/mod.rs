//! What the stories share.

pub mod client;
pub mod disk;
pub mod image;
pub mod lab;
pub mod relay;
pub mod segment;
pub mod server;
pub mod sshd;
pub mod tftp;
pub mod upstream;
