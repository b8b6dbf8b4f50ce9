//! The journal against a real file, killed and starved.

mod crash;
mod disk;
mod follow;
mod start;

use std::path::Path;
use std::process::Command;

use bellwether::journal::Journal;
use bellwether::store::Store;
use jiff::Timestamp;
use model::Mac;
use model::event::{DhcpAsk, NewEvent, Stage, Subject, What};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Names the directory of a child process; without it a child's part has nothing to do.
const DIRECTORY: &str = "BELLWETHER_TEST_JOURNAL";

/// A journal with its writer running.
struct Running {
    journal: Journal,
    cancel: CancellationToken,
    writer: JoinHandle<()>,
}

impl Running {
    async fn open(directory: &Path) -> Self {
        let store = Store::open(&directory.join("journal.db")).await.unwrap();
        let (journal, writer) = Journal::open(store).await.unwrap();
        let cancel = CancellationToken::new();
        let writer = tokio::spawn(writer.run(cancel.clone()));
        Self {
            journal,
            cancel,
            writer,
        }
    }

    /// As a server stops: with a snapshot.
    async fn stop(self) {
        self.cancel.cancel();
        self.writer.await.unwrap();
        self.journal.close().await;
    }

    /// The writer is gone from one moment to the next.
    async fn abandon(self) {
        self.writer.abort();
        assert!(self.writer.await.unwrap_err().is_cancelled());
        self.journal.close().await;
    }
}

fn note(text: String) -> NewEvent {
    let at = Timestamp::from_second(1_700_000_000).unwrap();
    NewEvent::new(at, "test", Subject::Cluster, What::Power { action: text })
}

/// One of the leases of a storm: 5,000 nodes, again and again.
fn lease(number: u32) -> NewEvent {
    let node = number % 5000;
    let at = Timestamp::from_millisecond(1_700_000_000_000 + i64::from(number)).unwrap();
    let [_, b, c, d] = node.to_be_bytes();
    let ask = DhcpAsk {
        message: "request".to_string(),
        mac: Mac([0x52, 0x54, 0, b, c, d]),
        network: "provision".to_string(),
        stage: Stage::Firmware,
        arch: Some(7),
        uuid: Some(format!("11111111-2222-3333-4444-{node:012}")),
        client_id: None,
        vendor_class: Some("PXEClient:Arch:00007:UNDI:003016".to_string()),
        hostname: None,
        relay: None,
    };
    let what = What::DhcpLeased {
        ask,
        address: std::net::Ipv4Addr::new(10, b, c, d),
        until: at + jiff::SignedDuration::from_hours(1),
        boot_file: Some("ipxe.efi".to_string()),
        reserved: true,
    };
    NewEvent::new(at, "dhcp", Subject::Node(format!("nid{node:05}")), what)
}

/// This test binary, told to play only that part.
fn part(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(DIRECTORY, directory);
    command
}
