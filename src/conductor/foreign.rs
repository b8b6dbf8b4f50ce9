//! Looks whether the systems that faces had nodes booted with answer, and writes down the first time that one does.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use model::deployment::{CONDUCTOR, awaited};
use model::event::{NewEvent, Seq, Subject, What};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;

/// Time between two looks.
const AGAIN: Duration = Duration::from_secs(3);
/// How long a port may take to answer.
const CONNECT: Duration = Duration::from_secs(2);
/// Nodes that are looked at at once.
const AT_ONCE: usize = 64;

/// Looks until cancelled.
pub(super) async fn run(journal: Journal, cancel: CancellationToken) {
    let mut again = tokio::time::interval(AGAIN);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = again.tick() => {}
        }
        let found: Vec<(String, Seq, SocketAddr)> = futures_util::stream::iter(wanted(&journal))
            .map(async |(node, id, place)| answers(place).await.then_some((node, id, place)))
            .buffer_unordered(AT_ONCE)
            .filter_map(async |found| found)
            .collect()
            .await;
        let now = Timestamp::now();
        let events: Vec<NewEvent> = (found.into_iter())
            .map(|(node, deployment, place)| {
                let place = place.to_string();
                NewEvent::new(
                    now,
                    CONDUCTOR,
                    Subject::Node(node),
                    What::SystemAnswered { deployment, place },
                )
            })
            .collect();
        if !events.is_empty()
            && let Err(error) = journal.commit(events).await
        {
            tracing::error!(%error, "that a node answers cannot be written down");
        }
    }
}

fn wanted(journal: &Journal) -> Vec<(String, Seq, SocketAddr)> {
    let (world, now) = (journal.world(), Timestamp::now());
    let active = world.deployments.active();
    active
        .filter_map(|deployment| {
            let place = awaited(&world, deployment, now)?;
            Some((deployment.node.clone(), deployment.id, place))
        })
        .collect()
}

async fn answers(place: SocketAddr) -> bool {
    let connected = tokio::time::timeout(CONNECT, TcpStream::connect(place)).await;
    matches!(connected, Ok(Ok(_)))
}
