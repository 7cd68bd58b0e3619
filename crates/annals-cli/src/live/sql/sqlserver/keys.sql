-- Included columns are no part of a key, and a disabled index forbids nothing.
SELECT s.name AS [schema], o.name AS [table], i.name AS [key],
    CASE WHEN i.is_primary_key = 1 THEN 'primary' WHEN i.is_unique = 1 THEN 'unique' ELSE 'index' END AS [kind],
    c.name AS [column], NULL AS [expression], i.filter_definition AS [predicate]
FROM sys.indexes i
JOIN sys.objects o ON o.object_id = i.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.index_columns p ON p.object_id = i.object_id AND p.index_id = i.index_id
JOIN sys.columns c ON c.object_id = p.object_id AND c.column_id = p.column_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0
    AND p.is_included_column = 0 AND p.key_ordinal > 0 AND {schemas}
ORDER BY s.name, o.name, i.is_primary_key DESC, i.is_unique DESC, i.name, p.key_ordinal
