position, event_id, stream_id, stream_version, event_type, schema_version, occurred_at, recorded_at, payload,
content_type, metadata, source, correlation_id, causation_id, traceparent, tracestate, tags, predecessor_hash, hash
