-- A rowid that is a primary key has no index of its own. An expression is told apart by its place in the index, whose
-- text says the rest.
SELECT NULL AS "schema", t.name AS "table", i.name AS "key",
    CASE i.origin WHEN 'pk' THEN 'primary' ELSE CASE i."unique" WHEN 1 THEN 'unique' ELSE 'index' END END AS kind,
    p.name AS "column", CASE WHEN p.cid = -2 THEN p.seqno END AS expression,
    CASE WHEN i.partial THEN (SELECT sql FROM sqlite_master m WHERE m.type = 'index' AND m.name = i.name) END
        AS predicate,
    i.origin <> 'pk' AS place_in_order, p.seqno AS place
FROM pragma_table_list t, pragma_index_list(t.name) i, pragma_index_xinfo(i.name) p
WHERE t.schema = 'main' AND t.type = 'table' AND p.key = 1 AND p.cid <> -1
UNION ALL
SELECT NULL, t.name, 'rowid', 'primary', c.name, NULL, NULL, 0, c.pk
FROM pragma_table_list t, pragma_table_xinfo(t.name) c
WHERE t.schema = 'main' AND t.type = 'table' AND c.pk > 0
    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) WHERE origin = 'pk')
ORDER BY 2, 8, 3, 9
