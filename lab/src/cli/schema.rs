//! `lab schema`.

use super::CliError;
use crate::report::Ui;
use crate::spec;

/// Prints the JSON Schema of stage files.
pub fn run(ui: &Ui) -> Result<u8, CliError> {
    ui.json(&spec::schema());
    Ok(0)
}
