//! A service on a thread of its own.

use std::future::Future;
use std::io;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::causes::chain;

/// Runs a service on a thread of its own with its own reactor, for services whose work is a great many small turns: they take
/// no time from the others, and no other thread takes turns from them, which would cost more than each turn.
///
/// # Errors
/// Those of the service with their causes; or the thread or its reactor cannot be had.
pub async fn on_its_own<F, E>(name: &str, service: F) -> Result<(), String>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    let begun = || -> io::Result<_> {
        let reactor = Builder::new_current_thread().enable_all().build()?;
        let (done, ended) = oneshot::channel();
        std::thread::Builder::new().name(name.into()).spawn(move || {
            // Nobody waits any more if the server is being torn down.
            let _ = done.send(reactor.block_on(service));
        })?;
        Ok(ended)
    };
    let ended = begun().map_err(|error| format!("no thread for {name}: {error}"))?;
    match ended.await {
        Ok(ended) => ended.map_err(|error| chain(&error)),
        Err(_) => Err(format!("the thread of {name} ended in a panic")),
    }
}
