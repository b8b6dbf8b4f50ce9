//! What answers booting machines. Services never import each other.

pub mod dhcp4;
pub mod ra;
pub mod syslog;
pub mod tftp;
