//! Which objectives an experiment, or a fault injected by hand, is judged by.

use std::mem::discriminant;

use crate::spec::model::{Experiment, Fault, Objectives, Stage};

/// The objectives of a declared experiment.
pub fn of_experiment(stage: &Stage, experiment: &Experiment) -> Objectives {
    stage.objectives.with(&experiment.objectives)
}

/// The objectives of faults that were injected by hand: for each fault the most lenient of the
/// declared experiments that consist of this one kind of fault, or else the stage's. Several faults
/// at once are judged by the most lenient of theirs. Without faults they are the stage's.
pub fn of_manual<'a>(stage: &Stage, faults: impl IntoIterator<Item = &'a Fault>) -> Objectives {
    faults
        .into_iter()
        .map(|fault| of_fault(stage, fault))
        .reduce(|a, b| lenient(&a, &b))
        .unwrap_or_else(|| stage.objectives.clone())
}

fn of_fault(stage: &Stage, fault: &Fault) -> Objectives {
    stage
        .experiments
        .values()
        .filter(|e| e.faults.len() == 1 && discriminant(&e.faults[0].fault) == discriminant(fault))
        .map(|e| of_experiment(stage, e))
        .reduce(|a, b| lenient(&a, &b))
        .unwrap_or_else(|| stage.objectives.clone())
}

fn lenient(a: &Objectives, b: &Objectives) -> Objectives {
    Objectives {
        availability_percent: a.availability_percent.min(b.availability_percent),
        p99_ms: a.p99_ms.max(b.p99_ms),
        rto_ms: a.rto_ms.max(b.rto_ms),
        rpo_writes: a.rpo_writes.max(b.rpo_writes),
        // To promise nothing is the most lenient of all.
        staleness_ms: a.staleness_ms.zip(b.staleness_ms).map(|(a, b)| a.max(b)),
    }
}
