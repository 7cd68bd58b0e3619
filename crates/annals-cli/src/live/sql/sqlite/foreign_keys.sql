SELECT NULL AS "schema", t.name AS "table", f.id AS "key", f."from" AS "column", NULL AS referred_schema,
    f."table" AS referred_table, f."to" AS referred_column, f.on_delete = 'CASCADE' AS cascades, f.seq + 1 AS place
FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
WHERE t.schema = 'main' AND t.type = 'table'
ORDER BY t.name, f.id, f.seq
