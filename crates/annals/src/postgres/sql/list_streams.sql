-- Hops from stream to stream along the index instead of reading every event.
WITH RECURSIVE streams (stream_id) AS (
    (SELECT e.stream_id FROM {s}.events e
    WHERE e.stream_id >= $1 AND e.stream_id > $2 ORDER BY e.stream_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.stream_id FROM {s}.events e
        WHERE e.stream_id > streams.stream_id ORDER BY e.stream_id LIMIT 1)
    FROM streams
    WHERE starts_with(streams.stream_id, $1)
)
SELECT stream_id, (SELECT max(stream_version) FROM {s}.events e WHERE e.stream_id = streams.stream_id)
FROM streams
WHERE starts_with(stream_id, $1)
LIMIT $3
