-- What was granted on tables and on columns of them to others than their owner; then the members of an owner's role,
-- who may do what the owner may; then those who may write everything. Superusers are left out: nothing stops them.
SELECT CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END AS grantee,
    g.schema, g.name AS table, g.operation
FROM (
    SELECT n.nspname AS schema, c.relname AS name, x.grantee, x.privilege_type AS operation
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL aclexplode(c.relacl) x
    WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND x.grantee <> c.relowner AND {schemas}
    UNION
    SELECT n.nspname, c.relname, x.grantee, x.privilege_type
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    CROSS JOIN LATERAL aclexplode(a.attacl) x
    WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND x.grantee <> c.relowner AND {schemas}
    UNION
    SELECT n.nspname, c.relname, m.member, o.operation
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_auth_members m ON m.roleid = c.relowner
    CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) o (operation)
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {schemas}
    UNION
    SELECT NULL, NULL, m.member, o.operation
    FROM pg_auth_members m
    JOIN pg_roles w ON w.oid = m.roleid AND w.rolname = 'pg_write_all_data'
    CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE')) o (operation)
) g
LEFT JOIN pg_roles r ON r.oid = g.grantee
WHERE g.operation IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND NOT coalesce(r.rolsuper, false)
ORDER BY 1, 2, 3, 4
