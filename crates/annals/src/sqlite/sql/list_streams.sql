-- Hops from stream to stream along the index instead of reading every event.
WITH RECURSIVE streams (stream_id) AS (
    SELECT min(stream_id) FROM {p}events WHERE stream_id >= ?1 AND stream_id > ?2
    UNION ALL
    SELECT (SELECT min(stream_id) FROM {p}events WHERE stream_id > streams.stream_id)
    FROM streams
    WHERE substr(CAST(streams.stream_id AS BLOB), 1, length(?3)) = ?3
)
SELECT stream_id, (SELECT max(stream_version) FROM {p}events WHERE {p}events.stream_id = streams.stream_id)
FROM streams
WHERE substr(CAST(stream_id AS BLOB), 1, length(?3)) = ?3
LIMIT ?4
