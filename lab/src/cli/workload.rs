//! `lab workload`.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::{CliError, Format, Global};
use crate::journal::Outcome;
use crate::load::{Found, Rehearsal, Rehearsed, is_sound};
use crate::report::Ui;
use crate::report::listing::Column::{Prose, Value};
use crate::report::listing::{WIDTH, plain};
use crate::run::{self, RunningLab};
use crate::spec::workload;

/// Arguments of `workload`.
#[derive(Debug, Args)]
pub struct WorkloadArgs {
    /// What to do
    #[command(subcommand)]
    pub command: WorkloadCommand,
}

/// What can be done with a workload.
#[derive(Debug, Subcommand)]
pub enum WorkloadCommand {
    /// Send each operation once to the running lab, and show what came back and which promise it found
    #[command(
        after_help = "Examples:\n  lab workload check\n  lab workload check ./traffic.yaml\n\nExit codes: 0 everything was answered and every promise found, 1 something was not"
    )]
    Check(CheckArgs),
}

/// Arguments of `workload check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A workload file to try; what the running stage says when absent
    pub file: Option<String>,
    /// The seed of all values
    #[arg(long, env = "LAB_SEED", default_value_t = 1)]
    pub seed: u64,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Runs the subcommand.
pub async fn run(global: &Global, args: &WorkloadArgs, ui: &Ui) -> Result<u8, CliError> {
    match &args.command {
        WorkloadCommand::Check(args) => check(global, args, ui).await,
    }
}

async fn check(global: &Global, args: &CheckArgs, ui: &Ui) -> Result<u8, CliError> {
    // What is wrong in the file is said without an engine.
    let own = args.file.as_deref().map(workload::load).transpose()?;
    let engine = global.engine().await?;
    let lab = RunningLab::require(&engine).await?;
    let workload = Arc::new(own.unwrap_or_else(|| lab.stage.workload()));
    let rehearsal = Rehearsal {
        // A workload of a file may have commands that the stage's own has not.
        site: &lab.site_of(&workload),
        workload: &workload,
        prefix: &format!("check-{:x}", run::now()),
        seed: args.seed,
        timeout: Duration::from_millis(lab.stage.traffic.timeout_ms),
    };
    let (operations, invariants) = rehearsal.run().await;
    match args.format {
        Format::Json => ui.json(&as_json(&operations, &invariants)),
        Format::Text => ui.result(&as_text(&operations, &invariants)),
    }
    Ok(u8::from(!is_sound(&operations, &invariants)))
}

fn as_text(operations: &[Rehearsed], invariants: &[(String, Found)]) -> String {
    let mut rows = Vec::new();
    for operation in operations {
        let came = match operation.outcome {
            Outcome::Ok => format!("{} in {} ms", operation.detail, operation.took.as_millis()),
            Outcome::Fail => format!("failed: {}", operation.detail),
            Outcome::Unknown => format!("unknown: {}", operation.detail),
        };
        let mut first = vec![operation.name.clone(), came];
        if operation.promises.is_empty() {
            rows.push([std::mem::take(&mut first), vec![String::new(); 2]].concat());
        }
        for (n, (name, found)) in operation.promises.iter().enumerate() {
            let head = if n == 0 { std::mem::take(&mut first) } else { vec![String::new(); 2] };
            rows.push([head, vec![name.clone(), in_words(found)]].concat());
        }
    }
    for (n, (name, found)) in invariants.iter().enumerate() {
        let head = if n == 0 { "(invariants)" } else { "" };
        rows.push(vec![head.to_owned(), String::new(), name.clone(), in_words(found)]);
    }
    let columns = [Value("OPERATION"), Prose("ANSWER"), Value("PROMISE"), Prose("FOUND")];
    let table = plain(&columns, rows, WIDTH);
    let promises = operations.iter().map(|o| o.promises.len()).sum::<usize>() + invariants.len();
    match promises {
        0 => format!("{table}\n\nnothing is promised: only answers and their speed will be judged"),
        _ => table,
    }
}

fn in_words(found: &Found) -> String {
    match found {
        Found::Kept(how) => how.clone(),
        Found::NotKept(why) => format!("NOT KEPT: {why}"),
        Found::Unread(why) => format!("cannot be told: {why}"),
    }
}

fn as_json(operations: &[Rehearsed], invariants: &[(String, Found)]) -> Json {
    let found = |(name, found): &(String, Found)| {
        let (kept, says) = match found {
            Found::Kept(how) => (json!(true), how),
            Found::NotKept(why) => (json!(false), why),
            Found::Unread(why) => (json!(null), why),
        };
        json!({ "name": name, "kept": kept, "says": says })
    };
    let operations: Vec<Json> = operations
        .iter()
        .map(|operation| {
            json!({
                "operation": operation.name,
                "outcome": operation.outcome,
                "answer": operation.detail,
                "took_ms": u64::try_from(operation.took.as_millis()).unwrap_or(u64::MAX),
                "promises": operation.promises.iter().map(found).collect::<Vec<_>>(),
            })
        })
        .collect();
    let invariants: Vec<Json> = invariants.iter().map(found).collect();
    json!({ "operations": operations, "invariants": invariants })
}
