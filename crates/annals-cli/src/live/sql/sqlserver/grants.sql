-- On a table, on its schema, on the whole database; then the members of the fixed roles that write or may not.
-- CONTROL and TAKE OWNERSHIP are the owner's rights under another name, and ALTER is what TRUNCATE needs.
SELECT u.name AS [grantee], s.name AS [schema], o.name AS [table],
    CASE p.permission_name
        WHEN 'CONTROL' THEN 'INSERT UPDATE DELETE TRUNCATE'
        WHEN 'ALTER' THEN 'TRUNCATE'
        ELSE p.permission_name
    END AS [operation],
    CASE p.state WHEN 'D' THEN 1 ELSE 0 END AS [denied]
FROM sys.database_permissions p
JOIN sys.database_principals u ON u.principal_id = p.grantee_principal_id
JOIN sys.objects o ON p.class = 1 AND o.object_id = p.major_id
    OR p.class = 3 AND o.schema_id = p.major_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE p.class IN (1, 3) AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND {schemas}
    AND p.permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER', 'CONTROL')
    AND p.state IN ('G', 'W', 'D') AND u.name <> 'dbo'
UNION
SELECT u.name, NULL, NULL,
    CASE p.permission_name
        WHEN 'CONTROL' THEN 'INSERT UPDATE DELETE TRUNCATE'
        WHEN 'ALTER' THEN 'TRUNCATE'
        ELSE p.permission_name
    END,
    CASE p.state WHEN 'D' THEN 1 ELSE 0 END
FROM sys.database_permissions p
JOIN sys.database_principals u ON u.principal_id = p.grantee_principal_id
WHERE p.class = 0 AND p.permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER', 'CONTROL')
    AND p.state IN ('G', 'W', 'D') AND u.name <> 'dbo'
UNION
SELECT u.name, NULL, NULL, 'INSERT UPDATE DELETE', CASE r.name WHEN 'db_denydatawriter' THEN 1 ELSE 0 END
FROM sys.database_role_members m
JOIN sys.database_principals r ON r.principal_id = m.role_principal_id
JOIN sys.database_principals u ON u.principal_id = m.member_principal_id
WHERE r.name IN ('db_datawriter', 'db_denydatawriter') AND u.name <> 'dbo'
ORDER BY 1, 2, 3, 4
