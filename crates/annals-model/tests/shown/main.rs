//! What people and programs see: read `tests/expected` as those who get it would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod diff;
mod explain;
mod render;
mod reviewed;
mod sarif;
mod support;
