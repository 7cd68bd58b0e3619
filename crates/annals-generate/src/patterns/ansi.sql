-- An event log in standard SQL, for a database that Annals has no backend for. It runs as it stands on PostgreSQL and
-- SQLite. Where a product differs:
--
--   JSON        is a type since SQL:2023. Oracle before 21c and Db2: CLOB with CHECK (payload IS JSON).
--   event_id    is a UUID as text. Where there is a type UUID, or RAW(16) or BINARY(16), take that.
--   TIMESTAMP WITH TIME ZONE   SQL Server: DATETIMEOFFSET. MySQL and MariaDB: DATETIME(6), written in UTC.
--   VARCHAR     has to compare byte by byte, case and trailing blanks included: a binary collation where the
--               default is another one.
--   FOREIGN KEY SQLite checks them with PRAGMA foreign_keys = ON alone.
--
-- Standard SQL keeps order, uniqueness and the links of the log. It cannot refuse an UPDATE for everybody. Let the
-- application log in as a role that may do no more than this,
--
--   GRANT SELECT, INSERT ON events TO app;
--   GRANT SELECT, INSERT ON event_tags TO app;
--   GRANT SELECT, UPDATE ON log_head TO app;
--
-- and add a trigger in the product's own language that refuses UPDATE and DELETE on events and event_tags.

-- Where the log ends. An append updates this row first, in its transaction: whoever comes second waits, and so
-- positions are given in the order of commits. A sequence would not do that.
CREATE TABLE log_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_position BIGINT NOT NULL CHECK (last_position >= 0)
);

INSERT INTO log_head (id, last_position) VALUES (1, 0);

CREATE TABLE events (
    log_position BIGINT NOT NULL PRIMARY KEY,
    event_id VARCHAR(36) NOT NULL UNIQUE,
    stream_id VARCHAR(255) NOT NULL,
    stream_version BIGINT NOT NULL CHECK (stream_version > 0),
    -- The event before it in its stream. With the reference below no version can be left out, and no event but the
    -- last of a stream can be removed.
    previous_version BIGINT,
    event_type VARCHAR(255) NOT NULL,
    schema_version INTEGER DEFAULT 1 NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP NOT NULL,
    payload JSON NOT NULL,
    metadata JSON NOT NULL,
    UNIQUE (stream_id, stream_version),
    FOREIGN KEY (stream_id, previous_version) REFERENCES events (stream_id, stream_version),
    CHECK ((stream_version = 1 AND previous_version IS NULL)
        OR (stream_version > 1 AND previous_version IS NOT NULL AND previous_version = stream_version - 1))
);

CREATE INDEX events_by_type ON events (event_type, log_position);

-- What decisions across streams look for.
CREATE TABLE event_tags (
    tag VARCHAR(255) NOT NULL,
    log_position BIGINT NOT NULL REFERENCES events (log_position),
    PRIMARY KEY (tag, log_position)
);

-- How far each projection has come, written in the transaction of its rows.
CREATE TABLE checkpoints (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    log_position BIGINT NOT NULL
);

-- Cached states, which may be thrown away at any time.
CREATE TABLE snapshots (
    stream_id VARCHAR(255) NOT NULL,
    name VARCHAR(255) NOT NULL,
    stream_version BIGINT NOT NULL,
    state_version BIGINT NOT NULL,
    state JSON NOT NULL,
    PRIMARY KEY (stream_id, name)
);
