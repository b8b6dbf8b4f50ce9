-- Snapshots are compressed: a world of 20,000 nodes is 20 MB of text, and whoever commits meanwhile waits for all of it.
DROP TABLE snapshot;
CREATE TABLE snapshot (
    seq    INTEGER PRIMARY KEY NOT NULL,
    digest TEXT NOT NULL,
    body   BLOB NOT NULL
);

-- Which events are about a subject. As an index of `event` it took a page for each event, since they are about other machines
-- each time, and was most of what a commit cost. Now it follows behind, many events at a time in the order of their subjects.
DROP INDEX event_subject;
CREATE TABLE event_of (
    subject TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (subject, seq)
) WITHOUT ROWID;
-- Up to which event it goes; one row.
CREATE TABLE event_of_through (seq INTEGER NOT NULL);
INSERT INTO event_of_through (seq) VALUES (0);
