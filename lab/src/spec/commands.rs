//! The commands of a workload run in nodes of the stage.

use super::model::{Kind, Stage, Tier};
use super::workload::{Exec, Workload};
use super::{Document, Path, Problem};

/// What a command can run in, for messages.
const WHERE: &str =
    "a tier of kind `container` without `job`, or a service with an image of its own";

/// Commands in tiers that are not there, or that have no place for them.
pub(super) fn problems(stage: &Stage, workload: &Workload, document: &Document) -> Vec<Problem> {
    let root = Path::of(["workload"]);
    let begin = workload.begin.iter().enumerate().filter_map(|(n, step)| {
        let path = root.key("begin").index(n).key("exec");
        Some((path, step.request.exec.as_ref()?))
    });
    let operations = workload.operations.iter().flat_map(|(name, operation)| {
        let path = root.key("operations").key(name);
        let done = operation.request.exec.as_ref().map(|exec| (path.key("exec"), exec));
        let promises = operation.promise.iter().enumerate().filter_map(move |(n, promise)| {
            Some((path.key("promise").index(n).key("exec"), promise.exec.as_ref()?))
        });
        done.into_iter().chain(promises)
    });
    let invariants = workload.invariants.iter().enumerate().filter_map(|(n, invariant)| {
        Some((root.key("invariants").index(n).key("exec"), invariant.exec.as_ref()?))
    });
    let wrong = |(path, exec): (Path, &Exec)| problem(stage, document, &path.key("tier"), exec);
    begin.chain(operations).chain(invariants).filter_map(wrong).collect()
}

fn problem(stage: &Stage, document: &Document, path: &Path, exec: &Exec) -> Option<Problem> {
    let tier = &exec.tier;
    let message = match stage.tiers.get(tier) {
        Some(found) if has_room(found) => return None,
        Some(_) => format!("no command can run in tier `{tier}`"),
        None => format!("there is no tier `{tier}`"),
    };
    let rooms = stage.tiers.iter().filter(|(_, tier)| has_room(tier));
    let rooms: Vec<&str> = rooms.map(|(name, _)| name.as_str()).collect();
    let problem = document.problem(path, message).found(tier);
    Some(match rooms.is_empty() {
        true => problem.allowed(WHERE),
        false => problem.one_of(tier, rooms),
    })
}

fn has_room(tier: &Tier) -> bool {
    match &tier.kind {
        Kind::Container(container) => !container.job,
        Kind::Service(service) => !service.is_ours(),
        _ => false,
    }
}
