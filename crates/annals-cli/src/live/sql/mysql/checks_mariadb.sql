SELECT NULL AS `schema`, table_name AS `table`, check_clause AS expression
FROM information_schema.check_constraints
WHERE constraint_schema = DATABASE()
ORDER BY table_name, constraint_name
