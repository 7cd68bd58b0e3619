-- The lock is asked for after the row is read: where the row is that of a batch whose lock is free, or was never
-- taken since the server started, the batch is on the disk.
SELECT s.last_position, s.last_hash, IS_FREE_LOCK(CONCAT('annals ', HEX(s.store_id), ' ', s.last_position))
FROM {p}store s WHERE s.store_id = ?
