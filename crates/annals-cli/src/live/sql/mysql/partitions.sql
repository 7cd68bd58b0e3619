SELECT DISTINCT NULL AS `schema`, table_name AS `table`, REPLACE(partition_expression, '`', '') AS `column`
FROM information_schema.partitions
WHERE table_schema = DATABASE() AND partition_expression IS NOT NULL
ORDER BY table_name
