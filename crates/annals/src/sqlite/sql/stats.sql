WITH RECURSIVE streams (stream_id) AS (
    SELECT min(stream_id) FROM {p}events
    UNION ALL
    SELECT (SELECT min(stream_id) FROM {p}events WHERE stream_id > streams.stream_id)
    FROM streams
    WHERE streams.stream_id IS NOT NULL
),
types (event_type) AS (
    SELECT min(event_type) FROM {p}events
    UNION ALL
    SELECT (SELECT min(event_type) FROM {p}events WHERE event_type > types.event_type)
    FROM types
    WHERE types.event_type IS NOT NULL
)
SELECT
    (SELECT count(*) FROM {p}events),
    (SELECT count(stream_id) FROM streams),
    (SELECT count(event_type) FROM types),
    (SELECT last_position FROM {p}store),
    (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size())
