SELECT NULL AS `schema`, event_object_table AS `table`, trigger_name AS `trigger`,
    event_manipulation AS operations, 0 AS instead, 0 AS off,
    CONCAT(action_timing, ' ', event_manipulation, '\n', action_statement) AS body
FROM information_schema.triggers
WHERE event_object_schema = DATABASE()
ORDER BY event_object_table, trigger_name
