SELECT s.place, (
    SELECT MAX(e.stream_version) FROM {s}.[events] e
    WHERE e.stream_id_key = CAST(SUBSTRING({bytes}, s.key_first, s.key_length) AS varbinary(255))
) AS stream_version
FROM OPENJSON({streams}) WITH (place int '$.n', key_first int '$.k', key_length int '$.l') s
