INSERT OR FAIL INTO {p}events (
    position, event_id, stream_id, stream_version, category, event_type, schema_version, occurred_at,
    recorded_at, payload, content_type, metadata, source, correlation_id, causation_id, traceparent,
    tracestate, tags, payload_digest, predecessor_hash, hash
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
