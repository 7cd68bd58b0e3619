SELECT
    (SELECT COUNT(*) FROM {p}events),
    (SELECT COUNT(DISTINCT stream_id) FROM {p}events),
    (SELECT COUNT(DISTINCT event_type) FROM {p}events),
    (SELECT last_position FROM {p}store),
    (SELECT CAST(SUM(data_length + index_length) AS UNSIGNED) FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name IN ('{p}store', '{p}events', '{p}event_tags', '{p}checkpoints',
        '{p}snapshots'))
