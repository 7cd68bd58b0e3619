-- An index that was not built to its end is none. What an exclusion constraint forbids is not that rows are alike.
SELECT n.nspname AS schema, c.relname AS table, k.relname AS key,
    CASE
        WHEN i.indisprimary THEN 'primary'
        WHEN i.indisunique AND NOT i.indisexclusion THEN 'unique'
        ELSE 'index'
    END AS kind,
    a.attname AS column,
    CASE WHEN p.attnum = 0 THEN pg_get_indexdef(i.indexrelid, p.place::int, true) END AS expression,
    pg_get_expr(i.indpred, i.indrelid) AS predicate
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_class k ON k.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY p (attnum, place)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum AND p.attnum <> 0
WHERE i.indisvalid AND NOT c.relispartition AND p.place <= i.indnkeyatts AND {schemas}
ORDER BY 1, 2, NOT i.indisprimary, NOT i.indisunique, 3, p.place
