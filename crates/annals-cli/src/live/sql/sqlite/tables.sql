-- Not what SQLite and its extensions keep beside somebody's tables.
SELECT NULL AS "schema", name, type = 'view' AS is_view, NULL AS rows
FROM pragma_table_list
WHERE schema = 'main' AND type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
ORDER BY name
