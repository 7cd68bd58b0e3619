SELECT TOP (@P2) e.event_type_key, COUNT_BIG(*) FROM {s}.[events] e
WHERE e.event_type_key > @P1
GROUP BY e.event_type_key ORDER BY e.event_type_key
