//! The journal: one append-only record of a run, and its one-line-per-entry JSON form.
//!
//! The control plane writes one (its canary and what it did), `lab chaos` and `lab verify` add to
//! it, and everything a verdict rests on can be read back from it without Docker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::spec::model::{Fault, Stage};

mod control;
mod crowd;
mod file;
mod flood;
mod invariant;
mod kind;
mod queues;
mod seen;
mod service_map;
pub use control::{ControlEvent, StalledPart};
pub use crowd::CrowdAnswered;
pub use file::{JournalError, Writer, is_being_written, read};
pub use flood::FloodEnded;
pub use invariant::{InvariantRead, Ledger, Stands};
pub use kind::{Effect, OpKind};
pub use queues::{DeadLetter, QueueRead, bad_message};
pub use seen::{Caches, EdgeUse, KeptBy, Listed, ShopUse, Showed, ShownItem};
pub use service_map::{Calls, Mapped, Service, ServiceMap, Traffic};

/// Microseconds since the Unix epoch. All entries of a run are stamped by one machine's clock.
pub type Micros = i64;

/// One line of `journal.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub at: Micros,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// First line of a run.
    RunStarted(RunStarted),
    /// An experiment (or `since-up`) begins; all that follows belongs to it until `ExperimentEnded`.
    ExperimentStarted {
        /// Its name in the stage file.
        experiment: String,
        /// What the traffic's keys begin with; the final reads ask for it.
        key_prefix: String,
    },
    /// Before its fault the service was not healthy, and its traffic was begun anew.
    Unsteady {
        /// What was wrong.
        why: String,
    },
    /// After the last heal the lab did not become whole again: nobody knows what the faults left behind.
    NotWhole {
        /// What was missing.
        why: String,
        /// The nodes of the architecture among that.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        nodes: Vec<String>,
    },
    /// A phase of the current experiment begins.
    Phase {
        /// Which one.
        phase: Phase,
    },
    /// A fault and the nodes it will hit, with what will undo it: written before it is injected.
    FaultPlanned {
        /// Unique in the journal.
        id: String,
        /// What is injected.
        fault: Fault,
        /// The nodes chosen.
        nodes: Vec<String>,
        /// What the heal will do, in words.
        heal: String,
    },
    /// The injection's first effect took place at this moment.
    FaultInjected {
        /// The planned fault.
        id: String,
    },
    /// The effect was read back.
    FaultConfirmed {
        /// The planned fault.
        id: String,
        /// What was read, such as "db-a1: exited (137)".
        evidence: String,
    },
    /// The effect could not be shown: the experiment is inconclusive.
    FaultUnconfirmed {
        /// The planned fault.
        id: String,
        /// Why.
        reason: String,
    },
    /// The effect was over before the heal, although it should have lasted: the experiment is
    /// inconclusive.
    FaultEnded {
        /// The planned fault.
        id: String,
        /// What was seen instead of the effect.
        reason: String,
    },
    /// The fault was undone.
    FaultHealed {
        /// The planned fault.
        id: String,
    },
    /// The undoing was read back.
    HealConfirmed {
        /// The planned fault.
        id: String,
        /// What was read.
        evidence: String,
    },
    /// The undoing could not be shown.
    HealUnconfirmed {
        /// The planned fault.
        id: String,
        /// Why.
        reason: String,
    },
    /// What became of a flash crowd.
    CrowdAnswered(CrowdAnswered),
    /// What became of a flood.
    FloodEnded(FloodEnded),
    /// One client operation, written when its outcome is known.
    Op(Op),
    /// A keyed write that a client sent once more, because it does not know, or has lost, what became of it.
    /// The operation itself counts by its first try.
    Repeated(Op),
    /// The map of services, as it was in a phase of the current experiment.
    ServiceMap(Mapped),
    /// Something the control plane saw or did.
    Control(ControlEvent),
    /// A chunk of what the final read of one kind of write found.
    AuditKeys {
        /// Which writes were read back.
        kind: OpKind,
        /// Idempotency key and number of effects in the store.
        keys: Vec<(String, u32)>,
    },
    /// The final read of one kind of write is complete.
    AuditKeysEnd {
        /// Which writes were read back.
        kind: OpKind,
    },
    /// The final read of the demo shop's ledger and stock, as runs of before have it.
    AuditLedger(Ledger),
    /// The final read of all invariants of the workload.
    AuditInvariants {
        /// One for each.
        invariants: Vec<InvariantRead>,
    },
    /// A chunk of what the final read of one sort of effect found.
    AuditEffects {
        /// Which effects were read back.
        effect: Effect,
        /// Idempotency key of the write, and how many effects followed from it.
        keys: Vec<(String, u32)>,
    },
    /// The final read of one sort of effect is complete.
    AuditEffectsEnd {
        /// Which effects were read back.
        effect: Effect,
        /// For how long they were waited for, in milliseconds.
        waited_ms: u64,
    },
    /// A queue as it was at this moment: before the fault, and at the end.
    QueueRead(QueueRead),
    /// A queue that could not be looked at.
    QueueUnread {
        /// Its name.
        queue: String,
        /// Why.
        reason: String,
    },
    /// A final read that did not work.
    AuditFailed {
        /// What was to be read.
        what: String,
        /// Why it could not be.
        reason: String,
    },
    /// What happened since a moment, until this entry, belongs to another run and is judged there: of a
    /// history since `up`, the times in which `lab verify` ran its own experiments.
    LeftOut {
        /// Since when.
        since: Micros,
    },
    /// Last line of an experiment that ran to its end.
    ExperimentEnded {
        /// Its name.
        experiment: String,
    },
    /// Last line of a run that ran to its end.
    RunEnded,
}

