//! `lab completions`.

use clap::CommandFactory;

use super::args::CompletionsArgs;
use super::{Cli, CliError};
use crate::report::Ui;

/// Prints completions for a shell.
pub fn run(args: &CompletionsArgs, ui: &Ui) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lab", &mut script);
    ui.result(&String::from_utf8_lossy(&script));
    Ok(0)
}
