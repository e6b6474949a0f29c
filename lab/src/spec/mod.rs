//! Parses and validates stage files.
pub mod model;
