SELECT
    (SELECT COUNT_BIG(*) FROM {s}.[events]),
    (SELECT COUNT_BIG(*) FROM {s}.[events] WHERE stream_version = 1),
    (SELECT COUNT_BIG(DISTINCT event_type_key) FROM {s}.[events]),
    (SELECT last_position FROM {s}.[store])
