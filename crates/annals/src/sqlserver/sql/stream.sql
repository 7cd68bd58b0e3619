-- The version first: what the second statement then finds beyond it came later, and is left for the next page.
DECLARE @version bigint = (SELECT MAX(v.stream_version) FROM {s}.[events] v WHERE v.stream_id_key = @P1);
SELECT COALESCE(@version, 0);
SELECT TOP (@P3) {columns} FROM {s}.[events] e
WHERE e.stream_id_key = @P1 AND e.stream_version {compare} @P2 AND e.stream_version <= @version
ORDER BY e.stream_version{order}
