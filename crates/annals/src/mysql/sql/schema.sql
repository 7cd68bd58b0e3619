-- The tables of one store. {p} begins every name, {collation} compares texts byte by byte, trailing blanks
-- included. Every statement may run again: MySQL commits each of them by itself, so a creation that was cut off
-- is completed by the next one.
DELIMITER $$

CREATE TABLE IF NOT EXISTS {p}store (
    id TINYINT NOT NULL PRIMARY KEY CHECK (id = 1),
    schema_version INT NOT NULL,
    store_id BINARY(16) NOT NULL,
    hash_formula VARCHAR(64),
    created_at DATETIME(6) NOT NULL,
    last_position BIGINT NOT NULL,
    last_recorded_at DATETIME(6) NOT NULL,
    last_hash BINARY(32)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation}
$$

CREATE TABLE IF NOT EXISTS {p}events (
    position BIGINT NOT NULL PRIMARY KEY,
    event_id BINARY(16) NOT NULL,
    stream_id VARCHAR(255) NOT NULL,
    stream_version BIGINT NOT NULL CHECK (stream_version > 0),
    category VARCHAR(255) NOT NULL,
    event_type VARCHAR(255) NOT NULL,
    schema_version INT NOT NULL,
    occurred_at DATETIME(6) NOT NULL,
    recorded_at DATETIME(6) NOT NULL,
    -- Kept as it was written, which the type JSON would not do. No CHECK (JSON_VALID(payload)) either: it
    -- refuses what is JSON, such as 1e400 or 120 arrays in each other.
    payload LONGTEXT,
    payload_bytes LONGBLOB,
    content_type TEXT,   -- NULL is application/json
    metadata LONGTEXT,   -- NULL is {}
    source TEXT,         -- NULL is the store itself
    correlation_id TEXT,
    causation_id TEXT,
    traceparent TEXT,
    tracestate TEXT,
    tags LONGTEXT,       -- an array of texts; NULL is none
    payload_digest BINARY(32),
    predecessor_hash BINARY(32),
    hash BINARY(32),
    CHECK ((payload IS NULL) <> (payload_bytes IS NULL)),
    UNIQUE KEY by_stream (stream_id, stream_version),
    UNIQUE KEY by_id (event_id),
    KEY by_type (event_type, position),
    KEY by_category (category, position)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE {collation}
$$

CREATE TABLE IF NOT EXISTS {p}event_tags (
    tag VARCHAR(255) NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tag, position)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE {collation}
$$

CREATE TABLE IF NOT EXISTS {p}checkpoints (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    checkpoint TEXT NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE {collation}
$$

CREATE TABLE IF NOT EXISTS {p}snapshots (
    stream_id VARCHAR(255) NOT NULL,
    name VARCHAR(255) NOT NULL,
    stream_version BIGINT NOT NULL,
    state_version BIGINT NOT NULL,
    state LONGTEXT NOT NULL,
    PRIMARY KEY (stream_id, name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE {collation}
$$

-- The log is append-only for everybody who may not change the tables themselves (rule 15). REPLACE and
-- ON DUPLICATE KEY UPDATE run these triggers too; TRUNCATE runs none, and needs the right to drop the table.

CREATE TRIGGER IF NOT EXISTS {p}events_no_update BEFORE UPDATE ON {p}events FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: the log is append-only'
$$

CREATE TRIGGER IF NOT EXISTS {p}events_no_delete BEFORE DELETE ON {p}events FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: the log is append-only'
$$

CREATE TRIGGER IF NOT EXISTS {p}event_tags_no_update BEFORE UPDATE ON {p}event_tags FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: the log is append-only'
$$

CREATE TRIGGER IF NOT EXISTS {p}event_tags_no_delete BEFORE DELETE ON {p}event_tags FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: the log is append-only'
$$

CREATE TRIGGER IF NOT EXISTS {p}store_no_delete BEFORE DELETE ON {p}store FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: the log is append-only'
$$

CREATE TRIGGER IF NOT EXISTS {p}store_no_rewind BEFORE UPDATE ON {p}store FOR EACH ROW
    IF NEW.id <> OLD.id
        OR NEW.last_position < OLD.last_position
        OR NEW.last_recorded_at < OLD.last_recorded_at
        OR NEW.store_id <> OLD.store_id
        OR NOT NEW.hash_formula <=> OLD.hash_formula
    THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals: the log is append-only';
    END IF
$$

-- Writes a batch in which everything goes well, in one round trip, under the row lock of the store, which is
-- what orders appends. Where a stream is not between its lowest and highest version, or an event is there
-- already, it writes nothing and gives no position; then the batch is decided request by request.
--
-- The rows, and so the positions, are seen by others before they are on the disk (InnoDB makes a commit visible
-- and then flushes it), so the session keeps a lock named by the batch's last position. Whoever called gives it up
-- with a command of its own: MariaDB goes on in a procedure while COMMIT is still being flushed, and waits only
-- before it answers the call.

CREATE PROCEDURE IF NOT EXISTS {p}append (
    p_store_id BINARY(16), p_now DATETIME(6), p_streams LONGTEXT CHARACTER SET utf8mb4,
    p_count INT, p_events LONGTEXT CHARACTER SET utf8mb4, p_tags LONGTEXT CHARACTER SET utf8mb4
)
MODIFIES SQL DATA SQL SECURITY INVOKER
append: BEGIN
    DECLARE v_position BIGINT DEFAULT NULL;
    DECLARE v_recorded_at DATETIME(6);
    -- The streams' versions, each 20 digits long.
    DECLARE v_versions LONGTEXT CHARACTER SET ascii;
    DECLARE v_wrong INT;

    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        ROLLBACK;
        SELECT NULL, NULL;
    END;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    -- Each statement has to see what was committed before the lock was granted.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    START TRANSACTION;
    SELECT last_position, last_recorded_at INTO v_position, v_recorded_at
    FROM {p}store WHERE id = 1 AND store_id = p_store_id FOR UPDATE;
    IF v_position IS NULL THEN
        ROLLBACK;
        LEAVE append;
    END IF;

    SELECT GROUP_CONCAT(LPAD(v.version, 20, '0') ORDER BY v.place SEPARATOR ''),
        SUM(v.version < v.lowest OR v.version > v.highest)
    INTO v_versions, v_wrong
    FROM (
        -- MySQL walks the index backward only for an order that names both of its columns.
        SELECT s.place, s.lowest, s.highest, COALESCE((
            SELECT e.stream_version FROM {p}events e FORCE INDEX (by_stream) WHERE e.stream_id = s.stream_id
            ORDER BY e.stream_id DESC, e.stream_version DESC LIMIT 1), 0) AS version
        FROM JSON_TABLE(p_streams, '$[*]' COLUMNS (
            place FOR ORDINALITY,
            stream_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {collation} PATH '$[0]',
            lowest BIGINT PATH '$[1]',
            highest BIGINT PATH '$[2]'
        )) s
    ) v;
    IF v_wrong > 0 THEN
        ROLLBACK;
        SELECT NULL, NULL;
        LEAVE append;
    END IF;

    SET v_recorded_at = GREATEST(v_recorded_at, p_now);
    INSERT INTO {p}events (
        position, event_id, stream_id, stream_version, category, event_type, schema_version, occurred_at,
        recorded_at, payload, payload_bytes, content_type, metadata, source, correlation_id, causation_id,
        traceparent, tracestate, tags)
    SELECT v_position + n.place, UNHEX(n.event_id), n.stream_id,
        CAST(SUBSTRING(v_versions, 20 * n.stream + 1, 20) AS SIGNED) + n.version_offset,
        n.category, n.event_type, n.schema_version, n.occurred_at, v_recorded_at, n.payload,
        FROM_BASE64(n.payload_bytes), n.content_type, n.metadata, n.source, n.correlation_id, n.causation_id,
        n.traceparent, n.tracestate, n.tags
    FROM JSON_TABLE(p_events, '$[*]' COLUMNS (
        place FOR ORDINALITY,
        stream INT PATH '$.n',
        version_offset BIGINT PATH '$.o',
        event_id CHAR(32) PATH '$.i',
        stream_id VARCHAR(255) CHARACTER SET utf8mb4 PATH '$.s',
        category VARCHAR(255) CHARACTER SET utf8mb4 PATH '$.c',
        event_type VARCHAR(255) CHARACTER SET utf8mb4 PATH '$.t',
        schema_version INT PATH '$.v',
        occurred_at VARCHAR(26) PATH '$.a',
        payload LONGTEXT CHARACTER SET utf8mb4 PATH '$.p',
        -- What few events have is looked for only where there is any of it.
        NESTED PATH '$.x' COLUMNS (
            payload_bytes LONGTEXT PATH '$.b',
            content_type TEXT CHARACTER SET utf8mb4 PATH '$.c',
            metadata LONGTEXT CHARACTER SET utf8mb4 PATH '$.m',
            source TEXT CHARACTER SET utf8mb4 PATH '$.s',
            correlation_id TEXT CHARACTER SET utf8mb4 PATH '$.r',
            causation_id TEXT CHARACTER SET utf8mb4 PATH '$.a',
            traceparent TEXT CHARACTER SET utf8mb4 PATH '$.p',
            tracestate TEXT CHARACTER SET utf8mb4 PATH '$.t',
            tags LONGTEXT CHARACTER SET utf8mb4 PATH '$.g'
        )
    )) n;

    IF p_tags IS NOT NULL THEN
        INSERT INTO {p}event_tags (tag, position)
        SELECT t.tag, v_position + t.place
        FROM JSON_TABLE(p_tags, '$[*]' COLUMNS (
            place BIGINT PATH '$[0]',
            tag VARCHAR(255) CHARACTER SET utf8mb4 PATH '$[1]'
        )) t;
    END IF;

    UPDATE {p}store SET last_position = v_position + p_count, last_recorded_at = v_recorded_at WHERE id = 1;
    DO GET_LOCK(CONCAT('annals ', HEX(p_store_id), ' ', v_position + p_count), 0);
    COMMIT;
    SELECT v_position, v_versions;
END
$$

-- This row makes the tables a store, so it comes last.

INSERT IGNORE INTO {p}store (
    id, schema_version, store_id, hash_formula, created_at, last_position, last_recorded_at)
VALUES (1, {schema_version}, UNHEX(REPLACE(UUID(), '-', '')), {hash_formula}, UTC_TIMESTAMP(6), 0, '1970-01-01')
$$
