//! From the text of a workload file to a valid workload.

use super::check;
use super::model::Workload;
use crate::spec::{Document, Problem, SpecError, SpecErrors};

/// What stands in a workload file, for messages.
const WHAT: &str = "a workload: `workload` with `operations`, …";

/// The field that a workload stands in, in a file of its own as in a stage file.
pub const SECTION: &str = "workload";

/// Parses and validates the text of a workload file; `file` is its name in messages.
///
/// # Errors
/// Every problem of the text, sorted by line: first those of form, and when there are none those of meaning.
pub fn parse(text: &str, file: &str) -> Result<Workload, SpecErrors> {
    let document = Document::read(text, file, WHAT)?;
    valid(&document).map_err(|problems| document.errors(problems))
}

/// Reads a workload file, as [`parse`] does a text.
///
/// # Errors
/// The file cannot be read, or is not valid.
pub fn load(file: &str) -> Result<Workload, SpecError> {
    let document = Document::load(file, WHAT)?;
    Ok(valid(&document).map_err(|problems| document.errors(problems))?)
}

/// Whether a text has a workload and is no stage.
pub fn is_workload(text: &str, file: &str) -> bool {
    Document::read(text, file, WHAT).is_ok_and(|document| {
        let has = |wanted: &str| document.sections().any(|name| name == wanted);
        has(SECTION) && !has("stage")
    })
}

/// What has no meaning in the workload of a file, whatever else the file has.
pub(in crate::spec) fn problems(document: &Document, workload: &Workload) -> Vec<Problem> {
    check::check(document, workload)
}

fn valid(document: &Document) -> Result<Workload, Vec<Problem>> {
    let others: Vec<&str> = document.sections().filter(|name| *name != SECTION).collect();
    let known = document.sections().any(|name| name == SECTION);
    let mut problems: Vec<Problem> = others
        .into_iter()
        .map(|name| {
            let path = crate::spec::Path::of([name]);
            let message = format!("unknown field `{name}` in the file");
            document.problem_of_key(&path, message).found(name).one_of(name, [SECTION])
        })
        .collect();
    // A misspelt name is enough to say.
    if !known && problems.iter().any(|problem| problem.suggestion.is_some()) {
        return Err(problems);
    }
    match document.section::<Workload>(SECTION) {
        Err(more) => problems.extend(more),
        Ok(workload) => {
            problems.extend(check::check(document, &workload));
            if problems.is_empty() {
                return Ok(workload);
            }
        }
    }
    Err(problems)
}
