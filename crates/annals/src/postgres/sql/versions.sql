SELECT s.stream_id, e.stream_version
FROM unnest($1) s (stream_id)
CROSS JOIN LATERAL (
    SELECT stream_version FROM {s}.events WHERE stream_id = s.stream_id ORDER BY stream_version DESC LIMIT 1
) e
