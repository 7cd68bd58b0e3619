SELECT n.nspname AS schema, c.relname AS table, coalesce(a.attname, pg_get_partkeydef(c.oid)) AS column
FROM pg_partitioned_table t
JOIN pg_class c ON c.oid = t.partrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(t.partattrs::int2[]) WITH ORDINALITY p (attnum, place)
LEFT JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = p.attnum AND p.attnum <> 0
WHERE NOT c.relispartition AND {schemas}
ORDER BY 1, 2, p.place
