SELECT n.nspname AS schema, c.relname AS table, f.conname AS key, a.attname AS column,
    m.nspname AS referred_schema, r.relname AS referred_table, b.attname AS referred_column,
    f.confdeltype = 'c' AS cascades, p.place AS place
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = f.confrelid
JOIN pg_namespace m ON m.oid = r.relnamespace
CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY p (here, there, place)
JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = p.here
JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = p.there
WHERE f.contype = 'f' AND f.conparentid = 0 AND NOT c.relispartition AND {schemas}
ORDER BY 1, 2, 3, p.place
