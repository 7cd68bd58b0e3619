//! What applications and backends are tested with: [`spec`] for decisions, without a store;
//! [`conformance`] for stores; [`faults`] for what happens when they fail.

pub mod conformance;
pub mod faults;
pub mod spec;
