//! Reads and judges a journal, for `scripts/bench check`: how long each took, in one line of JSON.
//!
//! `judge JOURNAL`

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use lab::report::{Level, Ui};
use serde_json::json;

fn main() -> ExitCode {
    let ui = Ui::terminal(Level::Normal, true);
    let Some(journal) = std::env::args().nth(1) else {
        ui.error("which journal?", Some("judge JOURNAL"));
        return ExitCode::from(2);
    };
    match run(Path::new(&journal), &ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            ui.error(&e.to_string(), None);
            ExitCode::from(2)
        }
    }
}

fn run(journal: &Path, ui: &Ui) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let entries = lab::journal::read(journal)?;
    let read = begun.elapsed();
    let found = lab::verify::judge(&entries)?;
    let judged = begun.elapsed() - read;
    let verdicts: Vec<&str> = found.experiments.iter().map(|e| e.verdict.as_str()).collect();
    ui.json(&json!({
        "entries": entries.len(), "read_s": read.as_secs_f64(), "judge_s": judged.as_secs_f64(),
        "verdicts": verdicts,
    }));
    Ok(())
}
