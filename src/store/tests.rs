//! What the store promises, against a real file.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::Timestamp;
use model::Mac;
use model::event::{DhcpAsk, NewEvent, Outcome, Protocol, Role, Stage, Subject, Transfer, What};
use model::world::{Agent, DiskImage, Image, ImageFile, Medium, OnDisk};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn ask() -> DhcpAsk {
    DhcpAsk {
        message: "request".to_string(),
        mac: Mac([0x52, 0x54, 0, 0, 0, 1]),
        network: "provision".to_string(),
        stage: Stage::Firmware,
        arch: Some(7),
        uuid: None,
        client_id: None,
        vendor_class: Some("PXEClient:Arch:00007 \"quoted\"".to_string()),
        hostname: None,
        relay: None,
    }
}

fn event(seq: Seq, subject: Subject, what: What) -> Event {
    NewEvent::new(at(seq as i64), "test", subject, what).numbered(seq)
}

fn node(name: &str) -> Subject {
    Subject::Node(name.to_string())
}

fn stopped(seq: Seq) -> Event {
    event(seq, Subject::Cluster, What::ServerStopped {})
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    (directory, path)
}

/// One of every kind.
fn every_kind() -> Vec<What> {
    let address = "10.0.0.7".parse().unwrap();
    let text = || "ünïcode, \"quotes\"\nand \\ lines".to_string();
    let file = || ImageFile {
        name: "vmlinuz".to_string(),
        size: u64::MAX,
        sha256: "00".to_string(),
    };
    vec![
        What::ServerStarted { version: text() },
        What::ServerStopped {},
        What::ClusterApplied {
            digest: "d".to_string(),
            nodes: 3,
            text: text(),
        },
        What::NetworkServed {
            interface: "eth0".to_string(),
            address,
            http_port: 80,
        },
        What::NetworkRefused {
            server: address,
            interface: "eth0".to_string(),
        },
        What::NetworkAbsent { why: text() },
        What::DhcpOffered {
            ask: ask(),
            address: None,
            boot_file: Some("ipxe.efi".to_string()),
        },
        What::DhcpIgnored {
            ask: ask(),
            why: text(),
        },
        What::DhcpLeased {
            ask: ask(),
            address,
            until: Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap(),
            boot_file: None,
            reserved: true,
        },
        What::DhcpElsewhere {
            ask: ask(),
            server: address,
            address: Some(address),
        },
        What::DhcpRefused {
            ask: ask(),
            why: text(),
        },
        What::DhcpInformed {
            ask: ask(),
            boot_file: None,
        },
        What::DhcpReleased {
            address,
            mac: Mac([2; 6]),
        },
        What::DhcpConflict {
            address,
            mac: None,
            until: at(9),
            found_by: "probe".to_string(),
        },
        What::Transfer(Transfer {
            protocol: Protocol::Tftp,
            path: "/ipxe.efi".to_string(),
            role: Role::Loader,
            client: "fe80::1".parse().unwrap(),
            bytes: 1,
            total: 2,
            duration_ms: 3,
            outcome: Outcome::Aborted(text()),
        }),
        What::ScriptServed {
            target: "image".to_string(),
            image: Some("debian-12".to_string()),
            identified_by: "mac".to_string(),
            client: "10.0.0.7".parse().unwrap(),
            mac: None,
            deployment: None,
        },
        What::AnswersServed {
            document: "user-data".to_string(),
            bytes: 12,
        },
        What::HookCalled {
            hook: "ready".to_string(),
            detail: text(),
            host_keys: vec!["ssh-ed25519 AAAA".to_string()],
            deployment: None,
        },
        What::HookRefused {
            hook: "ready".to_string(),
            client: "10.0.0.7".parse().unwrap(),
            why: text(),
        },
        What::TargetSet {
            target: None,
            once: true,
        },
        What::ImageAdded(Image {
            os: "debian-12".to_string(),
            architecture: "amd64".to_string(),
            kernel: file(),
            initrd: file(),
            root: file(),
            built_at: at(1),
            disk: Some(OnDisk {
                initrd: file(),
                unpacked: 5,
            }),
        }),
        What::DiskImageAdded(DiskImage {
            os: "debian-12".to_string(),
            architecture: "amd64".to_string(),
            disk: file(),
            unpacked: 5,
            built_at: at(1),
        }),
        What::AgentAdded(Agent {
            architecture: "amd64".to_string(),
            kernel: file(),
            initrd: file(),
            built_at: at(1),
        }),
        What::ImageRemoved {},
        What::MediumAdded(Medium {
            os: "debian-12".to_string(),
            architecture: "amd64".to_string(),
            version: text(),
            kernel: file(),
            initrd: file(),
            extra: vec![file()],
            udeb_suite: Some("components".to_string()),
            added_at: at(1),
        }),
        What::MediumRemoved {},
        What::InstallerSaid {
            notable: model::event::Notable::Question,
            line: text(),
        },
        What::LoadersFound {
            files: vec!["snponly.efi".into()],
        },
        What::Power {
            action: "on".to_string(),
        },
    ]
}

