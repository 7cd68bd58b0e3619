-- Hops from type to type along the index instead of reading every event.
WITH RECURSIVE types (event_type) AS (
    SELECT min(event_type) FROM {p}events WHERE event_type > ?1
    UNION ALL
    SELECT (SELECT min(event_type) FROM {p}events WHERE event_type > types.event_type)
    FROM types
    WHERE types.event_type IS NOT NULL
)
SELECT event_type, (SELECT count(*) FROM {p}events WHERE {p}events.event_type = types.event_type)
FROM types
WHERE event_type IS NOT NULL
LIMIT ?2
