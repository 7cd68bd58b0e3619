-- The tables of one store, whose names begin with {p}; every statement may run again.

CREATE TABLE IF NOT EXISTS {p}store (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    store_id BLOB NOT NULL CHECK (length(store_id) = 16),
    hash_formula TEXT,
    created_at INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    last_recorded_at INTEGER NOT NULL,
    last_hash BLOB
) STRICT;

CREATE TABLE IF NOT EXISTS {p}events (
    position INTEGER PRIMARY KEY,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    stream_id TEXT NOT NULL,
    stream_version INTEGER NOT NULL CHECK (stream_version > 0),
    category TEXT NOT NULL,
    event_type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    recorded_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    payload ANY NOT NULL,         -- TEXT is JSON, BLOB is bytes
    content_type TEXT,            -- NULL is application/json
    metadata TEXT,                -- NULL is {}
    source TEXT,                  -- NULL is the store itself
    correlation_id TEXT,
    causation_id TEXT,
    traceparent TEXT,
    tracestate TEXT,
    tags TEXT,                    -- a JSON array; NULL is none
    payload_digest BLOB,
    predecessor_hash BLOB,
    hash BLOB
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS {p}events_by_stream ON {p}events (stream_id, stream_version);

CREATE UNIQUE INDEX IF NOT EXISTS {p}events_by_id ON {p}events (event_id);

CREATE INDEX IF NOT EXISTS {p}events_by_type ON {p}events (event_type, position);

CREATE INDEX IF NOT EXISTS {p}events_by_category ON {p}events (category, position);

CREATE TABLE IF NOT EXISTS {p}event_tags (
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {p}checkpoints (
    name TEXT PRIMARY KEY,
    checkpoint TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {p}snapshots (
    stream_id TEXT NOT NULL,
    name TEXT NOT NULL,
    stream_version INTEGER NOT NULL,
    state_version INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (stream_id, name)
) STRICT, WITHOUT ROWID;

-- The log is append-only for every connection, whatever its pragmas (rule 15). An UPDATE, a DELETE and an
-- upsert fire the first two. REPLACE deletes rows without firing a delete trigger unless recursive_triggers
-- is on, so the third refuses, before REPLACE gets to it, a row that collides with one that is there.

DROP TRIGGER IF EXISTS {p}events_no_update;
CREATE TRIGGER {p}events_no_update BEFORE UPDATE ON {p}events
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}events_no_delete;
CREATE TRIGGER {p}events_no_delete BEFORE DELETE ON {p}events
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}events_no_replace;
CREATE TRIGGER {p}events_no_replace BEFORE INSERT ON {p}events
WHEN NEW.position <= (SELECT last_position FROM {p}store)
    OR EXISTS (SELECT 1 FROM {p}events WHERE event_id = NEW.event_id)
    OR EXISTS (SELECT 1 FROM {p}events WHERE stream_id = NEW.stream_id AND stream_version = NEW.stream_version)
BEGIN
    SELECT RAISE(FAIL, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}event_tags_no_update;
CREATE TRIGGER {p}event_tags_no_update BEFORE UPDATE ON {p}event_tags
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}event_tags_no_delete;
CREATE TRIGGER {p}event_tags_no_delete BEFORE DELETE ON {p}event_tags
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}event_tags_no_late_insert;
CREATE TRIGGER {p}event_tags_no_late_insert BEFORE INSERT ON {p}event_tags
WHEN NEW.position <= (SELECT last_position FROM {p}store)
BEGIN
    SELECT RAISE(FAIL, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}store_no_rewind;
CREATE TRIGGER {p}store_no_rewind BEFORE UPDATE ON {p}store
WHEN NEW.last_position < OLD.last_position
    OR NEW.last_recorded_at < OLD.last_recorded_at
    OR NEW.store_id IS NOT OLD.store_id
    OR NEW.hash_formula IS NOT OLD.hash_formula
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}store_no_delete;
CREATE TRIGGER {p}store_no_delete BEFORE DELETE ON {p}store
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

DROP TRIGGER IF EXISTS {p}store_no_replace;
CREATE TRIGGER {p}store_no_replace BEFORE INSERT ON {p}store
WHEN EXISTS (SELECT 1 FROM {p}store)
BEGIN
    SELECT RAISE(ABORT, 'annals: the log is append-only');
END;

-- This row makes the tables a store.

INSERT INTO {p}store (id, schema_version, store_id, hash_formula, created_at, last_position, last_recorded_at)
SELECT 1, {schema_version}, randomblob(16), {hash_formula},
    CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER), 0, 0
WHERE NOT EXISTS (SELECT 1 FROM {p}store);
