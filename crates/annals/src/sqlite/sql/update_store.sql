UPDATE {p}store SET last_position = ?1, last_recorded_at = ?2, last_hash = ?3
