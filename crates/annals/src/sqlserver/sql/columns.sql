e.position, e.event_id, e.stream_id, e.stream_id_key, e.stream_version, e.event_type, e.event_type_key,
e.schema_version, e.occurred_at, e.recorded_at, e.payload, e.payload_bytes, e.content_type, e.metadata, e.source,
e.correlation_id, e.causation_id, e.traceparent, e.tracestate, e.tags, e.predecessor_hash, e.hash