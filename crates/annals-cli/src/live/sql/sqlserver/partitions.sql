SELECT s.name AS [schema], o.name AS [table], c.name AS [column]
FROM sys.index_columns p
JOIN sys.objects o ON o.object_id = p.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.columns c ON c.object_id = p.object_id AND c.column_id = p.column_id
WHERE p.partition_ordinal > 0 AND p.index_id IN (0, 1) AND o.type = 'U' AND o.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name, p.partition_ordinal
