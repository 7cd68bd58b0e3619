-- Tables and views; a partition is part of its table, and what an extension made is its own business.
SELECT n.nspname AS schema, c.relname AS name, c.relkind IN ('v', 'm') AS is_view,
    CASE
        WHEN c.relkind IN ('v', 'f') THEN NULL
        WHEN c.relkind = 'p' THEN (
            SELECT CASE WHEN min(p.reltuples) < 0 THEN NULL ELSE sum(p.reltuples)::bigint END
            FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid
            WHERE t.isleaf)
        WHEN c.reltuples < 0 THEN NULL
        ELSE c.reltuples::bigint
    END AS rows
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND {schemas}
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
