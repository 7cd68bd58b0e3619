-- The length of a type is in bytes, two a character for the national ones; -1 is max.
SELECT s.name AS [schema], o.name AS [table], c.name AS [column],
    t.name + CASE
        WHEN t.name IN ('varchar', 'char', 'varbinary', 'binary')
            THEN '(' + CASE c.max_length WHEN -1 THEN 'max' ELSE CAST(c.max_length AS varchar(10)) END + ')'
        WHEN t.name IN ('nvarchar', 'nchar')
            THEN '(' + CASE c.max_length WHEN -1 THEN 'max' ELSE CAST(c.max_length / 2 AS varchar(10)) END + ')'
        WHEN t.name IN ('decimal', 'numeric')
            THEN '(' + CAST(c.precision AS varchar(10)) + ',' + CAST(c.scale AS varchar(10)) + ')'
        WHEN t.name IN ('datetime2', 'datetimeoffset', 'time')
            THEN '(' + CAST(c.scale AS varchar(10)) + ')'
        ELSE ''
    END AS [type],
    -- A type of the database's own is known by the system's below it.
    COALESCE(b.name, t.name) AS [holds],
    c.is_nullable AS [nullable],
    CASE WHEN c.is_identity = 1 OR d.definition LIKE '%NEXT VALUE FOR%' THEN 1 ELSE 0 END AS [counted],
    d.definition AS [default], k.definition AS [generated], c.collation_name AS [collation]
FROM sys.columns c
JOIN sys.objects o ON o.object_id = c.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
JOIN sys.types t ON t.user_type_id = c.user_type_id
LEFT JOIN sys.types b ON b.user_type_id = c.system_type_id AND t.is_user_defined = 1
LEFT JOIN sys.default_constraints d ON d.object_id = c.default_object_id
LEFT JOIN sys.computed_columns k ON k.object_id = c.object_id AND k.column_id = c.column_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND {schemas}
ORDER BY s.name, o.name, c.column_id
