INSERT INTO {p}snapshots (stream_id, name, stream_version, state_version, state) VALUES (?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    stream_version = VALUES(stream_version), state_version = VALUES(state_version), state = VALUES(state)
