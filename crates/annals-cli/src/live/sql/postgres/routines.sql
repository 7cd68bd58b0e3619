-- Those in C and what extensions made have no text to read.
SELECT n.nspname AS schema, p.proname AS name, left(pg_get_functiondef(p.oid), 65536) AS body
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
WHERE p.prokind IN ('f', 'p') AND l.lanname NOT IN ('c', 'internal') AND {schemas}
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2, p.oid
LIMIT {routines_max}
