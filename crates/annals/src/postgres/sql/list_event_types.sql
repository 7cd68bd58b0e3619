-- Hops from type to type along the index instead of reading every event.
WITH RECURSIVE types (event_type) AS (
    (SELECT e.event_type FROM {s}.events e WHERE e.event_type > $1 ORDER BY e.event_type LIMIT 1)
    UNION ALL
    SELECT (SELECT e.event_type FROM {s}.events e
        WHERE e.event_type > types.event_type ORDER BY e.event_type LIMIT 1)
    FROM types
    WHERE types.event_type IS NOT NULL
)
SELECT event_type, (SELECT count(*) FROM {s}.events e WHERE e.event_type = types.event_type)
FROM types
WHERE event_type IS NOT NULL
LIMIT $2
