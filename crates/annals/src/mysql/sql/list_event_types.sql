SELECT e.event_type, COUNT(*) FROM {p}events e
WHERE e.event_type > ?
GROUP BY e.event_type ORDER BY e.event_type LIMIT ?
