//! `lab check`.

use clap::Args;
use serde_json::{Value, json};

use super::{CliError, Format};
use crate::report::Ui;
use crate::report::units::clean;
use crate::spec::{self, Problem, SpecError};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Paths to YAML files, or built-in stages
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}

/// Validates stage files and workload files without an engine, and says everything that is wrong in them.
pub fn run(args: &CheckArgs, ui: &Ui) -> Result<u8, CliError> {
    let checked: Vec<(&str, Result<String, SpecError>)> =
        args.files.iter().map(|file| (file.as_str(), check(file))).collect();
    if args.format == Format::Json {
        let files: Vec<Value> = checked.iter().map(|(file, found)| as_json(file, found)).collect();
        ui.json(&json!({ "files": files }));
        return Ok(if checked.iter().all(|(_, found)| found.is_ok()) {
            0
        } else {
            super::error::USAGE
        });
    }
    let mut wrong = Vec::new();
    for (file, found) in checked {
        match found {
            Ok(what) => ui.result(&clean(&format!("ok {file}: {what}"))),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    match wrong.is_empty() {
        true => Ok(0),
        false => Err(CliError::usage(wrong.join("\n"))),
    }
}

/// What is in a file, in a few words.
fn check(file: &str) -> Result<String, SpecError> {
    // Once: what comes through a pipe cannot be read again.
    let source = spec::Source::of(file)?;
    if source.is_workload() {
        let workload = source.workload()?;
        let promises: usize = workload.operations.values().map(|o| o.promises()).sum();
        return Ok(format!(
            "a workload of {}, {} and {}",
            count(workload.operations.len(), "operation"),
            count(promises, "promise"),
            count(workload.invariants.len(), "invariant"),
        ));
    }
    let stage = source.stage()?;
    Ok(format!(
        "stage {} of {} and {}",
        stage.stage,
        count(stage.tiers.len(), "tier"),
        count(stage.experiments.len(), "experiment")
    ))
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn as_json(file: &str, found: &Result<String, SpecError>) -> Value {
    let (error, problems) = match found {
        Ok(_) => (None, Vec::new()),
        Err(SpecError::Invalid(errors)) => (None, errors.problems().iter().map(problem).collect()),
        Err(other) => (Some(other.to_string()), Vec::new()),
    };
    json!({
        "file": file,
        "ok": found.is_ok(),
        "what": found.as_ref().ok(),
        "error": error,
        "problems": problems,
    })
}

fn problem(p: &Problem) -> Value {
    json!({
        "line": p.line, "column": p.column, "path": p.path, "message": p.message,
        "found": p.found, "allowed": p.allowed, "suggestion": p.suggestion, "help": p.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.yaml");
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn a_file_is_what_its_fields_say() {
        let (_folder, workload) = write("workload: {operations: {a: {get: /}}}");
        assert_eq!(
            check(&workload).unwrap(),
            "a workload of 1 operation, 0 promises and 0 invariants"
        );
        assert_eq!(check("stage-1").unwrap().split(" of ").next(), Some("stage stage-1"));
        let (_folder, stage) = write("stage: x\nworkload: {}");
        let wrong = check(&stage).unwrap_err().to_string();
        assert!(wrong.contains("the workload has no field `operations`"), "{wrong}");
    }

    #[test]
    fn what_is_wrong_has_its_place_in_json_too() {
        let (_folder, file) = write("workload:\n  operations: {a: {gte: /}}");
        let found = as_json(&file, &check(&file));
        assert_eq!((&found["ok"], &found["problems"][0]["line"]), (&json!(false), &json!(2)));
        assert_eq!(found["problems"][0]["suggestion"], "get");
        let none = as_json("./none.yaml", &check("./none.yaml"));
        assert!(none["error"].as_str().unwrap().contains("./none.yaml"), "{none}");
    }
}
