-- The tables of one store, in its schema {s}; every statement may run again.

CREATE SCHEMA IF NOT EXISTS {s};

CREATE TABLE IF NOT EXISTS {s}.store (
    id smallint PRIMARY KEY CHECK (id = 1),
    schema_version integer NOT NULL,
    store_id uuid NOT NULL,
    hash_formula text,
    created_at timestamptz NOT NULL,
    last_position bigint NOT NULL,
    last_recorded_at timestamptz NOT NULL,
    last_hash bytea
) WITH (fillfactor = 10); -- one row that every append updates: room for its versions on its page

CREATE TABLE IF NOT EXISTS {s}.events (
    position bigint PRIMARY KEY,
    event_id uuid NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    stream_version bigint NOT NULL CHECK (stream_version > 0),
    category text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    payload json,       -- kept as it was written, which jsonb would not do
    payload_bytes bytea,
    content_type text,  -- NULL is application/json
    metadata json,      -- NULL is {}
    source text,        -- NULL is the store itself
    correlation_id text,
    causation_id text,
    traceparent text,
    tracestate text,
    tags json,          -- an array of texts; NULL is none
    payload_digest bytea,
    predecessor_hash bytea,
    hash bytea,
    CHECK ((payload IS NULL) <> (payload_bytes IS NULL))
);

CREATE UNIQUE INDEX IF NOT EXISTS events_by_stream ON {s}.events (stream_id, stream_version);

CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON {s}.events (event_id);

CREATE INDEX IF NOT EXISTS events_by_type ON {s}.events (event_type, position);

CREATE INDEX IF NOT EXISTS events_by_category ON {s}.events (category, position);

CREATE TABLE IF NOT EXISTS {s}.event_tags (
    tag text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tag, position)
);

CREATE TABLE IF NOT EXISTS {s}.checkpoints (
    name text COLLATE "C" PRIMARY KEY,
    checkpoint text NOT NULL
);

CREATE TABLE IF NOT EXISTS {s}.snapshots (
    stream_id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    stream_version bigint NOT NULL,
    state_version bigint NOT NULL,
    state json NOT NULL,
    PRIMARY KEY (stream_id, name)
);

-- The log is append-only for everybody who may not change the tables themselves (rule 15).

CREATE OR REPLACE FUNCTION {s}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'annals: the log is append-only' USING ERRCODE = 'restrict_violation';
END
$body$;

DROP TRIGGER IF EXISTS no_change ON {s}.events;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {s}.events
    FOR EACH STATEMENT EXECUTE FUNCTION {s}.refuse_change();

DROP TRIGGER IF EXISTS no_change ON {s}.event_tags;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {s}.event_tags
    FOR EACH STATEMENT EXECUTE FUNCTION {s}.refuse_change();

DROP TRIGGER IF EXISTS no_removal ON {s}.store;
CREATE TRIGGER no_removal BEFORE DELETE OR TRUNCATE ON {s}.store
    FOR EACH STATEMENT EXECUTE FUNCTION {s}.refuse_change();

DROP TRIGGER IF EXISTS no_rewind ON {s}.store;
CREATE TRIGGER no_rewind BEFORE UPDATE ON {s}.store FOR EACH ROW
    WHEN (NEW.last_position < OLD.last_position
        OR NEW.last_recorded_at < OLD.last_recorded_at
        OR NEW.store_id <> OLD.store_id
        OR NEW.hash_formula IS DISTINCT FROM OLD.hash_formula)
    EXECUTE FUNCTION {s}.refuse_change();

-- Writes a batch in which everything goes well, in one round trip, under the row lock of the store, which is
-- what orders appends. Where a stream is not between its lowest and highest version, or an event is there
-- already, it writes nothing and gives no position; then the batch is decided request by request.

CREATE OR REPLACE FUNCTION {s}.append_batch(
    p_store_id uuid, p_streams text[], p_lowest bigint[], p_highest bigint[], p_now timestamptz,
    p_stream_places integer[], p_offsets bigint[], p_event_ids uuid[], p_categories text[],
    p_event_types text[], p_schema_versions integer[], p_occurred_at timestamptz[], p_payloads text[],
    p_payload_bytes bytea[], p_content_types text[], p_metadata text[], p_sources text[],
    p_correlation_ids text[], p_causation_ids text[], p_traceparents text[], p_tracestates text[],
    p_tags text[], p_tag_places bigint[], p_tag_names text[],
    OUT o_before bigint, OUT o_versions bigint[]
) RETURNS SETOF record LANGUAGE plpgsql
    -- An empty table has plans that a full one must not keep.
    SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off SET lock_timeout = '5s'
