//! From the argument STAGE of a command to a stage: the one place that reads a stage file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path as FilePath, PathBuf};

use super::beside::{Beside, Files};
use super::builtin::builtin;
use super::dockerfile;
use super::error::{Pos, Problem, SpecError, SpecErrors};
use super::model::Stage;
use super::parse::{parse_beside, without_mark};
use super::path::Path;
use super::tree::LARGEST;
use super::workload::{self, Workload};

/// Where a stage came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came with the tool; its name.
    BuiltIn(&'static str),
    /// It was read from this file.
    File(PathBuf),
}

/// The stage that `arg` names: a path to a YAML file if it contains `/` or ends with `.yaml` or
/// `.yml`, otherwise the name of a built-in stage.
///
/// # Errors
/// An unknown name, a file that cannot be read, or every problem of a stage that is not valid.
pub fn load(arg: &str) -> Result<(Stage, Origin), SpecError> {
    let source = Source::of(arg)?;
    Ok((source.stage()?, source.origin))
}

/// The text of a stage: what is said later about the stage can be said with a line, too.
#[derive(Clone, Debug)]
pub struct Source {
    file: String,
    text: String,
    origin: Origin,
}

impl Source {
    /// The text that `arg` names, as for [`load`].
    ///
    /// # Errors
    /// An unknown name, or a file that cannot be read.
    pub fn of(arg: &str) -> Result<Self, SpecError> {
        source(arg)
    }

    /// A text that was not read from anywhere.
    #[cfg(test)]
    pub(super) fn of_text(file: &str, text: &str) -> Self {
        let origin = Origin::File(PathBuf::from(file));
        Self { file: file.into(), text: text.into(), origin }
    }

    /// Whether it is a workload and no stage.
    pub fn is_workload(&self) -> bool {
        workload::is_workload(&self.text, &self.file)
    }

    /// The workload that it is.
    ///
    /// # Errors
    /// Every problem of a workload that is not valid.
    pub fn workload(&self) -> Result<Workload, SpecErrors> {
        workload::parse(&self.text, &self.file)
    }

    /// The stage that it is.
    ///
    /// # Errors
    /// Every problem of a stage that is not valid.
    pub fn stage(&self) -> Result<Stage, SpecErrors> {
        let files = Files {
            workload: &|name| self.beside(name),
            folder: &|name| self.folder(name),
            text: &|name| self.text_beside(name),
        };
        parse_beside(&self.text, &self.file, &files)
    }

    /// The text of a file seen from this one.
    fn text_beside(&self, name: &str) -> Result<String, Beside> {
        let file = self.around().join(name).display().to_string();
        let wrong = |message: String| {
            let problem = Problem::new(Pos::START, &Path::root(), message).found(name);
            problem.allowed("a file, seen from this one")
        };
        let bytes = read(&file).map_err(|e| wrong(format!("{file}: {e}")))?;
        let text = utf8(&bytes).map_err(|_| wrong(format!("{file} is no text, or too long")))?;
        Ok(text.to_owned())
    }

    /// A folder seen from this file, with a Dockerfile in it that the engine's own builder understands.
    fn folder(&self, name: &str) -> Result<PathBuf, Beside> {
        let wrong = |message: String| {
            let problem = Problem::new(Pos::START, &Path::root(), message).found(name);
            problem.allowed("a folder with a Dockerfile, seen from this file")
        };
        let folder = self.around().join(name);
        let whole = folder.canonicalize();
        let whole = whole.map_err(|e| wrong(format!("{}: {e}", folder.display())))?;
        let file = folder.join("Dockerfile").display().to_string();
        let bytes = read(&file).map_err(|e| wrong(format!("{file}: {e}")))?;
        let text = utf8(&bytes).map_err(|problem| SpecErrors::new(&file, vec![*problem]));
        let problems = dockerfile::problems(text.map_err(Beside::Wrong)?);
        if problems.is_empty() {
            return Ok(whole);
        }
        Err(Beside::Wrong(SpecErrors::new(&file, problems)))
    }

    /// The folder that it is in.
    fn around(&self) -> PathBuf {
        match &self.origin {
            Origin::File(path) => path.parent().unwrap_or(FilePath::new("")).to_owned(),
            Origin::BuiltIn(_) => PathBuf::new(),
        }
    }

    /// The workload in a file beside this one.
    fn beside(&self, name: &str) -> Result<Workload, Beside> {
        let file = self.around().join(name).display().to_string();
        workload::load(&file).map_err(|error| match error {
            SpecError::Invalid(errors) => Beside::Wrong(errors),
            other => {
                let problem = Problem::new(Pos::START, &Path::root(), other.to_string());
                let allowed = "a workload, or the path of a workload file beside this one";
                problem.found(name).allowed(allowed).into()
            }
        })
    }

    /// The file's name in messages.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// The text, as YAML begins.
    pub(super) fn text(&self) -> &str {
        without_mark(&self.text)
    }
}

fn source(arg: &str) -> Result<Source, SpecError> {
    if arg.contains('/') || arg.ends_with(".yaml") || arg.ends_with(".yml") {
        let bytes =
            read(arg).map_err(|source| SpecError::Unreadable { file: arg.to_owned(), source })?;
        let text = utf8(&bytes).map_err(|problem| SpecErrors::new(arg, vec![*problem]))?;
        let origin = Origin::File(PathBuf::from(arg));
        return Ok(Source { file: arg.to_owned(), text: text.to_owned(), origin });
    }
    let stages = builtin();
    match stages.iter().find(|stage| stage.name == arg) {
        Some(stage) => {
            let file = format!("stages/{}.yaml", stage.name);
            let origin = Origin::BuiltIn(stage.name);
            Ok(Source { file, text: stage.text.to_owned(), origin })
        }
        None => Err(SpecError::UnknownStage {
            name: arg.to_owned(),
            known: stages.iter().map(|stage| stage.name.to_owned()).collect(),
            is_file: FilePath::new(arg).is_file(),
        }),
    }
}

/// The text of another file of ours, in which there should be `what`.
///
/// # Errors
/// It cannot be read, is too long, or is not UTF-8.
pub(super) fn text(file: &str, what: &str) -> Result<String, SpecError> {
    let bytes = read(file).map_err(|source| SpecError::NoFile {
        file: file.to_owned(),
        what: what.to_owned(),
        source,
    })?;
    let text = utf8(&bytes).map_err(|problem| SpecErrors::new(file, vec![*problem]))?;
    Ok(text.to_owned())
}

/// The bytes of a file, and one more than allowed at most: a device or a pipe may have no end.
fn read(file: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn utf8(bytes: &[u8]) -> Result<&str, Box<Problem>> {
    // Said here because a cut-off file may also end within a character.
    if bytes.len() > LARGEST {
        let message = format!("the file has more than {} KiB, which is too much", LARGEST / 1024);
        return Err(Problem::new(Pos::START, &Path::root(), message)
            .allowed(format!("a stage file of at most {} KiB", LARGEST / 1024))
            .into());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("the file is not UTF-8: byte 0x{byte:02x}");
        Problem::new(Pos { line, column }, &Path::root(), message)
            .found(&format!("0x{byte:02x}"))
            .allowed("text in UTF-8")
            .help("save the file as UTF-8; it may be UTF-16, or not a text file")
            .into()
    })
}
