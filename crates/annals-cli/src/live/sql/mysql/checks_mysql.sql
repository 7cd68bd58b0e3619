SELECT NULL AS `schema`, t.table_name AS `table`, c.check_clause AS expression
FROM information_schema.check_constraints c
JOIN information_schema.table_constraints t
    ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
WHERE t.table_schema = DATABASE() AND t.constraint_type = 'CHECK' AND t.enforced = 'YES'
ORDER BY t.table_name, c.constraint_name
