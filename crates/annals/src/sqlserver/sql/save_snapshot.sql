UPDATE {s}.[snapshots] SET stream_version = @P3, state_version = @P4, state = @P5
WHERE stream_id_key = @P1 AND name_key = @P2;
IF @@ROWCOUNT = 0
INSERT INTO {s}.[snapshots] (stream_id_key, name_key, stream_version, state_version, state)
VALUES (@P1, @P2, @P3, @P4, @P5)
