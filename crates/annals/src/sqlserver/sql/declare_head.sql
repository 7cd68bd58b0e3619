-- The last event itself and not what the store's row says of it, so that one that somebody has put behind the log's
-- end is seen. NULL where the store is not there any more.
DECLARE @head bigint = (
    SELECT COALESCE((SELECT MAX(e.position) FROM {s}.[events] e), 0)
    FROM {s}.[store] WHERE id = 1 AND store_id = {id});
SELECT @head;
