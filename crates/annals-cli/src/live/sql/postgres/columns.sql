SELECT n.nspname AS schema, c.relname AS table, a.attname AS column,
    format_type(a.atttypid, a.atttypmod) AS type,
    -- What the column holds is that of the type below a domain; an enumeration is text.
    CASE
        WHEN coalesce(b.typtype, t.typtype) = 'e' THEN 'text'
        ELSE format_type(coalesce(b.oid, t.oid), NULL)
    END AS holds,
    NOT a.attnotnull AND NOT t.typnotnull AS nullable,
    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS counted,
    CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
    CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
    CASE
        WHEN l.collname = 'default' THEN (SELECT datcollate FROM pg_database WHERE datname = current_database())
        ELSE l.collname
    END AS collation
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND {schemas}
ORDER BY 1, 2, a.attnum
