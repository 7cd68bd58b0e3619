//! A first model: an empty one with explanations, what a store shows of its own, or what an ESDM model says.
//!
//! What is unknown is not made up: it stands in the text as a comment to be answered, and the notes sum it up.

mod empty;
mod esdm;
mod json_schema;
mod names;
mod personal;
mod store;
#[cfg(test)]
mod tests;
mod tree;

pub use self::empty::empty;
pub use self::esdm::from_esdm;
pub use self::store::from_store;

/// A model file that waits for somebody to go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The bounded context.
    pub context: String,
    /// The model file. It reads without a mistake.
    pub text: String,
    /// What could not be known, or has no counterpart in a model, each in one line.
    pub notes: Vec<String>,
}
