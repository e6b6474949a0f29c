//! One experiment as the checks see it: its operations in order, its faults with their evidence,
//! what the control plane did meanwhile, and what the final reads found.

use std::collections::BTreeMap;

use super::kinds::Kinds;
use crate::journal::{
    ControlEvent, CrowdAnswered, Effect, Entry, Event, FloodEnded, InvariantRead, Ledger, Mapped,
    Micros, Op, OpKind, Phase, QueueRead,
};
use crate::spec::model::Fault;

/// The part of a journal that belongs to one experiment.
#[derive(Clone, Debug)]
pub struct History<'a> {
    /// Name of the experiment.
    pub name: &'a str,
    /// What the keys of its writes begin with.
    pub key_prefix: &'a str,
    /// Whether its last line is there.
    pub ended: bool,
    /// What its operations are.
    pub kinds: Kinds,
    /// First moment: of an entry or of an operation that was due.
    pub start: Micros,
    /// Last moment: of an entry or of an operation's outcome.
    pub end: Micros,
    /// When each phase began.
    pub phases: Vec<(Micros, Phase)>,
    /// Why earlier traffic of it was not healthy, and was begun anew.
    pub unsteady: Vec<&'a str>,
    /// What was missing of the lab after its last heal.
    pub not_whole: Option<&'a str>,
    /// The nodes of the architecture among that: Docker or the control plane may not have answered.
    pub lost_nodes: &'a [String],
    /// Its operations in the order in which they were due.
    pub ops: Vec<&'a Op>,
    /// Keyed writes of it that were sent once more: what became of them is part of what is known of the
    /// write, and users are served by the first try.
    pub repeats: Vec<&'a Op>,
    /// Its faults in the order in which they were planned.
    pub faults: Vec<FaultRecord<'a>>,
    /// What the control plane did between `start` and `end`, wherever in the journal it stands.
    pub controls: Vec<(Micros, &'a ControlEvent)>,
    /// Who called whom in its phases.
    pub maps: Vec<&'a Mapped>,
    /// What the final reads of keys found.
    pub keys: BTreeMap<OpKind, KeyAudit<'a>>,
    /// What the final reads of effects found.
    pub effects: BTreeMap<Effect, KeyAudit<'a>>,
    /// What was seen of queues, or why nothing was.
    pub queues: Vec<(Micros, &'a str, Result<&'a QueueRead, &'a str>)>,
    /// What the final read of the invariants found.
    pub invariants: InvariantAudit<'a>,
    /// From when until when it is another run's.
    pub left_out: Vec<(Micros, Micros)>,
    /// What was already wrong when an earlier experiment of the same run had ended.
    pub earlier_wrongs: Vec<String>,
}

/// A fault and what is known of it.
#[derive(Clone, Debug, Default)]
pub struct FaultRecord<'a> {
    /// Its identity.
    pub id: &'a str,
    /// What was planned; `None` when the plan is not in the journal.
    pub fault: Option<&'a Fault>,
    /// The nodes it was to hit.
    pub nodes: &'a [String],
    /// Its first effect.
    pub injected_at: Option<Micros>,
    /// The effect as it was read back, before the heal.
    pub evidence: Option<&'a str>,
    /// Why the effect could not be shown.
    pub unconfirmed: Option<&'a str>,
    /// What was seen instead of the effect, when it was over before the heal.
    pub ended: Option<&'a str>,
    /// When it was undone.
    pub healed_at: Option<Micros>,
    /// The undoing as it was read back.
    pub heal_evidence: Option<&'a str>,
    /// Why the undoing could not be shown.
    pub heal_unconfirmed: Option<&'a str>,
    /// For a flash crowd: what became of it.
    pub crowd: Option<&'a CrowdAnswered>,
    /// For a flood: what became of it.
    pub flood: Option<&'a FloodEnded>,
}

impl FaultRecord<'_> {
    /// The fault's name in stage files; the identity when its plan is missing.
    pub fn name(&self) -> &str {
        match self.fault {
            Some(fault) => fault.name(),
            None => self.id,
        }
    }

    /// Name and nodes, such as `kill-primary on db-a1`.
    pub fn label(&self) -> String {
        match self.nodes {
            [] => self.name().to_owned(),
            nodes => format!("{} on {}", self.name(), nodes.join(", ")),
        }
    }
}

/// The final read of the keys of one kind of write.
#[derive(Clone, Debug, Default)]
pub struct KeyAudit<'a> {
    /// Key to number of effects, as far as read.
    pub effects: BTreeMap<&'a str, u32>,
    /// When the first chunk was written down.
    pub began: Option<Micros>,
    /// Whether the read came to its end.
    pub complete: bool,
    /// Why the last attempt did not.
    pub failed: Option<&'a str>,
}