#[tokio::test]
async fn every_kind_of_event_is_read_as_it_was_written() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let events: Vec<Event> = (1..)
        .zip(every_kind())
        .map(|(seq, what)| event(seq, node("nid001"), what))
        .collect();
    store.append(&events).await.unwrap();
    assert_eq!(store.tail(0, 1000).await.unwrap(), events);
    store.close().await;
    let again = Store::open(&path).await.unwrap();
    assert_eq!(again.tail(0, 1000).await.unwrap(), events);
}

#[tokio::test]
async fn transaction_holds_any_number_of_events() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let mut events: Vec<Event> = Vec::new();
    for count in [0, 1, 2, 3, 31, 32, 33, 127, 4095, 4096, 4097, 9000] {
        let from = events.len() as Seq + 1;
        let more: Vec<Event> = (from..from + count).map(stopped).collect();
        store.append(&more).await.unwrap();
        events.extend(more);
    }
    assert_eq!(store.tail(0, 100_000).await.unwrap(), events);
}

#[tokio::test]
async fn transaction_is_synced_to_the_disk_before_it_counts() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let mut connection = store.writer("testing").await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[tokio::test]
async fn transaction_with_a_position_twice_changes_nothing_and_the_next_one_works() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.append(&[stopped(1)]).await.unwrap();
    let error = store.append(&[stopped(2), stopped(1)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Statement { .. }), "{error:?}");
    assert_eq!(store.last_seq().await.unwrap(), 1);
    store.append(&[stopped(2)]).await.unwrap();
    assert_eq!(store.last_seq().await.unwrap(), 2);
}

#[tokio::test]
async fn filter_lets_through_what_it_names_and_nothing_else() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let leased = |address: &str| What::DhcpLeased {
        ask: ask(),
        address: address.parse().unwrap(),
        until: at(99),
        boot_file: None,
        reserved: false,
    };
    let ignored = || What::DhcpIgnored {
        ask: ask(),
        why: "unknown".to_string(),
    };
    let power = || What::Power {
        action: "on".to_string(),
    };
    let mut events = vec![
        event(1, node("a"), power()),
        event(2, node("a"), leased("10.0.0.1")),
        event(3, node("b"), leased("10.0.0.2")),
        event(4, node("a"), ignored()),
        stopped(5),
        event(6, node("b"), power()),
    ];
    events[5].at = at(2); // The clock stepped back.
    store.append(&events).await.unwrap();

    let check = async |filter: Filter, expect: &[Seq]| {
        let found: Vec<Seq> = store.events(&filter).await.unwrap().iter().map(|e| e.seq).collect();
        assert_eq!(found, expect, "{filter:?}");
    };
    let kinds = |kinds: &[&str]| Filter {
        kinds: kinds.iter().map(ToString::to_string).collect(),
        ..Filter::default()
    };
    check(Filter::default(), &[1, 2, 3, 4, 5, 6]).await;
    check(kinds(&["dhcp"]), &[2, 3, 4]).await;
    check(kinds(&["dhcp.leased"]), &[2, 3]).await;
    check(kinds(&["dhcp.lease"]), &[]).await;
    check(kinds(&["power", "server"]), &[1, 5, 6]).await;
    check(kinds(&["' OR 1=1 --"]), &[]).await;
    let subject = Some(node("a"));
    check(
        Filter {
            subject: subject.clone(),
            ..Filter::default()
        },
        &[1, 2, 4],
    )
    .await;
    check(
        Filter {
            subject,
            after: Some(1),
            before: Some(4),
            ..kinds(&["dhcp"])
        },
        &[2],
    )
    .await;
    check(
        Filter {
            newest_first: true,
            limit: 2,
            ..Filter::default()
        },
        &[6, 5],
    )
    .await;
    check(
        Filter {
            since: Some(at(3)),
            ..Filter::default()
        },
        &[3, 4, 5],
    )
    .await;
}

