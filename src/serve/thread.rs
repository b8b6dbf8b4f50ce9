//! A service on a thread of its own.

use std::future::Future;
use std::io;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Runs a service on a thread of its own with its own reactor, for services whose work is a great many small turns: they take
/// no time from the others, and no other thread takes turns from them, which would cost more than each turn.
///
/// # Errors
/// The thread or its reactor cannot be had.
pub async fn on_its_own<F>(name: &str, service: F) -> io::Result<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let reactor = Builder::new_current_thread().enable_all().build()?;
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new().name(name.into()).spawn(move || {
        // Nobody waits any more if the server is being torn down.
        let _ = done.send(reactor.block_on(service));
    })?;
    ended.await.map_err(|_| io::Error::other("its thread ended in a panic"))
}
