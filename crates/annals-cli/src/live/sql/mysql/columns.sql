-- An enumeration is text.
SELECT NULL AS `schema`, table_name AS `table`, column_name AS `column`, column_type AS `type`,
    CASE data_type WHEN 'enum' THEN 'text' ELSE data_type END AS `holds`, is_nullable = 'YES' AS nullable, extra LIKE '%auto_increment%' AS counted,
    column_default AS `default`, NULLIF(generation_expression, '') AS `generated`, collation_name AS `collation`
FROM information_schema.columns
WHERE table_schema = DATABASE()
ORDER BY table_name, ordinal_position
