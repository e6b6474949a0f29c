//! From the text of a stage file to a valid stage.

use super::draft::Draft;
use super::error::{Pos, Problem, SpecErrors};
use super::model::Stage;
use super::path::{Path, quote};
use super::{fields, shape, tree, validate};

/// Parses and validates the text of a stage file; `file` is its name in messages.
///
/// # Errors
/// Every independent problem of the text, sorted by line. A text that is not YAML has one.
pub fn parse(text: &str, file: &str) -> Result<Stage, SpecErrors> {
    let text = without_mark(text);
    let root = tree::read(text).map_err(|problem| SpecErrors::new(file, vec![*problem]))?;
    let mut problems = fields::check(&root, shape::stage());
    let stage = match problems.is_empty() {
        true => Some(typed(text).map_err(|problem| SpecErrors::new(file, vec![*problem]))?),
        false => None,
    };
    let draft = match &stage {
        Some(stage) => Draft::from(stage),
        None => Draft::of_parts(&root, &problems),
    };
    problems.extend(validate::check(&draft, &root));
    match stage {
        Some(stage) if problems.is_empty() => Ok(stage),
        _ => Err(SpecErrors::new(file, problems)),
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
