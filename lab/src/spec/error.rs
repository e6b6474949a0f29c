//! What is wrong with a stage file, and how it is said.

use std::fmt;
use std::io;

use super::path::{Path, quote};

/// One thing that is wrong in a stage file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Where in the stage, such as `tiers.db.zones`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, in one line.
    pub message: String,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub allowed: Option<String>,
    /// The allowed word that is closest to what was found, if one is close.
    pub suggestion: Option<String>,
    /// What else helps to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at a position, still without a file name.
    pub(super) fn new(at: Pos, path: &Path, message: impl Into<String>) -> Self {
        Self {
            file: String::new(),
            line: at.line,
            column: at.column,
            path: path.to_string(),
            message: message.into(),
            found: String::new(),
            allowed: None,
            suggestion: None,
            help: None,
        }
    }

    /// With what stands there.
    pub fn found(mut self, found: &str) -> Self {
        self.found = quote(found);
        self
    }

    /// With what may stand there.
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// With a list of the words that may stand there, and the closest of them.
    pub fn one_of<'a>(mut self, word: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.into_iter().collect();
        self.suggestion = closest(word, words.iter().copied()).map(str::to_owned);
        let list = words.iter().map(|w| quote(w)).collect::<Vec<_>>().join(", ");
        self.allowed(if list.is_empty() { "nothing".to_owned() } else { list })
    }

    /// With a further line.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(allowed) = &self.allowed {
            write!(f, "\n  allowed: {allowed}")?;
        }
        if let Some(word) = &self.suggestion {
            write!(f, "\n  did you mean `{}`?", quote(word))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pos {
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
}

impl Pos {
    /// The beginning of a file.
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// Everything that is wrong with a stage file, in the order of its lines; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecErrors {
    problems: Vec<Problem>,
}

/// Problems that `Display` writes out; more would scroll the first ones away.
const MOST_SHOWN: usize = 25;

impl SpecErrors {
    /// The problems of `file`, sorted; the same one is kept once.
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            file.clone_into(&mut problem.file);
        }
        problems
            .sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        problems.dedup();
        Self { problems }
    }

    /// The problems, sorted by line.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().take(MOST_SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        match self.problems.len().saturating_sub(MOST_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more"),
        }
    }
}

impl std::error::Error for SpecErrors {}

/// Why there is no stage for an argument.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file was read, and it is not a valid stage.
    #[error(transparent)]
    Invalid(#[from] SpecErrors),
    /// No built-in stage has this name.
    #[error("{}", unknown_stage(name, known, *is_file))]
    UnknownStage {
        /// What was asked for.
        name: String,
        /// The names of the built-in stages, in the order of growth.
        known: Vec<String>,
        /// A file of that name is there: the user meant it, and has to say so.
        is_file: bool,
    },
    /// The file cannot be read.
    #[error("{}", unreadable(file, source))]
    Unreadable {
        /// The path as given.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// Another file cannot be read.
    #[error("cannot read `{}`, which should be {what}: {source}", quote(file))]
    NoFile {
        /// The path as given.
        file: String,
        /// What should be in it, such as "a workload".
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

fn unreadable(file: &str, source: &io::Error) -> String {
    let file = quote(file);
    let what = match source.kind() {
        io::ErrorKind::NotFound => format!("there is no stage file `{file}`"),
        io::ErrorKind::IsADirectory => format!("`{file}` is a folder, not a stage file"),
        _ => format!("cannot read the stage file `{file}`: {source}"),
    };
    format!("{what}\n  help: a stage is a built-in name (`lab list`) or a path to a YAML file")
}

fn unknown_stage(name: &str, known: &[String], is_file: bool) -> String {
    let mut text =
        format!("there is no built-in stage `{}`\n  allowed: {}", quote(name), known.join(", "));
    if let Some(near) = closest(name, known.iter().map(String::as_str)) {
        text.push_str(&format!("\n  did you mean `{near}`?"));
    }
    text.push_str(&if is_file {
        format!("\n  help: to use the file of that name, write `./{}`", quote(name))
    } else {
        "\n  help: `lab list` shows the built-in stages; a path to a YAML file works too".to_owned()
    });
    text
}

/// The word closest to `word`, if it is close enough to be what was meant: at most one edit in
/// three characters.
pub(super) fn closest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    words
        .into_iter()
        .map(|w| (strsim::damerau_levenshtein(&word, &w.to_lowercase()), w))
        .filter(|(distance, w)| *distance <= limit && *distance < w.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, w)| w)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_close_and_nothing_else() {
        let words = ["replication", "primary", "zones", "a"];
        assert_eq!(closest("replicaton", words), Some("replication"));
        assert_eq!(closest("Primary", words), Some("primary"));
        assert_eq!(closest("zone", words), Some("zones"));
        assert_eq!(closest("b", words), None, "one letter is never close to another");
        assert_eq!(closest("memory", words), None);
    }

    #[test]
    fn shows_a_limited_number() {
        let problem = |line| Problem::new(Pos { line, column: 1 }, &Path::root(), "wrong");
        let errors = SpecErrors::new("x.yaml", (1..=30).rev().map(problem).collect());
        let text = errors.to_string();
        assert!(text.starts_with("x.yaml:1:1: wrong\nx.yaml:2:1: wrong"), "{text}");
        assert!(text.ends_with("\n… and 5 more"), "{text}");
    }
}
