//! What flash crowds and floods may ask for.

use super::model::{Fault, Kind, Name, Stage};
use super::workload::Workload;
use super::{Document, Path, Problem};

/// Longest path.
const LONGEST: usize = 1000;

/// Whether a text can stand in a request line as what is asked for: a path, perhaps with a query.
pub fn is_request_path(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_graphic() && c != '#';
    text.starts_with('/') && text.len() <= LONGEST && text.chars().all(fits)
}

/// What [`is_request_path`] wants, in words.
pub const REQUEST_PATH: &str = "`/`, then what may stand in a URL, without blanks and `#`";

/// Crowds and floods that the workload of the stage has nothing for: no such operation, or no session.
pub(super) fn problems(stage: &Stage, document: &Document) -> Vec<Problem> {
    let workload = stage.workload();
    let mut problems = Vec::new();
    for (name, experiment) in &stage.experiments {
        let path = Path::of(["experiments", name, "faults"]);
        for (n, fault) in experiment.faults.iter().enumerate() {
            let of = Of { stage, workload: &workload, document, path: path.index(n) };
            problems.extend(of.problems(&fault.fault));
        }
    }
    problems
}

/// A fault of a stage.
struct Of<'a> {
    stage: &'a Stage,
    workload: &'a Workload,
    document: &'a Document,
    path: Path,
}

impl Of<'_> {
    fn problems(&self, fault: &Fault) -> Vec<Problem> {
        let found = match fault {
            Fault::FlashCrowd(f) => {
                let told = f.path.is_some() || self.workload.crowd().is_some();
                let operation = self.operation(f.operation.as_ref(), told, &self.workload.crowds());
                [operation, f.signed_in.then(|| self.session("signed_in")).flatten()]
            }
            Fault::Flood(f) => {
                let told = f.path.is_some() || self.workload.flood().is_some();
                let operation = self.operation(f.operation.as_ref(), told, &self.workload.floods());
                [operation, self.nobody()]
            }
            _ => [None, None],
        };
        found.into_iter().flatten().collect()
    }

    /// The operation is one that can be asked for; without one there is something else that is.
    fn operation(&self, named: Option<&Name>, told: bool, fitting: &[&str]) -> Option<Problem> {
        match named {
            Some(name) if fitting.contains(&name.as_str()) => None,
            Some(name) => {
                let is_there = self.workload.operations.contains_key(name);
                let message = match is_there {
                    true => format!("the operation `{name}` is not one that they can ask for"),
                    false => format!("the workload has no operation `{name}`"),
                };
                let problem = self.document.problem(&self.path.key("operation"), message);
                Some(problem.found(name).one_of(name, fitting.iter().copied()))
            }
            None if told => None,
            None => {
                let message = "the workload has no read that a stranger could send";
                let problem = self.document.problem(&self.path, message);
                Some(problem.allowed("a `path`, an `operation`"))
            }
        }
    }

    fn session(&self, field: &str) -> Option<Problem> {
        if self.workload.begin.is_empty() {
            let message = "nobody can sign in: the workload has no `begin`";
            let problem = self.document.problem(&self.path.key(field), message).found("true");
            return Some(problem.allowed("false, or what users send first in `begin`"));
        }
        self.nobody()
    }

    /// The demo shop's sessions, and no shop.
    fn nobody(&self) -> Option<Problem> {
        let is_shop = |kind: &Kind| match kind {
            Kind::Box(_) => true,
            Kind::Service(service) => service.is_ours(),
            _ => false,
        };
        let nobody = self.stage.workload.is_none()
            && !self.stage.tiers.values().any(|tier| is_shop(&tier.kind));
        nobody.then(|| {
            let message = "nobody can sign in: no tier runs the lab's own application";
            let problem = self.document.problem(&self.path, message);
            problem.allowed("a `workload`; or a box, or a service with `image: app`")
        })
    }
}
