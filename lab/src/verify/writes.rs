//! What became of every promised write: the accounts behind "no lost write" and "exactly once".

use std::collections::BTreeMap;

use crate::journal::{Micros, Op, OpKind, Outcome, Phase};

use super::history::{History, KeyAudit};

/// What the client knows about a write after all attempts with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Every attempt certainly failed.
    Failed,
    /// No attempt was acknowledged, at least one may have happened.
    Unknown,
    /// At least one attempt was acknowledged.
    Acknowledged,
}

/// One write, which may have been attempted more than once under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// Its idempotency key.
    pub key: &'a str,
    /// What the client knows.
    pub fate: Fate,
    /// When the first attempt was due.
    pub intended: Micros,
    /// When the last attempt's outcome was known.
    pub done: Micros,
    /// When it was first acknowledged.
    pub acknowledged_at: Option<Micros>,
    /// How often the final read found it.
    pub effects: u32,
    /// How often the client sent it again under its key.
    pub repeats: u32,
}

/// All writes of one kind.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// Which kind of write.
    pub kind: OpKind,
    /// In the order of their keys.
    pub writes: Vec<Write<'a>>,
    /// Keys with this experiment's prefix that were found and never attempted, with their effects.
    pub strangers: Vec<(&'a str, u32)>,
    /// Acknowledged writes without a key: nothing can be said about them.
    pub keyless: usize,
    /// Whether and how the writes were read back.
    pub audit: AuditState<'a>,
    /// When the final read may have begun; what is acknowledged later may be missing in it.
    pub audit_began: Option<Micros>,
}

/// Whether writes were read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditState<'a> {
    /// Nobody tried.
    Never,
    /// The read began and did not come to its end.
    Incomplete,
    /// It failed; the reason.
    Failed(&'a str),
    /// All were read.
    Complete,
}

/// Lost writes of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many acknowledged writes are missing (RPO).
    pub count: u64,
    /// How long before the first fault the oldest of them was acknowledged, in microseconds;
    /// negative when that was after the fault. `None` when none is lost or there was no fault.
    pub oldest_age: Option<Micros>,
}

impl<'a> Account<'a> {
    /// Acknowledged and missing.
    pub fn lost(&self) -> impl Iterator<Item = &Write<'a>> {
        self.missing().filter(|w| !self.is_late(w))
    }

    /// Acknowledged after the final read had begun and not found by it: proves nothing.
    pub fn too_late(&self) -> impl Iterator<Item = &Write<'a>> {
        self.missing().filter(|w| self.is_late(w))
    }

    /// Never acknowledged, and there all the same.
    pub fn recovered(&self) -> usize {
        self.writes.iter().filter(|w| w.fate == Fate::Unknown && w.effects > 0).count()
    }

    /// Certainly failed as far as the client was told, and there all the same.
    pub fn undead(&self) -> impl Iterator<Item = &Write<'a>> {
        self.writes.iter().filter(|w| w.fate == Fate::Failed && w.effects > 0)
    }

    /// How many were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.writes.iter().filter(|w| w.fate == Fate::Acknowledged).count()
    }

    fn missing(&self) -> impl Iterator<Item = &Write<'a>> {
        self.writes.iter().filter(|w| w.fate == Fate::Acknowledged && w.effects == 0)
    }

    fn is_late(&self, write: &Write<'_>) -> bool {
        matches!((write.acknowledged_at, self.audit_began), (Some(ack), Some(read)) if ack >= read)
    }
}

