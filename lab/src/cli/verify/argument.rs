//! What `lab verify` is given: a stage, a finished run, or neither.

use std::path::Path;

use crate::cli::CliError;
use crate::cli::args::VerifyArgs;
use crate::spec::model::Stage;

/// A finished run is judged as it is: nothing is run again, and no part of it alone.
pub fn refuse_to_run(args: &VerifyArgs, folder: &Path) -> Result<(), CliError> {
    let given = [
        ("--only", !args.only.is_empty()),
        ("--quick", args.quick),
        ("--keep", args.keep),
        ("--seed", args.seed.is_some()),
        ("--port", args.port.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(CliError::usage(format!(
            "{} is a finished run, which is judged as it is: `{option}` is for a stage",
            folder.display()
        ))),
    }
}

/// A path that can be neither a stage file nor a finished run.
pub fn is_no_stage(name: &str) -> bool {
    let path = Path::new(name);
    let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    path.is_dir() || run_of(path).is_some() || (name.contains('/') && !is_yaml && !path.exists())
}

/// The finished run that a file is a part of.
fn run_of(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    (file.is_file() && file.extension().is_none_or(|e| e != "yaml") && is_run(folder))
        .then_some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

pub fn neither(name: &str) -> CliError {
    if let Some(run) = run_of(Path::new(name)) {
        let folder = run.display();
        let what = format!("`{name}` is a part of the finished run `{folder}`");
        return CliError::usage(what).hint(format!("lab verify {folder}"));
    }
    let what = match Path::new(name).is_dir() {
        true => format!("the folder `{name}` is no finished run: it has no journal.jsonl"),
        false => format!("there is no finished run at `{name}`, and no stage file"),
    };
    CliError::usage(what).hint(
        "a finished run is a folder such as `runs/latest`, a stage a name (`lab list`) or a YAML file",
    )
}

/// A folder with a journal in it is a finished run; a stage file is a file.
pub fn is_run(path: &Path) -> bool {
    path.join("journal.jsonl").is_file()
}

pub fn check_only(stage: &Stage, only: &[String]) -> Result<(), CliError> {
    let names: Vec<&str> = stage.experiments.keys().map(String::as_str).collect();
    match only.iter().find(|n| !names.contains(&n.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(CliError::usage(format!(
            "{} has no experiment `{unknown}`; there are: {}",
            stage.stage,
            names.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn refusal(options: &[&str]) -> Option<String> {
        let line = ["lab", "verify", "runs/1"].iter().chain(options);
        let Command::Verify(args) = Cli::try_parse_from(line).unwrap().command else { panic!() };
        refuse_to_run(&args, Path::new("runs/1")).err().map(|e| e.message)
    }

    #[test]
    fn what_is_neither_stage_nor_run_is_said_to_be_neither() {
        let empty = tempfile::tempdir().unwrap();
        let empty = empty.path().to_str().unwrap();
        for name in ["runs/none", "runs/none/", empty] {
            assert!(is_no_stage(name), "{name}");
            let said = neither(name).message;
            assert!(said.contains(name) && said.contains("finished run"), "{said}");
        }
        for name in ["stage-1", "stage-none", "./none.yaml", "x.yml", "/dev/null"] {
            assert!(!is_no_stage(name), "{name}");
        }
    }

    #[test]
    fn a_part_of_a_run_points_to_the_run() {
        let run = tempfile::tempdir().unwrap();
        for part in ["journal.jsonl", "results.json", "report.html"] {
            std::fs::write(run.path().join(part), "{}").unwrap();
        }
        for part in ["journal.jsonl", "results.json", "report.html"] {
            let name = run.path().join(part).to_str().unwrap().to_owned();
            assert!(is_no_stage(&name), "{name}");
            let said = neither(&name);
            let folder = run.path().display();
            assert_eq!(said.hint, Some(format!("lab verify {folder}")));
        }
        let beside = run.path().join("stage.yaml");
        std::fs::write(&beside, "").unwrap();
        assert!(!is_no_stage(beside.to_str().unwrap()), "a stage file may lie beside it");
    }

    #[test]
    fn a_finished_run_is_judged_without_options_that_are_for_a_run() {
        assert_eq!(refusal(&[]), None);
        assert_eq!(refusal(&["--format", "json"]), None);
        let one = [&["--only", "kill-web"][..], &["--quick"], &["--keep"]];
        for options in one.into_iter().chain([&["--seed", "7"][..], &["--port", "0"]]) {
            let said = refusal(options).expect("a refusal");
            assert!(said.contains(&format!("`{}`", options[0])), "{said}");
        }
    }
}
