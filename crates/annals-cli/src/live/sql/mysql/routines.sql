SELECT NULL AS `schema`, routine_name AS `name`, LEFT(routine_definition, 65536) AS body
FROM information_schema.routines
WHERE routine_schema = DATABASE()
ORDER BY routine_name
LIMIT {routines_max}