/// The accounts of every kind of promise that was attempted or read back. Writes whose key does not
/// begin with the experiment's prefix were sent by someone else and are left out.
pub fn accounts<'a>(history: &History<'a>) -> Vec<Account<'a>> {
    let mut attempts: BTreeMap<OpKind, BTreeMap<&'a str, Write<'a>>> = BTreeMap::new();
    let mut keyless: BTreeMap<OpKind, usize> = BTreeMap::new();
    for &op in history.ops.iter().filter(|op| history.kinds.class(op.kind).is_promise) {
        match op.key.as_deref() {
            Some(key) if key.starts_with(history.key_prefix) => {
                let writes = attempts.entry(op.kind).or_default();
                writes.entry(key).or_insert_with(|| first_attempt(key, op)).attempt(op);
            }
            Some(_) => {}
            None => {
                attempts.entry(op.kind).or_default();
                *keyless.entry(op.kind).or_default() += usize::from(op.outcome == Outcome::Ok);
            }
        }
    }
    for &op in &history.repeats {
        let write = op.key.as_deref().and_then(|key| attempts.get_mut(&op.kind)?.get_mut(key));
        if let Some(write) = write {
            write.repeats += 1;
            write.attempt(op);
        }
    }
    for kind in history.keys.iter().filter(|(_, a)| !a.effects.is_empty()).map(|(k, _)| k) {
        attempts.entry(*kind).or_default();
    }
    let account = |(kind, writes)| {
        let keyless = keyless.get(&kind).copied().unwrap_or_default();
        account(history, kind, writes, keyless)
    };
    attempts.into_iter().map(account).collect()
}

fn account<'a>(
    history: &History<'a>,
    kind: OpKind,
    mut writes: BTreeMap<&'a str, Write<'a>>,
    keyless: usize,
) -> Account<'a> {
    let audit = history.keys.get(&kind);
    let mut strangers = Vec::new();
    for (&key, &effects) in audit.iter().flat_map(|a| &a.effects) {
        match writes.get_mut(key) {
            Some(write) => write.effects = effects,
            None if effects > 0 && key.starts_with(history.key_prefix) => {
                strangers.push((key, effects));
            }
            None => {}
        }
    }
    Account {
        kind,
        writes: writes.into_values().collect(),
        strangers,
        keyless,
        audit: state(audit),
        audit_began: history.phase(Phase::Audit).or(audit.and_then(|a| a.began)),
    }
}

fn state<'a>(audit: Option<&KeyAudit<'a>>) -> AuditState<'a> {
    match audit {
        None => AuditState::Never,
        Some(audit) if audit.complete => AuditState::Complete,
        Some(audit) => audit.failed.map_or(AuditState::Incomplete, AuditState::Failed),
    }
}

fn first_attempt<'a>(key: &'a str, op: &Op) -> Write<'a> {
    Write {
        key,
        fate: Fate::Failed,
        intended: op.intended,
        done: op.done,
        acknowledged_at: None,
        effects: 0,
        repeats: 0,
    }
}

impl Write<'_> {
    fn attempt(&mut self, op: &Op) {
        let fate = match op.outcome {
            Outcome::Ok => Fate::Acknowledged,
            Outcome::Unknown => Fate::Unknown,
            Outcome::Fail => Fate::Failed,
        };
        self.fate = self.fate.max(fate);
        self.intended = self.intended.min(op.intended);
        self.done = self.done.max(op.done);
        if op.outcome == Outcome::Ok {
            self.acknowledged_at =
                Some(self.acknowledged_at.map_or(op.done, |first| first.min(op.done)));
        }
    }
}

/// How many acknowledged writes are missing, over all kinds. `None` when a kind that was
/// acknowledged could not be read back and nothing is known to be lost.
pub fn lost(accounts: &[Account<'_>], fault: Option<Micros>) -> Option<Lost> {
    let (read, unread): (Vec<_>, Vec<_>) =
        accounts.iter().partition(|a| a.audit == AuditState::Complete);
    let missing: Vec<_> = read.iter().flat_map(|a| a.lost()).collect();
    let oldest = missing.iter().filter_map(|w| w.acknowledged_at).min();
    let unknown = unread.iter().any(|a| a.acknowledged() + a.keyless > 0);
    if missing.is_empty() && (unknown || read.is_empty()) {
        return None;
    }
    let oldest_age = oldest.zip(fault).map(|(acknowledged, fault)| fault - acknowledged);
    Some(Lost { count: missing.len() as u64, oldest_age })
}
