SELECT CONCAT('trigger ', trigger_name),
    CONCAT_WS(' ', action_timing, event_manipulation, 'ON', event_object_table, action_statement)
FROM information_schema.triggers
WHERE trigger_schema = DATABASE() AND event_object_table IN (?, ?, ?, ?, ?)
UNION ALL
SELECT CONCAT('procedure ', routine_name), COALESCE(routine_definition, 'not for this login to see')
FROM information_schema.routines
WHERE routine_schema = DATABASE() AND routine_name = ?
