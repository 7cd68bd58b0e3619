//! What applications and backends are tested with: [`spec`] for decisions, without a store.

pub mod spec;
