-- One store, in a schema of its own. GO ends a batch, as sqlcmd takes them; every batch may run again.
--
-- A name is there twice: as text, for people and their queries, and as the bytes of its UTF-8 in a column NAME_key,
-- which Annals compares and sorts by. Text would not do: even under a binary collation 'a' equals 'a ', and
-- characters beyond U+FFFF sort before others that come after them.
SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON;
SET NUMERIC_ROUNDABORT OFF;
GO

IF SCHEMA_ID(N'{schema}') IS NULL EXEC(N'CREATE SCHEMA {s}')
GO

IF OBJECT_ID(N'{s}.[store]', N'U') IS NULL
CREATE TABLE {s}.[store] (
    id tinyint NOT NULL CONSTRAINT [store_pk] PRIMARY KEY CONSTRAINT [store_has_one_row] CHECK (id = 1),
    schema_version int NOT NULL,
    store_id uniqueidentifier NOT NULL,
    hash_formula nvarchar(64) COLLATE Latin1_General_100_BIN2 NULL,
    created_at datetimeoffset(6) NOT NULL,
    last_position bigint NOT NULL,
    last_recorded_at datetimeoffset(6) NOT NULL,
    last_hash binary(32) NULL
)
GO

IF OBJECT_ID(N'{s}.[events]', N'U') IS NULL
CREATE TABLE {s}.[events] (
    position bigint NOT NULL CONSTRAINT [events_pk] PRIMARY KEY,
    event_id uniqueidentifier NOT NULL CONSTRAINT [events_by_id] UNIQUE,
    stream_id nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    stream_id_key varbinary(255) NOT NULL,
    stream_version bigint NOT NULL CONSTRAINT [events_version_from_1] CHECK (stream_version > 0),
    category_key varbinary(255) NOT NULL,
    event_type nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    event_type_key varbinary(255) NOT NULL,
    schema_version bigint NOT NULL,
    occurred_at datetimeoffset(6) NOT NULL,
    recorded_at datetimeoffset(6) NOT NULL,
    -- Kept as it was written. No CHECK (ISJSON(payload) = 1): before SQL Server 2022 it takes no scalar for JSON.
    payload nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,
    payload_bytes varbinary(max) NULL,
    content_type nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL, -- NULL is application/json
    metadata nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,     -- NULL is {}
    source nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,       -- NULL is the store itself
    correlation_id nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,
    causation_id nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,
    traceparent nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,
    tracestate nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,
    tags nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL,         -- an array of texts; NULL is none
    payload_digest binary(32) NULL,
    predecessor_hash binary(32) NULL,
    hash binary(32) NULL,
    CONSTRAINT [events_one_payload] CHECK (
        (payload IS NULL AND payload_bytes IS NOT NULL) OR (payload IS NOT NULL AND payload_bytes IS NULL)),
    CONSTRAINT [events_by_stream] UNIQUE (stream_id_key, stream_version),
    CONSTRAINT [events_by_type] UNIQUE (event_type_key, position),
    CONSTRAINT [events_by_category] UNIQUE (category_key, position)
)
GO

IF OBJECT_ID(N'{s}.[event_tags]', N'U') IS NULL
CREATE TABLE {s}.[event_tags] (
    tag_key varbinary(255) NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT [event_tags_pk] PRIMARY KEY (tag_key, position)
)
GO

IF OBJECT_ID(N'{s}.[checkpoints]', N'U') IS NULL
CREATE TABLE {s}.[checkpoints] (
    name_key varbinary(255) NOT NULL CONSTRAINT [checkpoints_pk] PRIMARY KEY,
    name nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    [checkpoint] nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL
)
GO

IF OBJECT_ID(N'{s}.[snapshots]', N'U') IS NULL
CREATE TABLE {s}.[snapshots] (
    stream_id_key varbinary(255) NOT NULL,
    name_key varbinary(255) NOT NULL,
    stream_version bigint NOT NULL,
    state_version bigint NOT NULL,
    state nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    CONSTRAINT [snapshots_pk] PRIMARY KEY (stream_id_key, name_key)
)
GO

-- The log is append-only for everybody who may not change the tables themselves (rule 15). MERGE runs these
-- triggers too. TRUNCATE runs none, and needs the right to alter the table; it takes no table that another refers
-- to, which is all that the table without rows below is for.

IF OBJECT_ID(N'{s}.[truncate_guard]', N'U') IS NULL
CREATE TABLE {s}.[truncate_guard] (
    id tinyint NULL CONSTRAINT [truncate_guard_store] REFERENCES {s}.[store] (id),
    position bigint NULL CONSTRAINT [truncate_guard_events] REFERENCES {s}.[events] (position),
    tag_key varbinary(255) NULL,
    tag_position bigint NULL,
    CONSTRAINT [truncate_guard_tags] FOREIGN KEY (tag_key, tag_position)
        REFERENCES {s}.[event_tags] (tag_key, position)
)
GO