AS $body$
DECLARE
    v_position bigint;
    v_recorded_at timestamptz;
    v_version bigint;
    v_holds boolean;
BEGIN
    -- Each statement has to see what was committed before the lock was granted.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'annals: appends need READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;

    -- An acknowledged append is durable, whatever the role's setting is for other transactions.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    -- Those who wait stand in one line. At the row, every commit would wake all of them.
    PERFORM pg_advisory_xact_lock(uuid_hash_extended(p_store_id, 0));

    SELECT last_position, last_recorded_at INTO v_position, v_recorded_at
    FROM {s}.store WHERE id = 1 AND store_id = p_store_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- One stream, the most frequent batch, needs no list. Without the lower bound the index would be read to the
    -- beginning of its page.
    IF cardinality(p_streams) = 1 THEN
        SELECT coalesce(max(stream_version), 0) INTO v_version
        FROM {s}.events WHERE stream_id = p_streams[1] AND stream_version >= p_lowest[1];
        o_versions := ARRAY[v_version];
        v_holds := v_version BETWEEN p_lowest[1] AND p_highest[1];
    ELSE
        SELECT array_agg(coalesce(e.stream_version, 0) ORDER BY s.place),
            bool_and(coalesce(e.stream_version, 0) BETWEEN s.lowest AND s.highest)
        INTO o_versions, v_holds
        FROM unnest(p_streams, p_lowest, p_highest) WITH ORDINALITY s (stream_id, lowest, highest, place)
        LEFT JOIN LATERAL (
            SELECT stream_version FROM {s}.events
            WHERE stream_id = s.stream_id AND stream_version >= s.lowest
            ORDER BY stream_version DESC LIMIT 1
        ) e ON true;
    END IF;

    IF NOT v_holds OR EXISTS (SELECT FROM {s}.events WHERE event_id = ANY (p_event_ids)) THEN
        RETURN NEXT;
        RETURN;
    END IF;

    o_before := v_position;
    v_recorded_at := greatest(v_recorded_at, p_now);

    INSERT INTO {s}.events (
        position, event_id, stream_id, stream_version, category, event_type, schema_version, occurred_at,
        recorded_at, payload, payload_bytes, content_type, metadata, source, correlation_id, causation_id,
        traceparent, tracestate, tags)
    SELECT v_position + n.place, n.event_id, p_streams[n.stream], o_versions[n.stream] + n.version_offset,
        n.category, n.event_type, n.schema_version, n.occurred_at, v_recorded_at, n.payload::json,
        n.payload_bytes, n.content_type, n.metadata::json, n.source, n.correlation_id, n.causation_id,
        n.traceparent, n.tracestate, n.tags::json
    FROM unnest(
        p_stream_places, p_offsets, p_event_ids, p_categories, p_event_types, p_schema_versions, p_occurred_at,
        p_payloads, p_payload_bytes, p_content_types, p_metadata, p_sources, p_correlation_ids,
        p_causation_ids, p_traceparents, p_tracestates, p_tags
    ) WITH ORDINALITY n (
        stream, version_offset, event_id, category, event_type, schema_version, occurred_at, payload,
        payload_bytes, content_type, metadata, source, correlation_id, causation_id, traceparent, tracestate,
        tags, place
    );

    IF cardinality(p_tag_places) > 0 THEN
        INSERT INTO {s}.event_tags (tag, position)
        SELECT t.tag, v_position + t.place FROM unnest(p_tag_names, p_tag_places) t (tag, place);
    END IF;

    UPDATE {s}.store
    SET last_position = v_position + cardinality(p_event_ids), last_recorded_at = v_recorded_at
    WHERE id = 1;
    PERFORM pg_notify('{channel}', (v_position + cardinality(p_event_ids))::text);
    RETURN NEXT;
END
$body$;

-- This row makes the tables a store.

INSERT INTO {s}.store (
    id, schema_version, store_id, hash_formula, created_at, last_position, last_recorded_at)
VALUES (1, {schema_version}, gen_random_uuid(), {hash_formula}, clock_timestamp(), 0, 'epoch')
ON CONFLICT (id) DO NOTHING;
