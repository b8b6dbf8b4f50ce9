use std::sync::Arc;

use jiff::Timestamp;
use model::cluster::Via;
use model::event::Notable;

use super::*;
use crate::store::Store;

const FILE: &str = r#"
cluster: test
networks:
  lan: { prefix: 127.0.0.0/8 }
nodes:
  n1: { mac: "52:54:00:00:00:01", address: 127.0.0.1 }
  n2: { mac: "52:54:00:00:00:02", address: 127.0.0.2 }
"#;

fn event(node: &str, what: What) -> NewEvent {
    NewEvent::new(Timestamp::now(), "test", Subject::Node(node.into()), what)
}

/// A server of which only the syslog door is open, with `n1` in an attempt of a deployment.
struct Stand {
    journal: Journal,
    port: u16,
    folder: tempfile::TempDir,
    counters: Arc<SyslogCounters>,
    cancel: CancellationToken,
    deployment: Seq,
    running: tokio::task::JoinHandle<Result<(), SyslogError>>,
    writer: tokio::task::JoinHandle<()>,
}

impl Stand {
    async fn up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("journal.db")).await.unwrap();
        let (journal, writer) = Journal::open(store).await.unwrap();
        let cancel = CancellationToken::new();
        tokio::spawn(writer.run(cancel.clone()));
        crate::cluster_file::apply(&journal, "test", FILE.into(), 2)
            .await
            .unwrap();
        let armed = What::DeploymentArmed {
            via: Via::Installer,
            source: "debian-12".into(),
            profile: None,
            onto: "the first disk".into(),
            expires: "2999-01-01T00:00:00Z".parse().unwrap(),
            attempts: 3,
            by_hand: false,
            frozen_seconds: None,
            ready_when: Default::default(),
            after_ready: Vec::new(),
            foreign: None,
        };
        let deployment = journal.commit(vec![event("n1", armed)]).await.unwrap().last;
        let began = What::ScriptServed {
            target: "install".into(),
            image: None,
            identified_by: "mac".into(),
            client: "127.0.0.1".parse().unwrap(),
            mac: None,
            deployment: Some(deployment),
        };
        journal.commit(vec![event("n1", began)]).await.unwrap();
        // The system chooses a free port; that it stays free until it is bound again is all but certain.
        let port = std::net::UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let counters = Arc::new(SyslogCounters::default());
        let (logs, writer) = InstallerLogs::open(folder.path().join("deployments")).unwrap();
        let config = Syslog {
            journal: journal.clone(),
            port,
            logs,
            counters: counters.clone(),
        };
        let running = tokio::spawn(run(config, crate::pulse::pulse().1, cancel.clone()));
        Self {
            journal,
            port,
            folder,
            counters,
            cancel,
            deployment,
            running,
            writer,
        }
    }

    /// Sends from an address until the service has counted one datagram more.
    async fn send(&self, from: &str, datagram: &[u8]) {
        let socket = std::net::UdpSocket::bind((from, 0)).unwrap();
        let before = self.counters.datagrams.get();
        while self.counters.datagrams.get() == before {
            socket.send_to(datagram, ("127.0.0.1", self.port)).unwrap();
            tokio::task::yield_now().await;
        }
    }

    /// Ends the service; the log that it leaves.
    async fn log(self) -> Option<String> {
        let mut journal = self.journal.watch();
        self.cancel.cancel();
        self.running.await.unwrap().unwrap();
        self.writer.await.unwrap();
        journal.borrow_and_update();
        let piece =
            crate::installer_log::read(&self.folder.path().join("deployments"), self.deployment, 0, u64::MAX).unwrap();
        piece.map(|piece| piece.text)
    }
}

#[tokio::test]
async fn an_installer_is_written_down_whole_and_its_notable_lines_reach_the_journal() {
    let stand = Stand::up().await;
    let mut world = stand.journal.watch();
    stand
        .send("127.0.0.1", b"<30>Nov 25 18:00:00 anna[9]: DEBUG: retrieving \0this\n")
        .await;
    stand
        .send(
            "127.0.0.1",
            b"<30>Nov 25 18:00:01 main-menu[257]: INFO: Menu item 'pkgsel' selected\n",
        )
        .await;
    let said = world
        .wait_for(|world| {
            world
                .deployments
                .latest("n1")
                .and_then(|d| d.attempt())
                .is_some_and(|a| a.said.is_some())
        })
        .await
        .unwrap()
        .deployments
        .latest("n1")
        .and_then(|deployment| deployment.attempt()?.said.clone())
        .unwrap();
    assert_eq!(
        (said.notable, said.line.as_str()),
        (Notable::Stage, "installs packages (pkgsel)")
    );
    let log = stand.log().await.unwrap();
    assert!(log.contains("Z anna[9]: DEBUG: retrieving this\n"), "{log}");
    assert!(
        log.contains("Z main-menu[257]: INFO: Menu item 'pkgsel' selected\n"),
        "{log}"
    );
}

#[tokio::test]
async fn who_installs_nothing_is_counted_and_not_kept() {
    let stand = Stand::up().await;
    stand.send("127.0.0.2", b"<13>n2 has no deployment").await;
    stand.send("127.0.0.9", b"<13>nobody").await;
    assert!(stand.counters.unknown.get() >= 2);
    assert_eq!(stand.counters.lines.get(), 0);
    assert_eq!(stand.log().await, None);
}
