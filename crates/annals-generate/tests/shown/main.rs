//! What is made of models: read `tests/expected` as those who get it would.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod documents;
mod hostile;
mod schemas;
mod support;
