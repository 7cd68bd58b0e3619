-- MySQL walks the index backward, and so to the last version at once, only for an order that names both of its
-- columns.
SELECT s.place, (
    SELECT e.stream_version FROM {p}events e FORCE INDEX (by_stream) WHERE e.stream_id = s.stream_id
    ORDER BY e.stream_id DESC, e.stream_version DESC LIMIT 1{lock}) AS version
FROM JSON_TABLE({streams}, '$[*]' COLUMNS (
    place FOR ORDINALITY,
    stream_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {collation} PATH '$'
)) s
