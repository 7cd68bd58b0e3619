SELECT format('column %s.%s', c.relname, a.attname),
    concat_ws(' ', format_type(a.atttypid, a.atttypmod), 'COLLATE ' || l.collname,
        CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p')
UNION ALL
SELECT format('table %s', c.relname), concat_ws(' ', c.relpersistence, c.relkind, array_to_string(c.reloptions, ', '))
FROM pg_catalog.pg_class c
WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p')
UNION ALL
SELECT format('constraint %s on %s', t.conname, c.relname), pg_get_constraintdef(t.oid)
FROM pg_catalog.pg_constraint t
JOIN pg_catalog.pg_class c ON c.oid = t.conrelid
WHERE t.connamespace = to_regnamespace(quote_ident($1)) AND t.contype <> 'n'
UNION ALL
SELECT format('index %s', c.relname),
    concat_ws(' ', pg_get_indexdef(i.indexrelid), CASE WHEN NOT i.indisvalid THEN 'INVALID' END)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = to_regnamespace(quote_ident($1))
UNION ALL
SELECT format('trigger %s on %s', t.tgname, c.relname),
    concat_ws(' ', pg_get_triggerdef(t.oid), CASE t.tgenabled WHEN 'D' THEN 'DISABLED' WHEN 'R' THEN 'REPLICA' END)
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND NOT t.tgisinternal
UNION ALL
SELECT format('function %s', p.proname), pg_get_functiondef(p.oid)
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = to_regnamespace(quote_ident($1))
