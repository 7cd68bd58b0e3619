SELECT NULL AS `schema`, k.table_name AS `table`, k.constraint_name AS `key`, k.column_name AS `column`,
    NULLIF(k.referenced_table_schema, DATABASE()) AS referred_schema, k.referenced_table_name AS referred_table,
    k.referenced_column_name AS referred_column, r.delete_rule = 'CASCADE' AS cascades, k.ordinal_position AS place
FROM information_schema.key_column_usage k
JOIN information_schema.referential_constraints r
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
    AND r.table_name = k.table_name
WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
ORDER BY k.table_name, k.constraint_name, k.ordinal_position
