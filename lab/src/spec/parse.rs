//! From the text of a stage file to a valid stage.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::document::Document;
use super::draft::{self, Draft};
use super::error::{Pos, Problem, SpecErrors};
use super::model::{Kind, Stage};
use super::path::{Path, quote};
use super::workload::Workload;
use super::{certificates, commands, fields, shape, tree, validate, workload};

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

/// What a stage file may name that lies beside it, and who looks at it.
pub(super) struct Files<'a> {
    /// A file with the workload.
    pub(super) workload: &'a dyn Fn(&str) -> Result<Workload, Beside>,
    /// A folder of which an image is made.
    pub(super) folder: &'a dyn Fn(&str) -> Result<PathBuf, Beside>,
    /// A file that is taken as it is.
    pub(super) text: &'a dyn Fn(&str) -> Result<String, Beside>,
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
        problems.extend(builds(stage, &root, files)?);
        problems.extend(authorities(stage, &root, files)?);
    }
    match stage {
        Some(stage) if problems.is_empty() => Ok(stage),
        _ => Err(SpecErrors::new(file, problems)),
    }
}

/// Where the folders are of which images are made, and what these are called.
fn builds(
    stage: &mut Stage,
    root: &tree::Node,
    files: &Files<'_>,
) -> Result<Vec<Problem>, SpecErrors> {
    let mut problems = Vec::new();
    let of_stage = stage.stage.clone();
    for (name, tier) in &mut stage.tiers {
        let Kind::Container(kind) = &mut tier.kind else { continue };
        let Some(named) = &kind.build else { continue };
        match (files.folder)(named) {
            Ok(found) => {
                // Two checkouts of one stage do not take each other's image.
                let digest = Sha256::digest(found.as_os_str().as_encoded_bytes());
                let digest: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
                kind.image = format!("lab/built:{of_stage}-{name}-{digest}");
                kind.build = Some(found.display().to_string());
            }
            Err(Beside::Wrong(errors)) => return Err(errors),
            Err(Beside::Unreadable(problem)) => {
                problems.push(placed(*problem, root, &Path::of(["tiers", name, "build"])));
            }
        }
    }
    Ok(problems)
}

/// The certificates of those who may have signed that of the entry, in the place of the file's name.
fn authorities(
    stage: &mut Stage,
    root: &tree::Node,
    files: &Files<'_>,
) -> Result<Option<Problem>, SpecErrors> {
    let Some(ca) = stage.traffic.tls.as_mut().and_then(|tls| tls.ca.as_mut()) else {
        return Ok(None);
    };
    if certificates::is_pem(ca) {
        return Ok(None);
    }
    let path = Path::of(["traffic", "tls", "ca"]);
    let read = (files.text)(ca).and_then(|text| match certificates::roots(&text) {
        Ok(_) => Ok(text),
        Err(why) => {
            let message = format!("no certificates: {why}");
            let problem = Problem::new(Pos::START, &path, message).found(ca);
            Err(problem.allowed("a file with certificates in PEM").into())
        }
    });
    match read {
        Ok(text) => *ca = text,
        Err(Beside::Wrong(errors)) => return Err(errors),
        Err(Beside::Unreadable(problem)) => return Ok(Some(placed(*problem, root, &path))),
    }
    Ok(None)
}

/// A problem with what a value names, at the value.
fn placed(mut problem: Problem, root: &tree::Node, path: &Path) -> Problem {
    let (at, path) = validate::locate(root, path, validate::Point::Value);
    (problem.line, problem.column) = (at.line, at.column);
    problem.path = path.to_string();
    problem
}

/// What is wrong with the stage's own workload.
fn of_workload(stage: Option<&Stage>, root: &tree::Node, text: &str, file: &str) -> Vec<Problem> {
    let Some((stage, workload)) = stage.and_then(|stage| Some((stage, stage.workload.as_ref()?)))
    else {
        return Vec::new();
    };
    let mut problems = match Document::read(text, file, "a stage") {
        Ok(document) => {
            let mut problems = workload::problems(&document, workload);
            problems.extend(commands::problems(stage, workload, &document));
            problems
        }
        Err(_) => Vec::new(),
    };
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

/// Why a file beside the stage gave no workload.
pub(super) enum Beside {
    /// There is something wrong in it.
    Wrong(SpecErrors),
    /// It cannot be read; the place is that of its name.
    Unreadable(Box<Problem>),
}

impl From<Problem> for Beside {
    fn from(problem: Problem) -> Self {
        Self::Unreadable(Box::new(problem))
    }
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
