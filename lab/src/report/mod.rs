//! What users see. The only writer of stdout and stderr, and the only producer of the terminal
//! table, `results.json`, `junit.xml` and `report.html`.
//!
//! All of these are readers of the same [`RunFindings`](crate::verify::RunFindings): none of them
//! decides anything.

mod changed;
mod compose;
mod compose_variables;
mod html;
mod json;
mod junit;
pub mod listing;
mod log_line;
mod seen;
mod table;
#[cfg(test)]
mod tests;
pub mod ui;
pub mod units;
mod words;

pub use compose::compose;
pub use html::html;
pub use json::{SCHEMA_VERSION, results_json};
pub use junit::junit;
pub use log_line::LogLine;
pub use seen::seen;
pub use table::table;
pub use ui::{Level, LogWriter, Ui, is_interactive};