/// The head of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// Name of the run folder.
    pub run: String,
    /// Every choice of the run follows from it.
    pub seed: u64,
    /// Version of the tool.
    pub version: String,
    /// `--quick` was given.
    pub quick: bool,
    /// The whole stage, so that the run can be judged again without the file.
    pub stage: Box<Stage>,
}

/// The phases of an experiment, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Traffic before the fault: the steady state must hold here.
    Steady,
    /// From the first fault until the last heal.
    Fault,
    /// Traffic after the last heal.
    Settle,
    /// Traffic has stopped; promises are read back.
    Audit,
}

/// One client operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Op {
    /// What the client did.
    pub kind: OpKind,
    /// For a write: the idempotency key it carried. A retried write keeps its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When the schedule wanted it sent; latency counts from here.
    pub intended: Micros,
    /// When its outcome was known.
    pub done: Micros,
    /// What became of it.
    pub outcome: Outcome,
    /// HTTP status, or what went wrong, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// For what a user does with a register of their own: who, and which version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// For what is promised to be listed: what was written, or shown.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "forum")]
    pub listed: Option<Listed>,
    /// For a promise that is read back one by one: values that its answer gave, and that the request which
    /// reads it back names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, serde_json::Value>,
    /// For a read that was answered: what the caches on the way say they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caches: Option<Caches>,
}

/// What a user wrote to a register of their own, or saw there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The user.
    pub user: String,
    /// The version that was written, or seen; 0 when there was none.
    pub version: u64,
}

impl Op {
    /// What [`Op::detail`] begins with when the generator dropped the operation instead of sending
    /// it, because too many were in flight. Its outcome is [`Outcome::Fail`].
    pub const DROPPED: &str = "dropped";

    /// The detail of one that the generator dropped because it stood still itself.
    pub const TOO_LATE: &str = "dropped: too late";

    /// The detail of one that it dropped because too many were under way.
    pub const TOO_MANY: &str = "dropped: too many under way";

    /// Whether the generator dropped it.
    pub fn was_dropped(&self) -> bool {
        self.outcome == Outcome::Fail && self.detail.starts_with(Self::DROPPED)
    }
}

/// Outcome of an operation in Jepsen's sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Acknowledged.
    Ok,
    /// Certainly without effect (refused, rejected, never sent, dropped by the generator).
    Fail,
    /// May or may not have happened.
    Unknown,
}