impl<'a> KeyAudit<'a> {
    /// A further part of what was read. One after the end belongs to a second read from the start,
    /// which replaces the first.
    fn chunk(&mut self, at: Micros, keys: &'a [(String, u32)]) {
        self.begin(at);
        for (key, effects) in keys {
            let seen = self.effects.entry(key).or_default();
            *seen = seen.saturating_add(*effects);
        }
    }

    /// The end of a read; a second one that found nothing replaces the first, too.
    fn end(&mut self, at: Micros) {
        self.begin(at);
        self.complete = true;
        self.failed = None;
    }

    fn begin(&mut self, at: Micros) {
        if self.complete {
            *self = Self::default();
        }
        self.began.get_or_insert(at);
    }
}

/// The final read of what must hold of the system as a whole.
#[derive(Clone, Debug, Default)]
pub enum InvariantAudit<'a> {
    /// Nobody tried.
    #[default]
    Never,
    /// It did not work; the reason.
    Failed(&'a str),
    /// What was read.
    Read(Vec<InvariantRead>),
}

impl InvariantAudit<'_> {
    /// Everything that is wrong, one line each.
    pub fn wrongs(&self) -> Vec<String> {
        match self {
            Self::Read(all) => all.iter().flat_map(InvariantRead::wrongs).collect(),
            Self::Never | Self::Failed(_) => Vec::new(),
        }
    }
}

