//! A socket that is watched for one kind of readiness alone. Tokio's own sockets are watched for both.
//!
//! Unsafe: tokio asks for a promise about the file descriptor that a type cannot give.
#![allow(unsafe_code)]

use std::io;
use std::net::UdpSocket;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a socket that does not block, for `interest` alone.
///
/// # Errors
/// The reactor's.
pub fn watched(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    // SAFETY: `UdpSocket` owns its descriptor, names the same one for as long as it lives, and is closed by dropping it alone,
    // which the registration outlives in no case: `AsyncFd` owns both and ends the registration first. It is only lent out by
    // shared reference.
    unsafe { AsyncFd::register_with_interest(socket, interest) }.map_err(|error| error.into_parts().1)
}
