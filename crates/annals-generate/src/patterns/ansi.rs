//! The log in standard SQL.

/// Tables, keys and the guards that the standard has, with remarks on where products differ.
pub const SCHEMA: &str = include_str!("ansi.sql");
