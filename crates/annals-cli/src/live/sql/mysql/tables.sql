SELECT NULL AS `schema`, table_name AS `name`, table_type LIKE '%VIEW' AS is_view, table_rows AS `rows`
FROM information_schema.tables
WHERE table_schema = DATABASE()
ORDER BY table_name
