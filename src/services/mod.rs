//! What answers booting machines. Services never import each other.

pub mod tftp;
