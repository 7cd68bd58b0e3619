-- The index has both columns in this order, and so gives the groups in theirs.
SELECT TOP (@P4) e.stream_id_key, MAX(e.stream_version) FROM {s}.[events] e
WHERE e.stream_id_key >= @P1 AND e.stream_id_key < @P2 AND e.stream_id_key > @P3
GROUP BY e.stream_id_key ORDER BY e.stream_id_key
