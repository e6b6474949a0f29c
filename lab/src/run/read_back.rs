//! Reading back what was promised: everything whose key begins alike, and what follows from it later.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::experiment::SharedJournal;
use super::{RunningLab, memory, settle};
use crate::journal::{Event, Op, OpKind, Outcome};
use crate::load::{self, AuditRequest, ReadBack};
use crate::spec::model::Stage;
use crate::spec::workload::{Promise, Workload};

/// How long the final reads may be tried.
const AUDIT_LIMIT: Duration = Duration::from_secs(30);

/// Reads back every promise whose key begins with the prefix, and what follows from it later. `writes` are
/// those that are read back one by one.
pub async fn audit(lab: &RunningLab, prefix: &str, writes: &[ReadBack]) -> Vec<Event> {
    let (site, workload) = (lab.site(), Arc::new(lab.stage.workload()));
    let (workload, patience) = (&workload, AUDIT_LIMIT);
    let request = AuditRequest { site: &site, workload, prefix, writes, patience };
    let mut events = memory::held_since(lab).await;
    events.extend(load::audit(&request).await);
    let settled = settle::settle(lab, prefix, workload, writes, &events).await;
    events.extend(settled);
    events
}

/// The writes among these operations and repetitions that are read back one by one, with what the client knows
/// of each in the end.
pub fn written<'a>(stage: &Stage, ops: impl Iterator<Item = &'a Op>) -> Vec<ReadBack> {
    let one_by_one = one_by_one(&stage.workload());
    let rank = |outcome| match outcome {
        Outcome::Fail => 0,
        Outcome::Unknown => 1,
        Outcome::Ok => 2,
    };
    let mut writes: BTreeMap<(OpKind, String), ReadBack> = BTreeMap::new();
    for op in ops.filter(|op| one_by_one.contains(&op.kind)) {
        let Some(key) = op.key.clone() else { continue };
        let (kind, outcome) = (op.kind, op.outcome);
        let known = writes.entry((kind, key.clone())).or_insert_with(|| ReadBack {
            kind,
            key,
            outcome,
            values: BTreeMap::new(),
        });
        if rank(outcome) > rank(known.outcome) {
            known.outcome = outcome;
        }
        known.values.extend(op.values.clone());
    }
    writes.into_values().collect()
}

/// Those of the current experiment, as its journal has them.
pub fn written_in(journal: &SharedJournal, stage: &Stage) -> Vec<ReadBack> {
    if one_by_one(&stage.workload()).is_empty() {
        return Vec::new();
    }
    let entries = journal.lock().unwrap_or_else(PoisonError::into_inner).so_far();
    let entries = entries.unwrap_or_default();
    let started = |event: &Event| matches!(event, Event::ExperimentStarted { .. });
    let from = entries.iter().rposition(|entry| started(&entry.event)).unwrap_or(0);
    let ops = entries[from..].iter().filter_map(|entry| match &entry.event {
        Event::Op(op) | Event::Repeated(op) => Some(op),
        _ => None,
    });
    written(stage, ops)
}

/// The operations whose writes are read back one by one.
fn one_by_one(workload: &Workload) -> Vec<OpKind> {
    let read =
        |o: &crate::spec::workload::Operation| o.promise.iter().any(Promise::is_read_one_by_one);
    let found = workload.operations.iter().filter(|(_, operation)| read(operation));
    found.map(|(name, _)| OpKind::new(name)).collect()
}
