//! Texts of our own formats beside stage files, read with the same care: positions, every problem at once,
//! suggestions. A format is a type with a JSON Schema; rules across its fields are its owner's.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::draft;
use super::error::{Pos, Problem, SpecError, SpecErrors};
use super::path::Path;
use super::tree::{self, Node};
use super::validate::{Point, locate};
use super::{fields, load, schema, shape};

/// A YAML text whose every value knows its line and column.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    lines: Vec<String>,
    root: Node,
}

impl Document {
    /// Reads a text; `file` is its name in messages, `what` what is expected in it, such as "a workload".
    ///
    /// # Errors
    /// The first thing that is not YAML, or not the part of YAML that our formats use.
    pub fn read(text: &str, file: &str, what: &str) -> Result<Self, SpecErrors> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = tree::read(text).map_err(|mut problem| {
            if problem.message == "the file is empty" {
                problem.allowed = Some(what.to_owned());
                problem.help = None;
            }
            SpecErrors::new(file, vec![*problem])
        })?;
        Ok(Self { file: file.to_owned(), lines: text.lines().map(str::to_owned).collect(), root })
    }

    /// Reads a file, as [`Self::read`] does a text.
    ///
    /// # Errors
    /// The file cannot be read, or its text cannot.
    pub fn load(file: &str, what: &str) -> Result<Self, SpecError> {
        Ok(Self::read(&load::text(file, what)?, file, what)?)
    }

    /// The names of the fields of the whole text, in their order; none when it is no map.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.root.entries().iter().map(|entry| entry.key.as_str())
    }

    /// What stands in a field of the whole text, compared with the schema of its type: the value, or
    /// everything that does not have its form. A field that is not there has one problem.
    ///
    /// # Errors
    /// The problems, in no order.
    pub fn section<T: DeserializeOwned + JsonSchema>(&self, name: &str) -> Result<T, Vec<Problem>> {
        let Some(entry) = self.root.entry(name) else {
            let problem =
                Problem::new(self.root.at, &Path::root(), format!("the file has no `{name}`"));
            return Err(vec![problem.found("nothing").allowed(format!("a field `{name}`"))]);
        };
        let schema = schema::of::<T>();
        let problems = fields::check_at(entry, &Path::of([name]), &shape::of(&schema));
        if !problems.is_empty() {
            return Err(problems);
        }
        // The comparison knows the same type, so an error here is a rule that only the type has.
        draft::typed(&entry.value).map_err(|e| {
            let message = format!("not what `{name}` can be: {e}");
            vec![Problem::new(entry.at, &Path::of([name]), message)]
        })
    }

    /// A problem with the value at a path, or with the nearest thing around it that is written.
    pub fn problem(&self, path: &Path, message: impl Into<String>) -> Problem {
        let (at, path) = locate(&self.root, path, Point::Value);
        Problem::new(at, &path, message)
    }

    /// A problem with the field at a path as such.
    pub fn problem_of_key(&self, path: &Path, message: impl Into<String>) -> Problem {
        let (at, path) = locate(&self.root, path, Point::Key);
        Problem::new(at, &path, message)
    }

    /// A problem within the text at a path, from the character `offset` on (counted from 0). It points to
    /// the beginning of the text where the file writes it in another way, such as over several lines.
    pub fn problem_within(
        &self,
        path: &Path,
        offset: usize,
        message: impl Into<String>,
    ) -> Problem {
        self.within(path, Point::Value, offset, message)
    }

    /// The same within the key at a path.
    pub fn problem_within_key(
        &self,
        path: &Path,
        offset: usize,
        message: impl Into<String>,
    ) -> Problem {
        self.within(path, Point::Key, offset, message)
    }

    /// All problems of this text, sorted.
    pub fn errors(&self, problems: Vec<Problem>) -> SpecErrors {
        SpecErrors::new(&self.file, problems)
    }

    fn within(
        &self,
        path: &Path,
        point: Point,
        offset: usize,
        message: impl Into<String>,
    ) -> Problem {
        let (at, path) = locate(&self.root, path, point);
        let shift = self.shift(at, offset).unwrap_or(0);
        Problem::new(Pos { column: at.column + shift, ..at }, &path, message)
    }

    /// How many characters after `at` the character `offset` of the text that begins there stands.
    fn shift(&self, at: Pos, offset: usize) -> Option<usize> {
        let line = self.lines.get(at.line.checked_sub(1)?)?;
        let mut rest = line.chars().skip(at.column.checked_sub(1)?);
        let first = rest.next()?;
        let quotes = usize::from(first == '"' || first == '\'');
        // Escapes and doubled quotes make the file longer than the text, blocks begin on another line.
        let is_block = (first == '|' || first == '>') && rest.clone().all(|c| c != '"');
        let before: String = line.chars().skip(at.column - 1 + quotes).take(offset).collect();
        let is_plain = !is_block && !before.contains('\\') && !before.contains("''");
        (is_plain && before.chars().count() == offset).then_some(offset + quotes)
    }
}
