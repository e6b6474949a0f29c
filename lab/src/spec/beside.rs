//! What a stage file names that lies beside it: folders of which images are made, files with variables, certificates.

use std::path::PathBuf;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use super::error::{Pos, Problem, SpecErrors};
use super::model::{Kind, Stage};
use super::path::Path;
use super::workload::Workload;
use super::{certificates, env_file, tree, validate};

/// What a stage file may name that lies beside it, and who looks at it.
pub(super) struct Files<'a> {
    /// A file with the workload.
    pub(super) workload: &'a dyn Fn(&str) -> Result<Workload, Beside>,
    /// A folder of which an image is made.
    pub(super) folder: &'a dyn Fn(&str) -> Result<PathBuf, Beside>,
    /// A file that is taken as it is.
    pub(super) text: &'a dyn Fn(&str) -> Result<String, Beside>,
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

/// Puts what the files say in the place of their names.
///
/// # Errors
/// What is wrong in one of them.
pub(super) fn resolve(
    stage: &mut Stage,
    root: &tree::Node,
    files: &Files<'_>,
) -> Result<Vec<Problem>, SpecErrors> {
    let mut problems = builds(stage, root, files)?;
    problems.extend(variables(stage, root, files)?);
    problems.extend(authorities(stage, root, files)?);
    Ok(problems)
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
        let (image, build) = match &mut tier.kind {
            Kind::Container(kind) => (&mut kind.image, &mut kind.build),
            Kind::Service(kind) => (&mut kind.image, &mut kind.build),
            _ => continue,
        };
        let Some(named) = &*build else { continue };
        match (files.folder)(named) {
            Ok(found) => {
                // Two checkouts of one stage do not take each other's image.
                let digest = Sha256::digest(found.as_os_str().as_encoded_bytes());
                let digest: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
                *image = format!("lab/built:{of_stage}-{name}-{digest}");
                *build = Some(found.display().to_string());
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

/// The variables of files, before those that the stage itself says.
fn variables(
    stage: &mut Stage,
    root: &tree::Node,
    files: &Files<'_>,
) -> Result<Vec<Problem>, SpecErrors> {
    let mut problems = Vec::new();
    for (name, tier) in &mut stage.tiers {
        let (named, env) = match &mut tier.kind {
            Kind::Container(kind) => (&mut kind.env_file, &mut kind.env),
            Kind::Service(kind) => (&mut kind.env_file, &mut kind.env),
            _ => continue,
        };
        let mut all = IndexMap::new();
        for (index, file) in std::mem::take(named).iter().enumerate() {
            let path = Path::of(["tiers", name, "env_file"]).index(index);
            match (files.text)(file) {
                Ok(text) => match env_file::read(&text) {
                    Ok(variables) => all.extend(variables),
                    Err(found) => return Err(SpecErrors::new(file, found)),
                },
                Err(Beside::Wrong(errors)) => return Err(errors),
                Err(Beside::Unreadable(problem)) => problems.push(placed(*problem, root, &path)),
            }
        }
        all.append(env);
        *env = all;
    }
    Ok(problems)
}
