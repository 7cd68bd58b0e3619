INSERT INTO {s}.snapshots (stream_id, name, stream_version, state_version, state) VALUES ($1, $2, $3, $4, $5::text::json)
ON CONFLICT (stream_id, name) DO UPDATE SET
    stream_version = excluded.stream_version, state_version = excluded.state_version, state = excluded.state
