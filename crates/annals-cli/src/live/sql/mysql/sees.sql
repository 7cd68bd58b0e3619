-- What this login holds that the catalogue goes by: without TRIGGER no trigger is shown to it.
SELECT DISTINCT p.privilege_type AS privilege
FROM (
    SELECT grantee, privilege_type FROM information_schema.user_privileges
    UNION ALL
    SELECT grantee, privilege_type FROM information_schema.schema_privileges WHERE DATABASE() LIKE table_schema
    UNION ALL
    SELECT grantee, privilege_type FROM information_schema.table_privileges WHERE table_schema = DATABASE()
) p
WHERE p.grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