#[tokio::test]
async fn events_of_a_subject_are_found_however_far_its_index_is() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let events: Vec<Event> = (1..=9)
        .map(|seq| Event {
            subject: node(if seq % 3 == 0 { "a" } else { "b" }),
            ..stopped(seq)
        })
        .collect();
    store.append(&events).await.unwrap();
    for (limit, all, through) in [
        (0, true, 0),
        (4, false, 0),
        (4, true, 4),
        (9, false, 4),
        (100, true, 9),
        (100, true, 9),
    ] {
        let next = store.to_index(limit).await.unwrap();
        assert!(next.rows.is_sorted());
        // A step, of which there may be more; or what ends them.
        let rows = if all {
            &next.rows[..]
        } else {
            &next.rows[..next.rows.len() / 2]
        };
        store.index(rows, all.then_some(next.through)).await.unwrap();
        assert_eq!(store.indexed().await.unwrap(), through);
        let of = async |filter: Filter| {
            let filter = Filter {
                subject: Some(node("a")),
                ..filter
            };
            store
                .events(&filter)
                .await
                .unwrap()
                .iter()
                .map(|event| event.seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Filter::default()).await, [3, 6, 9]);
        let newest_first = Filter {
            newest_first: true,
            limit: 2,
            ..Filter::default()
        };
        assert_eq!(of(newest_first.clone()).await, [9, 6]);
        let first_two = Filter {
            limit: 2,
            ..Filter::default()
        };
        assert_eq!(of(first_two.clone()).await, [3, 6]);
        // The bound counts what passes, not what was looked at.
        let late = Filter {
            since: Some(events[7].at),
            ..first_two
        };
        assert_eq!(of(late).await, [9]);
        let of_a_kind = Filter {
            kinds: vec!["server.stopped".into()],
            ..newest_first
        };
        assert_eq!(of(of_a_kind).await, [9, 6]);
        let between = Filter {
            after: Some(3),
            before: Some(9),
            ..Filter::default()
        };
        assert_eq!(of(between).await, [6]);
    }
}

#[tokio::test]
async fn timeline_of_a_node_is_found_by_its_index() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let plan = async |filter: Filter| {
        let (statement, arguments) = filter.statement();
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
        for argument in arguments {
            query = match argument {
                filter::Argument::Integer(integer) => query.bind(integer),
                filter::Argument::Text(text) => query.bind(text),
            };
        }
        let rows: Vec<(i64, i64, i64, String)> = query.fetch_all(&store.readers).await.unwrap();
        rows.into_iter().map(|row| row.3).collect::<Vec<_>>().join("; ")
    };
    let of_node = plan(Filter {
        subject: Some(node("a")),
        ..Filter::default()
    })
    .await;
    // By the index, and beyond its end by position; never through all events.
    assert!(
        of_node.contains("event_of USING PRIMARY KEY (subject=?)")
            && of_node.contains("event USING INTEGER PRIMARY KEY (rowid>?)")
            && !of_node.split("; ").any(|step| step == "SCAN event"),
        "{of_node}"
    );
    let of_kind = plan(Filter {
        kinds: vec!["cluster.applied".to_string()],
        ..Filter::default()
    })
    .await;
    assert!(of_kind.contains("event_kind"), "{of_kind}");
    let of_late = plan(Filter {
        since: Some(at(1)),
        ..Filter::default()
    })
    .await;
    assert!(of_late.contains("event_at"), "{of_late}");
}

