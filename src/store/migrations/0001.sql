-- Events, snapshots of the world, keys.

CREATE TABLE event (
    -- The row's own key: appending touches the last page only.
    seq     INTEGER PRIMARY KEY NOT NULL,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT NOT NULL
);
-- The timeline of one node out of thousands.
CREATE INDEX event_subject ON event (subject, seq);
-- A rare kind (`cluster.applied`) among very many others.
CREATE INDEX event_kind ON event (kind, seq);
-- `at` may step back with the clock, so that it cannot be found by bisecting `seq`.
CREATE INDEX event_at ON event (at, seq);

CREATE TABLE snapshot (
    seq    INTEGER PRIMARY KEY NOT NULL,
    digest TEXT NOT NULL,
    body   TEXT NOT NULL
);

CREATE TABLE secret (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
);
