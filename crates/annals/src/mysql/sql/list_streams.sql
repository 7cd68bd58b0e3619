-- The index has both columns in this order, and so gives the groups in theirs.
SELECT e.stream_id, MAX(e.stream_version) FROM {p}events e
WHERE e.stream_id >= ? AND e.stream_id <= ? AND e.stream_id > ?
GROUP BY e.stream_id ORDER BY e.stream_id LIMIT ?