#[tokio::test]
async fn only_the_last_two_snapshots_are_kept() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    for seq in [10, 20, 30] {
        let snapshot = StoredSnapshot {
            digest: "d".to_string(),
            body: vec![seq as u8],
        };
        store.put_snapshot(seq, snapshot).await.unwrap();
    }
    assert_eq!(store.snapshots().await.unwrap(), [30, 20]);
    assert_eq!(store.snapshot(20).await.unwrap().unwrap().body, [20]);
    assert_eq!(store.snapshot(10).await.unwrap(), None);
}

#[tokio::test]
async fn key_is_made_once_and_kept() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let (one, same, other) = (
        store.secret("boot-token").await.unwrap(),
        store.secret("boot-token").await.unwrap(),
        store.secret("session").await.unwrap(),
    );
    assert_eq!(one, same);
    assert_ne!(one, other);
    store.close().await;
    let reader = Store::open_read_only(&path).await.unwrap();
    assert_eq!(reader.secret("boot-token").await.unwrap(), one);
    let error = reader.secret("new").await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn files_with_keys_are_for_their_owner_only() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    store.secret("boot-token").await.unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        let mode = std::fs::metadata(path.with_file_name(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn second_server_on_a_directory_is_told_who_has_it() {
    let (_directory, path) = place();
    let first = Store::open(&path).await.unwrap();
    let error = Store::open(&path.with_file_name("other.db")).await.unwrap_err();
    let StoreError::InUse { pid, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(error.to_string().contains(&format!("(pid {})", std::process::id())));
    // Readers are welcome.
    first.append(&[stopped(1)]).await.unwrap();
    let reader = Store::open_read_only(&path).await.unwrap();
    assert_eq!(reader.last_seq().await.unwrap(), 1);
    reader.close().await;
    first.close().await;
    Store::open(&path).await.unwrap();
}

#[tokio::test]
async fn foreign_file_is_refused_and_left_as_it_was() {
    let (_directory, path) = place();
    let text = b"this is no database at all".repeat(100);
    std::fs::write(&path, &text).unwrap();
    for error in [
        Store::open(&path).await.unwrap_err(),
        Store::open_read_only(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), text);
}

#[tokio::test]
async fn database_of_another_program_is_refused_and_left_as_it_was() {
    let (_directory, path) = place();
    let mut other = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::query("CREATE TABLE event (x)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    for error in [
        Store::open(&path).await.unwrap_err(),
        Store::open_read_only(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn torn_file_is_called_damaged() {
    let (_directory, path) = place();
    let store = Store::open(&path).await.unwrap();
    let events: Vec<Event> = (1..=2000).map(stopped).collect();
    store.append(&events).await.unwrap();
    store.close().await;
    let whole = std::fs::read(&path).unwrap();

    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");

    let mut garbled = whole.clone();
    let middle = whole.len() / 4096 / 2 * 4096;
    // The middle may be a page of an index: whoever checks finds that, too.
    garbled[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, &garbled).unwrap();
    let store = Store::open(&path).await.unwrap();
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn emptied_file_does_not_cost_its_log() {
    let (_directory, path) = place();
    std::fs::write(&path, b"").unwrap();
    let log = path.with_file_name("journal.db-wal");
    std::fs::write(&log, b"events").unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(std::fs::read(&log).unwrap(), b"events");
}

#[tokio::test]
async fn journal_of_a_later_version_is_refused() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let mut connection = store.writer("testing").await.unwrap();
    sqlx::query(sql::SCHEMA_REACHED)
        .bind(99)
        .execute(&mut *connection)
        .await
        .unwrap();
    drop(connection);
    store.close().await;
    for error in [
        Store::open(&path).await.unwrap_err(),
        Store::open_read_only(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn unknown_kind_is_named_with_its_position() {
    let (_directory, path) = place();
    let Store::Sqlite(store) = Store::open(&path).await.unwrap();
    let mut connection = store.writer("testing").await.unwrap();
    sqlx::query("INSERT INTO event VALUES (1, 0, 'test', 'cluster', 'tea.brewed', '{}')")
        .execute(&mut *connection)
        .await
        .unwrap();
    let error = store.tail(0, 10).await.unwrap_err().to_string();
    assert!(error.starts_with("event 1 (tea.brewed) in the journal"), "{error}");
}

#[tokio::test]
async fn missing_directory_and_missing_file_are_told_apart() {
    let (directory, path) = place();
    let nowhere = directory.path().join("nowhere/journal.db");
    let error = Store::open(&nowhere).await.unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error:?}");
    let error = Store::open_read_only(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(!path.exists());
}

/// A journal as the first version of the program left it: a server that gave one node its address.
fn of_schema_1() -> (TempDir, PathBuf) {
    let (directory, path) = place();
    std::fs::write(&path, include_bytes!("fixtures/journal-schema-1.db")).unwrap();
    (directory, path)
}

async fn upgraded(path: &Path, steps: &[Migration]) -> Result<Store, StoreError> {
    Sqlite::open(path, steps).await.map(Store::Sqlite)
}

const WITH_NOTES: &[Migration] = &[
    MIGRATIONS[0],
    "ALTER TABLE event ADD COLUMN note TEXT; CREATE INDEX event_note ON event (note);",
];
const WITH_MISTAKE: &[Migration] = &[
    MIGRATIONS[0],
    WITH_NOTES[1],
    "CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER);",
];

#[tokio::test]
async fn journal_of_the_first_version_is_read_by_this_one() {
    let (_directory, path) = of_schema_1();
    let store = Store::open(&path).await.unwrap();
    let last = store.last_seq().await.unwrap();
    let events = store.tail(0, 1000).await.unwrap();
    assert_eq!(events.len() as u64, last);
    assert!(events.iter().any(|event| event.what.kind() == "dhcp.leased"));
    assert_eq!(store.schema().await.unwrap(), Store::SCHEMA);
    store.check().await.unwrap();
}

#[tokio::test]
async fn upgrade_keeps_every_event_and_a_copy_of_the_journal_as_it_was() {
    let (_directory, path) = of_schema_1();
    let before = {
        let store = upgraded(&path, &MIGRATIONS[..1]).await.unwrap();
        let events = store.tail(0, 1000).await.unwrap();
        store.close().await;
        events
    };
    let store = upgraded(&path, WITH_NOTES).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), 2);
    assert_eq!(store.tail(0, 1000).await.unwrap(), before);
    let next = before.len() as u64 + 1;
    store.append(&[stopped(next)]).await.unwrap();
    store.close().await;

    let copy = path.with_file_name("journal.db.schema-1");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = Store::open_read_only(&copy).await.unwrap();
    assert_eq!(kept.schema().await.unwrap(), 1);
    assert_eq!(kept.tail(0, 1000).await.unwrap(), before);

    // The program that is put back refuses, and says where the copy is.
    let error = upgraded(&path, &MIGRATIONS[..1]).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 2, known: 1, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("journal.db.schema-1"), "{error}");
}

#[tokio::test]
async fn step_that_fails_leaves_the_steps_before_it_and_nothing_of_its_own() {
    let (_directory, path) = of_schema_1();
    upgraded(&path, WITH_MISTAKE).await.unwrap_err();
    let store = upgraded(&path, WITH_NOTES).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), 2);
    let Store::Sqlite(sqlite) = &store;
    let half: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'half'")
        .fetch_one(&sqlite.readers)
        .await
        .unwrap();
    assert_eq!(half, 0);
}

#[tokio::test]
async fn new_journal_needs_no_copy() {
    let (directory, path) = place();
    Store::open(&path).await.unwrap().close().await;
    let copies = std::fs::read_dir(directory.path()).unwrap().flatten();
    assert!(
        !copies
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().contains("schema"))
    );
}
