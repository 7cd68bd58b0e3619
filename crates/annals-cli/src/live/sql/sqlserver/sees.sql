-- Without VIEW DEFINITION the catalogue leaves out what the login has no right on, and every text.
SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'VIEW DEFINITION') AS [definitions],
    (SELECT d.snapshot_isolation_state FROM sys.databases d WHERE d.database_id = DB_ID()) AS [snapshot]