IF OBJECT_ID(N'{s}.[events_append_only]', N'TR') IS NULL EXEC(N'
CREATE TRIGGER {s}.[events_append_only] ON {s}.[events] INSTEAD OF UPDATE, DELETE AS
    THROW 51015, ''annals: the log is append-only'', 1')
GO

IF OBJECT_ID(N'{s}.[event_tags_append_only]', N'TR') IS NULL EXEC(N'
CREATE TRIGGER {s}.[event_tags_append_only] ON {s}.[event_tags] INSTEAD OF UPDATE, DELETE AS
    THROW 51015, ''annals: the log is append-only'', 1')
GO

IF OBJECT_ID(N'{s}.[store_stays]', N'TR') IS NULL EXEC(N'
CREATE TRIGGER {s}.[store_stays] ON {s}.[store] INSTEAD OF DELETE AS
    THROW 51015, ''annals: the log is append-only'', 1')
GO

IF OBJECT_ID(N'{s}.[store_never_rewinds]', N'TR') IS NULL EXEC(N'
CREATE TRIGGER {s}.[store_never_rewinds] ON {s}.[store] AFTER UPDATE AS
    IF EXISTS (
        SELECT 1 FROM deleted d LEFT JOIN inserted i
        ON i.id = d.id AND i.store_id = d.store_id AND i.last_position >= d.last_position
            AND i.last_recorded_at >= d.last_recorded_at
            AND (i.hash_formula = d.hash_formula OR (i.hash_formula IS NULL AND d.hash_formula IS NULL))
        WHERE i.id IS NULL)
    THROW 51015, ''annals: the log is append-only'', 1')
GO

-- Writes rows that have been decided, and moves the end of the log, in the transaction of its caller, who holds the
-- store's lock. All text stands in @texts and all that is binary in @bytes, one behind the other; the documents say
-- where, counted from 1, so that nothing is ever escaped. A row's version counts from that of its stream in
-- @versions, each 20 digits long, or from 0 where @versions is empty.

IF OBJECT_ID(N'{s}.[write]', N'P') IS NULL EXEC(N'CREATE PROCEDURE {s}.[write] AS RETURN 0')
GO

ALTER PROCEDURE {s}.[write]
    @store_id uniqueidentifier, @before bigint, @recorded_at datetimeoffset(6), @versions varchar(max), @count bigint,
    @events nvarchar(max), @tags nvarchar(max), @texts nvarchar(max), @bytes varbinary(max), @last_hash varbinary(32)
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    INSERT INTO {s}.[events] (
        position, event_id, stream_id, stream_id_key, stream_version, category_key, event_type, event_type_key,
        schema_version, occurred_at, recorded_at, payload, payload_bytes, content_type, metadata, source,
        correlation_id, causation_id, traceparent, tracestate, tags, payload_digest, predecessor_hash, hash)
    SELECT @before + n.place, n.event_id,
        CAST(SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.stream_first, n.stream_length) AS nvarchar(255)),
        CAST(SUBSTRING(@bytes, n.stream_key_first, n.stream_key_length) AS varbinary(255)),
        n.version_offset
            + CASE WHEN @versions = '' THEN 0 ELSE CAST(SUBSTRING(@versions, 20 * n.stream + 1, 20) AS bigint) END,
        CAST(SUBSTRING(@bytes, n.stream_key_first, n.category_key_length) AS varbinary(255)),
        CAST(SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.type_first, n.type_length) AS nvarchar(255)),
        CAST(SUBSTRING(@bytes, n.type_key_first, n.type_key_length) AS varbinary(255)),
        n.schema_version, n.occurred_at, @recorded_at,
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.payload_first, n.payload_length),
        SUBSTRING(@bytes, n.bytes_first, n.bytes_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.content_type_first, n.content_type_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.metadata_first, n.metadata_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.source_first, n.source_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.correlation_first, n.correlation_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.causation_first, n.causation_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.traceparent_first, n.traceparent_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.tracestate_first, n.tracestate_length),
        SUBSTRING(@texts COLLATE Latin1_General_100_BIN2, n.tags_first, n.tags_length),
        CAST(SUBSTRING(@bytes, n.hashes_first, 32) AS binary(32)),
        CAST(SUBSTRING(@bytes, n.hashes_first + 32, 32) AS binary(32)),
        CAST(SUBSTRING(@bytes, n.hashes_first + 64, 32) AS binary(32))
    FROM OPENJSON(@events) WITH (
        place int '$.n',
        event_id uniqueidentifier '$.i',
        stream int '$.g',
        version_offset bigint '$.o',
        stream_first int '$.s',
        stream_length int '$.sl',
        stream_key_first int '$.k',
        stream_key_length int '$.kl',
        category_key_length int '$.cl',
        type_first int '$.t',
        type_length int '$.tl',
        type_key_first int '$.u',
        type_key_length int '$.ul',
        schema_version bigint '$.v',
        occurred_at datetimeoffset(6) '$.a',
        payload_first int '$.p',
        payload_length int '$.pl',
        bytes_first int '$.b',
        bytes_length int '$.bl',
        hashes_first int '$.h',
        content_type_first int '$.x.c',
        content_type_length int '$.x.cl',
        metadata_first int '$.x.m',
        metadata_length int '$.x.ml',
        source_first int '$.x.s',
        source_length int '$.x.sl',
        correlation_first int '$.x.r',
        correlation_length int '$.x.rl',
        causation_first int '$.x.a',
        causation_length int '$.x.al',
        traceparent_first int '$.x.p',
        traceparent_length int '$.x.pl',
        tracestate_first int '$.x.t',
        tracestate_length int '$.x.tl',
        tags_first int '$.x.g',
        tags_length int '$.x.gl'
    ) n;
    IF @tags <> N''
        INSERT INTO {s}.[event_tags] (tag_key, position)
        SELECT CAST(SUBSTRING(@bytes, t.tag_first, t.tag_length) AS varbinary(255)), @before + t.place
        FROM OPENJSON(@tags) WITH (place int '$.n', tag_first int '$.k', tag_length int '$.l') t;
    UPDATE {s}.[store]
    SET last_position = @before + @count, last_recorded_at = @recorded_at,
        last_hash = CASE WHEN DATALENGTH(@last_hash) = 32 THEN CAST(@last_hash AS binary(32)) END
    WHERE id = 1 AND store_id = @store_id;
END
GO

-- Writes a batch in which everything goes well, in one round trip, under the store's lock, which is what orders
-- appends. Where a stream is not between its lowest and highest version it writes nothing and gives no position, and
-- where an event is there already it fails; then the batch is decided request by request.

IF OBJECT_ID(N'{s}.[append]', N'P') IS NULL EXEC(N'CREATE PROCEDURE {s}.[append] AS RETURN 0')
GO

ALTER PROCEDURE {s}.[append]
    @lock nvarchar(255), @store_id uniqueidentifier, @now datetimeoffset(6), @streams nvarchar(max),
    @count bigint, @events nvarchar(max), @tags nvarchar(max), @texts nvarchar(max), @bytes varbinary(max)
AS
BEGIN
    SET NOCOUNT ON;
    SET XACT_ABORT ON;
    DECLARE @granted int, @before bigint, @recorded_at datetimeoffset(6), @versions varchar(max), @wrong int;
    -- Each statement behind the lock has to see what was committed before it was granted.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    BEGIN TRANSACTION;
    EXEC @granted = sp_getapplock @Resource = @lock, @LockMode = N'Exclusive', @LockOwner = N'Transaction',
        @LockTimeout = 5000;
    IF @granted < 0
    BEGIN
        ROLLBACK TRANSACTION;
        THROW 51222, 'annals: the lock of the store was not granted', 1;
    END;
    SELECT @before = last_position, @recorded_at = last_recorded_at
    FROM {s}.[store] WHERE id = 1 AND store_id = @store_id;
    IF @before IS NULL
    BEGIN
        ROLLBACK TRANSACTION;
        RETURN 0;
    END;
    SELECT
        @versions = STRING_AGG(CAST(RIGHT(REPLICATE('0', 20) + CAST(v.version AS varchar(20)), 20) AS varchar(max)), '')
            WITHIN GROUP (ORDER BY v.place),
        @wrong = SUM(CASE WHEN v.version < v.lowest OR v.version > v.highest THEN 1 ELSE 0 END)
    FROM (
        SELECT s.place, s.lowest, s.highest, COALESCE((
            SELECT MAX(e.stream_version) FROM {s}.[events] e
            WHERE e.stream_id_key = CAST(SUBSTRING(@bytes, s.stream_first, s.stream_length) AS varbinary(255))
        ), 0) AS version
        FROM OPENJSON(@streams) WITH (
            place int '$.n',
            stream_first int '$.k',
            stream_length int '$.l',
            lowest bigint '$.a',
            highest bigint '$.z'
        ) s
    ) v;
    IF @wrong > 0
    BEGIN
        ROLLBACK TRANSACTION;
        SELECT CAST(NULL AS bigint), CAST(NULL AS varchar(max));
        RETURN 0;
    END;
    IF @now > @recorded_at SET @recorded_at = @now;
    EXEC {s}.[write] @store_id, @before, @recorded_at, @versions, @count, @events, @tags, @texts, @bytes, 0x;
    COMMIT TRANSACTION;
    SELECT @before, @versions;
END
GO

-- This row makes the tables a store, so it comes last.

IF NOT EXISTS (SELECT 1 FROM {s}.[store])
INSERT INTO {s}.[store] (
    id, schema_version, store_id, hash_formula, created_at, last_position, last_recorded_at)
VALUES (1, {schema_version}, NEWID(), {hash_formula}, CAST(SYSUTCDATETIME() AS datetimeoffset(6)), 0, '1970-01-01')
GO
