INSERT INTO {p}events (
    position, event_id, stream_id, stream_version, category, event_type, schema_version, occurred_at,
    recorded_at, payload, payload_bytes, content_type, metadata, source, correlation_id, causation_id,
    traceparent, tracestate, tags, payload_digest, predecessor_hash, hash)
VALUES {rows}
