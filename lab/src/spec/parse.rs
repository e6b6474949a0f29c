//! From the text of a stage file to a valid stage.

use super::beside::{Beside, Files};
use super::document::Document;
use super::draft::{self, Draft};
use super::error::{Pos, Problem, SpecErrors};
use super::model::Stage;
use super::path::{Path, quote};
use super::{beside, commands, crowd, fields, shape, tree, validate, workload};

/// Parses and validates the text of a stage file; `file` is its name in messages.
///
/// # Errors
/// Every independent problem of the text, sorted by line. A text that is not YAML has one.
pub fn parse(text: &str, file: &str) -> Result<Stage, SpecErrors> {
    let none = || Problem::new(Pos::START, &Path::root(), "a text has no files beside it");
    let files = Files {
        workload: &|_| Err(none().into()),
        folder: &|_| Err(none().into()),
        text: &|_| Err(none().into()),
    };
    parse_beside(text, file, &files)
}

/// The same for a text that may name files beside it.
///
/// # Errors
/// Every independent problem of the text, or of the other file.
pub(super) fn parse_beside(text: &str, file: &str, files: &Files<'_>) -> Result<Stage, SpecErrors> {
    let text = without_mark(text);
    let mut root = tree::read(text).map_err(|problem| SpecErrors::new(file, vec![*problem]))?;
    let named = root.take_text("workload");
    let mut problems = fields::check(&root, shape::stage());
    let mut stage: Option<Stage> = match (problems.is_empty(), &named) {
        (true, None) => Some(typed(text).map_err(|p| SpecErrors::new(file, vec![*p]))?),
        (true, Some(_)) => Some(draft::typed(&root).map_err(|error| {
            let message = format!("not a stage: {}", quote(&error.to_string()));
            SpecErrors::new(file, vec![Problem::new(Pos::START, &Path::root(), message)])
        })?),
        (false, _) => None,
    };
    if let (Some(stage), Some((name, at))) = (&mut stage, named) {
        match (files.workload)(&name) {
            Ok(workload) => stage.workload = Some(Box::new(workload)),
            Err(Beside::Wrong(errors)) => return Err(errors),
            Err(Beside::Unreadable(mut problem)) => {
                (problem.line, problem.column) = (at.line, at.column);
                problem.path = Path::of(["workload"]).to_string();
                problems.push(*problem);
            }
        }
    }
    let draft = match &stage {
        Some(stage) => Draft::from(stage),
        None => Draft::of_parts(&root, &problems),
    };
    problems.extend(validate::check(&draft, &root));
    problems.extend(of_workload(stage.as_ref(), &root, text, file));
    if let Some(stage) = stage.as_mut().filter(|_| problems.is_empty()) {
        problems.extend(beside::resolve(stage, &root, files)?);
    }
    match stage {
        Some(stage) if problems.is_empty() => Ok(stage),
        _ => Err(SpecErrors::new(file, problems)),
    }
}

/// What is wrong with the stage's own workload, and with what its faults say of it.
fn of_workload(stage: Option<&Stage>, root: &tree::Node, text: &str, file: &str) -> Vec<Problem> {
    let Some(stage) = stage else { return Vec::new() };
    let document = Document::read(text, file, "a stage");
    let mut problems = Vec::new();
    if let Ok(document) = &document {
        problems.extend(crowd::problems(stage, document));
    }
    let Some(workload) = &stage.workload else { return problems };
    if let Ok(document) = &document {
        problems.extend(workload::problems(document, workload));
        problems.extend(commands::problems(stage, workload, document));
    }
    // Shares of the demo shop's traffic say nothing of another.
    for name in ["read_percent", "profile_percent"] {
        let entry = root.entry("traffic").and_then(|traffic| traffic.value.entry(name));
        problems.extend(entry.map(|entry| {
            let path = Path::of(["traffic", name]);
            let message =
                format!("`{name}` is about the demo shop's traffic, and there is a `workload`");
            Problem::new(entry.at, &path, message)
                .found(name)
                .allowed("a `weight` of each operation")
        }));
    }
    problems
}

/// A byte order mark is legal and means nothing in UTF-8.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The typed step. The checks before it know the same types, so an error here means that the two
/// YAML parsers read the text differently.
fn typed(text: &str) -> Result<Stage, Box<Problem>> {
    serde_yaml::from_str(text).map_err(|error| {
        let at = error
            .location()
            .map_or(Pos::START, |l| Pos { line: l.line().max(1), column: l.column().max(1) });
        Problem::new(at, &Path::root(), format!("not a stage: {}", quote(&error.to_string())))
            .into()
    })
}
