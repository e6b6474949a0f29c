//! Parses and validates stage files.
//!
//! `load` takes what the user typed, `parse` the text of a file. On the way the text becomes a tree
//! with positions (`tree`), the tree is compared with the shape of the model (`fields`, whose
//! rules come from the JSON Schema of the types), the typed parser reads it (`parse`), and rules
//! across fields are checked (`validate`). `document` offers the same to our other formats.

pub mod crowd;
pub mod edges;
pub mod machine;
pub mod model;
pub mod releases;
pub mod slots;
pub mod workload;

mod beside;
mod builtin;
pub mod certificates;
mod commands;

mod dockerfile;
mod document;
mod draft;
mod env_file;
mod error;
mod fault;
mod fields;
mod hash;
mod load;
mod parse;
mod path;
mod scalar;
mod schema;
mod shape;
mod short;
#[cfg(test)]
mod tests;
mod tree;
mod validate;

pub use builtin::{BuiltIn, builtin, embedded};
pub use document::Document;
pub use error::{Problem, SpecError, SpecErrors};
pub use hash::definition_hash;
pub use load::{Origin, Source, load};
pub use parse::parse;
pub use path::Path;
pub use schema::{of as schema_of, schema};
