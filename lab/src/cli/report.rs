//! `lab report`.

use std::path::Path;

use super::args::ReportArgs;
use super::{CliError, Format};
use crate::report::{self, Ui};
use crate::verify::{RunFindings, judge};
use crate::{journal, report as reports};

/// Shows a finished run again.
pub fn run(args: &ReportArgs, ui: &Ui) -> Result<u8, CliError> {
    let run = args.folder();
    let findings = rejudge(&run)?;
    match args.format {
        Format::Json => ui.json(&reports::results_json(&findings)),
        Format::Text => {
            ui.result(&report::table(&findings, ui.width(), ui.color()));
            let html = run.join("report.html");
            if html.is_file() {
                ui.result(&format!("\nfull report: {}", html.display()));
            }
        }
    }
    Ok(0)
}

/// Judges the journal of a run folder again.
pub fn rejudge(run: &Path) -> Result<RunFindings, CliError> {
    let path = run.join("journal.jsonl");
    if !path.is_file() {
        let run = run.display();
        let what = match path.parent().is_some_and(Path::exists) {
            true => format!("{run} is not the folder of a run: it has no journal"),
            false => format!("there is no run at {run}"),
        };
        return Err(CliError::usage(what).hint("`lab verify STAGE` makes one under runs/"));
    }
    if journal::is_being_written(&path) {
        return Err(CliError::usage(format!("the run of {} is still going on", run.display()))
            .hint("wait until it ends: half a run proves nothing"));
    }
    let entries = journal::read(&path)?;
    judge(&entries).map_err(|e| CliError::usage(format!("{}: {e}", path.display())))
}
