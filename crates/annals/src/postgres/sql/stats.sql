WITH RECURSIVE streams (stream_id) AS (
    (SELECT e.stream_id FROM {s}.events e ORDER BY e.stream_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.stream_id FROM {s}.events e
        WHERE e.stream_id > streams.stream_id ORDER BY e.stream_id LIMIT 1)
    FROM streams
    WHERE streams.stream_id IS NOT NULL
),
types (event_type) AS (
    (SELECT e.event_type FROM {s}.events e ORDER BY e.event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM {s}.events e
        WHERE e.event_type > types.event_type ORDER BY e.event_type LIMIT 1)
    FROM types
    WHERE types.event_type IS NOT NULL
)
SELECT
    (SELECT count(*) FROM {s}.events),
    (SELECT count(stream_id) FROM streams),
    (SELECT count(event_type) FROM types),
    (SELECT last_position FROM {s}.store),
    (SELECT sum(pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass))::bigint
    FROM pg_tables WHERE schemaname = $1)
