//! The steady state before a fault. A machine that is busy for a moment makes a few operations slow, and
//! what is not healthy before a fault shows nothing after it: so traffic that was not is ended, and begun
//! anew with keys of its own, before anything is broken. What was seen of it is said; it is not judged.

use std::sync::{Arc, Mutex, PoisonError};

use super::experiment::{SharedJournal, now, record};
use crate::journal::{Entry, Event, Micros, Op};
use crate::load::{LoadHandle, OpSink};
use crate::verify::checks::unhealthy;
use crate::verify::recovery::Standard;

/// How often traffic is begun before a fault at most. What is not healthy then is found out by the check
/// of the steady state.
pub const TRIES: usize = 3;

/// Holds what happens back until it is known whether it counts.
#[derive(Clone)]
pub struct Gate {
    journal: SharedJournal,
    /// Absent once it is open.
    held: Arc<Mutex<Option<Vec<Entry>>>>,
}

impl Gate {
    /// A closed one.
    pub fn new(journal: &SharedJournal) -> Self {
        Self { journal: Arc::clone(journal), held: Arc::new(Mutex::new(Some(Vec::new()))) }
    }

    /// Takes an event of this moment.
    pub fn pass(&self, event: Event) {
        let entry = Entry { at: now(), event };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut() {
            Some(held) => held.push(entry),
            None => record(&self.journal, entry.at, entry.event),
        }
    }

    /// Where the generator puts its operations.
    pub fn sink(&self) -> OpSink {
        let gate = self.clone();
        Box::new(move |event| gate.pass(event))
    }

    /// Why the operations so far are not those of a healthy service.
    pub fn unhealthy(&self, standard: Standard) -> Option<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let ops: Vec<&Op> = held.iter().flatten().filter_map(|entry| op_of(&entry.event)).collect();
        unhealthy(&ops, standard)
    }

    /// Writes down what was held back, and from now on everything at once.
    pub fn open(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in held.take().unwrap_or_default() {
            record(&self.journal, entry.at, entry.event);
        }
    }
}

/// Traffic that is under way, and where its operations are.
pub struct Steady {
    /// What its keys begin with.
    pub key_prefix: String,
    /// The traffic.
    pub traffic: LoadHandle,
    /// Its operations so far.
    pub gate: Gate,
    /// When it began.
    pub since: Micros,
    /// Why earlier traffic was not healthy.
    pub earlier: Vec<String>,
}

fn op_of(event: &Event) -> Option<&Op> {
    match event {
        Event::Op(op) => Some(op),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{OpKind, Outcome, Writer, read};

    fn op(took: i64, outcome: Outcome) -> Op {
        Op {
            kind: OpKind::BROWSE,
            key: None,
            intended: 1_000_000,
            done: 1_000_000 + took,
            outcome,
            detail: String::new(),
            session: None,
            values: Default::default(),
            listed: None,
            caches: None,
        }
    }

    #[test]
    fn what_is_held_back_is_written_when_it_counts_and_what_follows_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let journal: SharedJournal = Arc::new(Mutex::new(Writer::append(&path).unwrap()));
        let written = || {
            journal.lock().unwrap().flush().unwrap();
            read(&path).unwrap().into_iter().map(|entry| entry.event).collect::<Vec<_>>()
        };
        let (first, second) = (op(5000, Outcome::Ok), op(6000, Outcome::Ok));
        let gate = Gate::new(&journal);
        let mut sink = gate.sink();
        sink(Event::Op(first.clone()));
        assert_eq!(written(), []);
        gate.open();
        sink(Event::Op(second.clone()));
        assert_eq!(written(), [Event::Op(first), Event::Op(second)]);
    }

    #[test]
    fn a_service_is_healthy_when_enough_succeed_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let journal: SharedJournal =
            Arc::new(Mutex::new(Writer::append(&dir.path().join("j")).unwrap()));
        let of = |slow: usize, failed: usize| {
            let gate = Gate::new(&journal);
            let mut sink = gate.sink();
            for n in 0..200 {
                let took = if n < slow { 300_000 } else { 5000 };
                let failed = (slow..slow + failed).contains(&n);
                sink(Event::Op(op(took, if failed { Outcome::Fail } else { Outcome::Ok })));
            }
            gate.unhealthy(Standard::new(250, 99.0))
        };
        assert_eq!(of(0, 0), None);
        assert_eq!(of(1, 2), None, "one of a hundred");
        assert_eq!(of(3, 0), Some("3 operations of 200 took longer than 250 ms".into()));
        assert_eq!(of(0, 3), Some("3 operations of 200 failed".into()));
    }
}
