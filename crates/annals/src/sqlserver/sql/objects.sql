SELECT N'column ' + o.name + N'.' + c.name,
    TYPE_NAME(c.user_type_id) + N'(' + CAST(c.max_length AS nvarchar(10)) + N', ' + CAST(c.scale AS nvarchar(10)) + N')'
        + CASE WHEN c.is_nullable = 1 THEN N' NULL' ELSE N' NOT NULL' END + COALESCE(N' ' + c.collation_name, N'')
FROM sys.columns c JOIN sys.objects o ON o.object_id = c.object_id
WHERE o.schema_id = SCHEMA_ID(@P1) AND o.type = 'U'
UNION ALL
SELECT CASE WHEN i.is_primary_key = 1 THEN N'primary key ' ELSE N'index ' END + i.name,
    CASE WHEN i.is_unique = 1 THEN N'UNIQUE ' ELSE N'' END + o.name + N' (' + COALESCE((
        SELECT STRING_AGG(c.name, N', ') WITHIN GROUP (ORDER BY ic.key_ordinal)
        FROM sys.index_columns ic JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
        WHERE ic.object_id = i.object_id AND ic.index_id = i.index_id
    ), N'') + N')'
FROM sys.indexes i JOIN sys.objects o ON o.object_id = i.object_id
WHERE o.schema_id = SCHEMA_ID(@P1) AND o.type = 'U' AND i.name IS NOT NULL
UNION ALL
SELECT N'constraint ' + k.name, k.definition FROM sys.check_constraints k WHERE k.schema_id = SCHEMA_ID(@P1)
UNION ALL
SELECT N'constraint ' + f.name, N'FOREIGN KEY ' + OBJECT_NAME(f.parent_object_id) + N' REFERENCES '
    + OBJECT_NAME(f.referenced_object_id)
FROM sys.foreign_keys f WHERE f.schema_id = SCHEMA_ID(@P1)
UNION ALL
SELECT CASE WHEN o.type = 'P' THEN N'procedure ' ELSE N'trigger ' END + o.name,
    COALESCE(m.definition, N'not for this login to see')
FROM sys.objects o JOIN sys.sql_modules m ON m.object_id = o.object_id
WHERE o.schema_id = SCHEMA_ID(@P1) AND o.type IN ('P', 'TR')
