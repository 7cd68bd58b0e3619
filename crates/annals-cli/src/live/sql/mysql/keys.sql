SELECT NULL AS `schema`, table_name AS `table`, index_name AS `key`,
    CASE WHEN index_name = 'PRIMARY' THEN 'primary' WHEN non_unique = 0 THEN 'unique' ELSE 'index' END AS kind,
    column_name AS `column`, {expression} AS expression, NULL AS predicate
FROM information_schema.statistics
WHERE table_schema = DATABASE()
ORDER BY table_name, index_name <> 'PRIMARY', non_unique, index_name, seq_in_index
