//! Compares a tree with the shape of a stage: unknown, missing and repeated fields, wrong types,
//! words and numbers outside of what is allowed.

mod object;
mod value;

use super::error::{Pos, Problem};
use super::path::Path;
use super::shape::Shape;
use super::tree::{Entry, Node};

/// Everything in `root` that does not have the form of a stage.
pub(super) fn check(root: &Node, shape: &Shape) -> Vec<Problem> {
    let mut walk = Walk::default();
    walk.value(&Place { node: root, at: root.at, path: &Path::root() }, shape);
    walk.problems
}

/// The same for the value of a field, which stands at `path`.
pub(super) fn check_at(entry: &Entry, path: &Path, shape: &Shape) -> Vec<Problem> {
    let mut walk = Walk::default();
    walk.value(&Place { node: &entry.value, at: entry.at, path }, shape);
    walk.problems
}

/// The problems found so far.
#[derive(Default)]
struct Walk {
    problems: Vec<Problem>,
}

/// A value, where to point when something is missing in it, and its path.
#[derive(Clone, Copy)]
struct Place<'a> {
    node: &'a Node,
    /// The key of the value if it has one: the line that a reader looks for.
    at: Pos,
    path: &'a Path,
}
