//! Events are found by what is asked for.

use super::*;

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
