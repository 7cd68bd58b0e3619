INSERT INTO {s}.events (
    position, event_id, stream_id, stream_version, category, event_type, schema_version, occurred_at,
    recorded_at, payload, payload_bytes, content_type, metadata, source, correlation_id, causation_id,
    traceparent, tracestate, tags, payload_digest, predecessor_hash, hash)
SELECT $1 + n.place, n.event_id, n.stream_id, n.stream_version, n.category, n.event_type, n.schema_version,
    n.occurred_at, $2, n.payload::json, n.payload_bytes, n.content_type, n.metadata::json, n.source,
    n.correlation_id, n.causation_id, n.traceparent, n.tracestate, n.tags::json, n.payload_digest,
    n.predecessor_hash, n.hash
FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
WITH ORDINALITY n (
    event_id, stream_id, stream_version, category, event_type, schema_version, occurred_at, payload,
    payload_bytes, content_type, metadata, source, correlation_id, causation_id, traceparent, tracestate, tags,
    payload_digest, predecessor_hash, hash, place
)
