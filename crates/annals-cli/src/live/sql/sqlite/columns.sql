-- INTEGER PRIMARY KEY is the rowid under another name, and numbered by SQLite.
SELECT NULL AS "schema", t.name AS "table", c.name AS "column", c.type AS "type", c.type AS holds,
    NOT c."notnull" AS nullable,
    c.pk = 1 AND upper(c.type) = 'INTEGER' AND NOT t.wr
        AND (SELECT count(*) FROM pragma_table_xinfo(t.name) WHERE pk > 0) = 1 AS counted,
    CASE WHEN c.hidden = 0 THEN c.dflt_value END AS "default",
    CASE WHEN c.hidden IN (2, 3) THEN '' END AS "generated", NULL AS "collation"
FROM pragma_table_list t, pragma_table_xinfo(t.name) c
WHERE t.schema = 'main' AND t.type IN ('table', 'view') AND c.hidden <> 1
ORDER BY t.name, c.cid
