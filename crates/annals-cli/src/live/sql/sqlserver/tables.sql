-- Rows are counted by the heap or the clustered index, and only about right.
SELECT s.name AS [schema], o.name AS [name], CASE o.type WHEN 'V' THEN 1 ELSE 0 END AS is_view,
    (SELECT SUM(p.rows) FROM sys.partitions p WHERE p.object_id = o.object_id AND p.index_id IN (0, 1)) AS [rows]
FROM sys.objects o
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name
