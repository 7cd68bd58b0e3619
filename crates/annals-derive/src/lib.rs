//! Derive macros of annals.
