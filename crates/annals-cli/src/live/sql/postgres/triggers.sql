-- One that is off, or runs on a replica only, guards nothing here.
SELECT n.nspname AS schema, c.relname AS table, t.tgname AS trigger,
    concat_ws(' ',
        CASE WHEN t.tgtype & 4 <> 0 THEN 'INSERT' END,
        CASE WHEN t.tgtype & 16 <> 0 THEN 'UPDATE' END,
        CASE WHEN t.tgtype & 8 <> 0 THEN 'DELETE' END,
        CASE WHEN t.tgtype & 32 <> 0 THEN 'TRUNCATE' END) AS operations,
    t.tgtype & 64 <> 0 AS instead,
    t.tgenabled IN ('D', 'R') AS off,
    left(pg_get_triggerdef(t.oid) || E';\n' || pg_get_functiondef(t.tgfoid), 65536) AS body
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND NOT c.relispartition AND {schemas}
UNION ALL
SELECT n.nspname, c.relname, r.rulename,
    CASE r.ev_type WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' WHEN '4' THEN 'DELETE' ELSE '' END,
    r.is_instead, r.ev_enabled IN ('D', 'R'), left(pg_get_ruledef(r.oid), 65536)
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN' AND NOT c.relispartition AND {schemas}
ORDER BY 1, 2, 3
