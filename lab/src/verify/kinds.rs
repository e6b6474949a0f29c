//! What the operations of a run are: the classes of its stage's workload, by the names that the journal has.

use std::sync::Arc;

use crate::journal::{Effect, OpKind};
use crate::spec::model::Stage;
use crate::spec::workload::{Class, Classes, Promise, Workload};

/// The workload of a run, and what its operations are.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    workload: Arc<Workload>,
    classes: Arc<Classes>,
}

impl Kinds {
    /// Those of a stage.
    pub fn of(stage: &Stage) -> Self {
        let workload = stage.workload();
        let classes = Arc::new(Classes::of_workload(&workload));
        Self { workload: Arc::new(workload), classes }
    }

    /// What an operation is.
    pub fn class(&self, kind: OpKind) -> Class {
        self.classes.get(kind.as_str())
    }

    /// Whether anything is sent at all that promises something which is read back.
    pub fn any_promise(&self) -> bool {
        let mut all = self.workload.operations.values();
        all.any(|operation| operation.weight > 0 && operation.kept().is_some())
    }

    /// Whether anything must hold of the system as a whole.
    pub fn any_invariant(&self) -> bool {
        !self.workload.invariants.is_empty()
    }

    /// The operations whose writes are read back.
    pub fn promises(&self) -> Vec<OpKind> {
        let kept = self.workload.operations.iter().filter(|(_, o)| o.kept().is_some());
        kept.map(|(name, _)| OpKind::new(name)).collect()
    }

    /// What follows from writes.
    pub fn effects(&self) -> Vec<Effect> {
        self.consequences().map(|(_, effect, _)| effect).collect()
    }

    /// Each operation with what follows from its writes.
    pub fn consequences(&self) -> impl Iterator<Item = (OpKind, Effect, &Promise)> {
        self.workload.operations.iter().flat_map(|(name, operation)| {
            let kind = OpKind::new(name);
            operation.effects().map(move |promise| (kind, Effect::new(promise.title()), promise))
        })
    }

    /// Paths of the lists that writes are promised to be in, without what follows a `?`.
    pub fn lists(&self) -> Vec<String> {
        let listed = self.workload.operations.values().filter_map(|o| o.listed()?.listed.as_ref());
        let path = |line: &crate::spec::workload::RequestLine| {
            let path = line.text().split_whitespace().nth(1).unwrap_or("/");
            path.split('?').next().unwrap_or(path).to_owned()
        };
        listed.map(path).collect()
    }
}
