INSERT INTO {s}.checkpoints (name, checkpoint) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET checkpoint = excluded.checkpoint
