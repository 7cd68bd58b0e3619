-- On which statements it runs, its text says.
SELECT NULL AS "schema", tbl_name AS "table", name AS "trigger", '' AS operations, 0 AS instead, 0 AS "off", sql AS body
FROM sqlite_master
WHERE type = 'trigger'
ORDER BY tbl_name, name
