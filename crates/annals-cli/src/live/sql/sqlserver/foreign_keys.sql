SELECT s.name AS [schema], o.name AS [table], f.name AS [key], a.name AS [column],
    rs.name AS [referred_schema], r.name AS [referred_table], b.name AS [referred_column],
    CASE f.delete_referential_action WHEN 1 THEN 1 ELSE 0 END AS [cascades], p.constraint_column_id AS [place]
FROM sys.foreign_keys f
JOIN sys.objects o ON o.object_id = f.parent_object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.objects r ON r.object_id = f.referenced_object_id
JOIN sys.schemas rs ON rs.schema_id = r.schema_id
JOIN sys.foreign_key_columns p ON p.constraint_object_id = f.object_id
JOIN sys.columns a ON a.object_id = p.parent_object_id AND a.column_id = p.parent_column_id
JOIN sys.columns b ON b.object_id = p.referenced_object_id AND b.column_id = p.referenced_column_id
WHERE f.is_disabled = 0 AND f.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name, f.name, p.constraint_column_id
