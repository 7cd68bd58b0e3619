SELECT TOP ({routines_max}) s.name AS [schema], o.name AS [name], m.definition AS [body]
FROM sys.objects o
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.sql_modules m ON m.object_id = o.object_id
WHERE o.type IN ('P', 'FN', 'IF', 'TF') AND o.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name
