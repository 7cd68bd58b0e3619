-- The right to empty a table is that to drop it. Whoever makes users could take any right and is left out, as a
-- superuser is. The name of a schema in a grant is a pattern.
SELECT g.grantee, NULL AS `schema`, g.`table`,
    CASE g.privilege_type WHEN 'DROP' THEN 'TRUNCATE' ELSE g.privilege_type END AS operation
FROM (
    SELECT grantee, table_name AS `table`, privilege_type
    FROM information_schema.table_privileges WHERE table_schema = DATABASE()
    UNION
    SELECT grantee, table_name, privilege_type
    FROM information_schema.column_privileges WHERE table_schema = DATABASE()
    UNION
    SELECT grantee, NULL, privilege_type
    FROM information_schema.schema_privileges WHERE DATABASE() LIKE table_schema
    UNION
    SELECT grantee, NULL, privilege_type FROM information_schema.user_privileges
) g
WHERE g.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'DROP')
    AND g.grantee NOT IN (
        SELECT grantee FROM information_schema.user_privileges WHERE privilege_type IN ('SUPER', 'CREATE USER'))
ORDER BY 1, 3, 4
