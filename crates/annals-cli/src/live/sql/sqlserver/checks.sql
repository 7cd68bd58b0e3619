SELECT s.name AS [schema], o.name AS [table], k.definition AS [expression]
FROM sys.check_constraints k
JOIN sys.objects o ON o.object_id = k.parent_object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE k.is_disabled = 0 AND k.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name, k.name