impl<'a> History<'a> {
    /// Reads the entries of one experiment.
    pub fn read(
        name: &'a str,
        key_prefix: &'a str,
        ended: bool,
        kinds: Kinds,
        entries: &[&'a Entry],
    ) -> Self {
        let mut history = Self {
            name,
            key_prefix,
            ended,
            kinds,
            start: Micros::MAX,
            end: Micros::MIN,
            phases: Vec::new(),
            unsteady: Vec::new(),
            not_whole: None,
            lost_nodes: &[],
            ops: Vec::new(),
            repeats: Vec::new(),
            faults: Vec::new(),
            controls: Vec::new(),
            maps: Vec::new(),
            keys: BTreeMap::new(),
            effects: BTreeMap::new(),
            queues: Vec::new(),
            invariants: InvariantAudit::Never,
            left_out: Vec::new(),
            earlier_wrongs: Vec::new(),
        };
        let mut ledger = None;
        for entry in entries {
            if let Event::AuditLedger(read) = &entry.event {
                ledger = Some(read);
            }
            history.add(entry);
        }
        history.add_ledger(ledger);
        history.ops.sort_by_key(|op| (op.intended, op.done));
        history
    }

    fn add(&mut self, entry: &'a Entry) {
        let from = match &entry.event {
            Event::Op(op) | Event::Repeated(op) => op.intended.min(entry.at),
            _ => entry.at,
        };
        self.start = self.start.min(from);
        self.end = self.end.max(entry.at);
        match &entry.event {
            Event::Phase { phase } => self.phases.push((entry.at, *phase)),
            Event::Unsteady { why } => self.unsteady.push(why),
            Event::NotWhole { why, nodes } => {
                self.not_whole = Some(why);
                self.lost_nodes = nodes;
            }
            Event::LeftOut { since } => self.left_out.push((*since, entry.at)),
            Event::ServiceMap(map) => self.maps.push(map),
            Event::Op(op) => {
                self.end = self.end.max(op.done);
                self.ops.push(op);
            }
            Event::Repeated(op) => {
                self.end = self.end.max(op.done);
                self.repeats.push(op);
            }
            Event::AuditKeys { .. }
            | Event::AuditKeysEnd { .. }
            | Event::AuditEffects { .. }
            | Event::AuditEffectsEnd { .. }
            | Event::AuditInvariants { .. }
            | Event::AuditLedger(_)
            | Event::AuditFailed { .. } => self.add_audit(entry),
            Event::QueueRead(read) => self.queues.push((entry.at, &read.queue, Ok(read))),
            Event::QueueUnread { queue, reason } => {
                self.queues.push((entry.at, queue, Err(reason)));
            }
            _ => self.add_fault(entry),
        }
    }

    fn add_fault(&mut self, entry: &'a Entry) {
        match &entry.event {
            Event::FaultPlanned { id, fault, nodes, .. } => {
                let record = self.fault_mut(id);
                record.fault = Some(fault);
                record.nodes = nodes;
            }
            Event::FaultInjected { id } => {
                let record = self.fault_mut(id);
                record.injected_at = Some(record.injected_at.map_or(entry.at, |t| t.min(entry.at)));
            }
            Event::FaultConfirmed { id, evidence } => {
                let record = self.fault_mut(id);
                // What is read after the heal says nothing about the fault.
                if record.healed_at.is_none() {
                    record.evidence = Some(evidence);
                }
            }
            Event::FaultUnconfirmed { id, reason } => {
                self.fault_mut(id).unconfirmed = Some(reason);
            }
            Event::FaultEnded { id, reason } => self.fault_mut(id).ended = Some(reason),
            Event::FaultHealed { id } => self.fault_mut(id).healed_at = Some(entry.at),
            Event::HealConfirmed { id, evidence } => {
                self.fault_mut(id).heal_evidence = Some(evidence);
            }
            Event::HealUnconfirmed { id, reason } => {
                self.fault_mut(id).heal_unconfirmed = Some(reason);
            }
            Event::CrowdAnswered(crowd) => self.fault_mut(&crowd.id).crowd = Some(crowd),
            Event::FloodEnded(flood) => self.fault_mut(&flood.id).flood = Some(flood),
            _ => {}
        }
    }

    fn fault_mut(&mut self, id: &'a str) -> &mut FaultRecord<'a> {
        let at = match self.faults.iter().position(|f| f.id == id) {
            Some(at) => at,
            None => {
                self.faults.push(FaultRecord { id, ..FaultRecord::default() });
                self.faults.len() - 1
            }
        };
        &mut self.faults[at]
    }

    fn add_audit(&mut self, entry: &'a Entry) {
        match &entry.event {
            Event::AuditKeys { kind, keys } => {
                self.keys.entry(*kind).or_default().chunk(entry.at, keys);
            }
            Event::AuditKeysEnd { kind } => self.keys.entry(*kind).or_default().end(entry.at),
            Event::AuditEffects { effect, keys } => {
                self.effects.entry(*effect).or_default().chunk(entry.at, keys);
            }
            Event::AuditEffectsEnd { effect, .. } => {
                self.effects.entry(*effect).or_default().end(entry.at);
            }
            // What else was read decides what an empty one says.
            Event::AuditLedger(_) => self.invariants = InvariantAudit::Read(Vec::new()),
            Event::AuditInvariants { invariants } => {
                self.invariants = InvariantAudit::Read(invariants.clone());
            }
            Event::AuditFailed { what, reason } => self.add_audit_failure(what, reason),
            _ => {}
        }
    }

    /// The ledger of a run of before, unless a later read failed.
    fn add_ledger(&mut self, ledger: Option<&Ledger>) {
        let InvariantAudit::Read(read) = &mut self.invariants else { return };
        if let (Some(ledger), true) = (ledger, read.is_empty()) {
            let sold = self.keys.values().any(|audit| audit.effects.values().any(|n| *n > 0));
            *read = ledger.invariants(sold);
        }
    }

    /// A read that failed takes the chunks of its attempt with it: a repeated attempt would count
    /// them twice. A failure that names nothing that is known spoils everything.
    fn add_audit_failure(&mut self, what: &str, reason: &'a str) {
        let is = |word: &str, name: &str| word == name || word.strip_suffix('s') == Some(name);
        let names = |name: &str| what.split(' ').any(|word| is(word, name));
        let (kinds, effects) = (self.kinds.promises(), self.kinds.effects());
        let kind = kinds.iter().find(|kind| names(kind.as_str()));
        let effect = effects.iter().find(|effect| names(effect.as_str()));
        let invariants = ["ledger", "invariant", "stock", "money"].iter().any(|word| names(word));
        let unclear = kind.is_none() && effect.is_none() && !invariants;
        let failed = || KeyAudit { failed: Some(reason), ..KeyAudit::default() };
        for effect in effects.iter().filter(|e| unclear || Some(*e) == effect) {
            self.effects.insert(*effect, failed());
        }
        for kind in kinds.iter().filter(|k| unclear || Some(*k) == kind) {
            self.keys.insert(*kind, failed());
        }
        if invariants || unclear {
            self.invariants = InvariantAudit::Failed(reason);
        }
    }

    /// When the first fault took effect.
    pub fn first_fault(&self) -> Option<Micros> {
        self.faults.iter().filter_map(|f| f.injected_at).min()
    }

    /// When a phase began first.
    pub fn phase(&self, phase: Phase) -> Option<Micros> {
        self.phases.iter().find(|(_, p)| *p == phase).map(|(at, _)| *at)
    }

    /// End of the traffic that is judged: just after the last operation was due.
    pub fn traffic_end(&self) -> Micros {
        self.ops.last().map_or(self.start, |op| op.intended + 1)
    }
}
