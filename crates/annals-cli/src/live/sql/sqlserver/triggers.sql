-- The text is NULL where the trigger is encrypted or the login may not view definitions.
SELECT s.name AS [schema], o.name AS [table], g.name AS [trigger],
    CASE WHEN EXISTS (SELECT 1 FROM sys.trigger_events e WHERE e.object_id = g.object_id AND e.type = 1)
        THEN 'INSERT ' ELSE '' END
    + CASE WHEN EXISTS (SELECT 1 FROM sys.trigger_events e WHERE e.object_id = g.object_id AND e.type = 2)
        THEN 'UPDATE ' ELSE '' END
    + CASE WHEN EXISTS (SELECT 1 FROM sys.trigger_events e WHERE e.object_id = g.object_id AND e.type = 3)
        THEN 'DELETE' ELSE '' END AS [operations],
    g.is_instead_of_trigger AS [instead], g.is_disabled AS [off], m.definition AS [body]
FROM sys.triggers g
JOIN sys.objects o ON o.object_id = g.parent_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
LEFT JOIN sys.sql_modules m ON m.object_id = g.object_id
WHERE g.parent_class = 1 AND g.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name, g.name
