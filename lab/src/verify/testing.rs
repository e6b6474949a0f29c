//! Builds journals for tests: a good one from a few numbers, to be corrupted in one place.

use std::collections::BTreeMap;

use crate::journal::{
    ControlEvent, Entry, Event, Ledger, Micros, Op, OpKind, Outcome, Phase, RunStarted,
};
use crate::spec::model::{Fault, KillPrimary, Stage};

use super::{Check, ExperimentFindings, Finding, Part, RunFindings};

pub use super::faulty::frozen::judge;

pub mod forum;

/// Begin of every test run: 2025-01-01 00:00:00 UTC.
pub const START: Micros = 1_735_689_600_000_000;

/// One millisecond.
pub const MS: Micros = 1000;

/// What the operations of a scenario do, in turn.
const TURN: [OpKind; 6] = [
    OpKind::BROWSE,
    OpKind::ORDER,
    OpKind::PRODUCT,
    OpKind::POST,
    OpKind::READ_FORUM,
    OpKind::ADD_TO_CART,
];

/// A stage with the experiments `kill` (survives, 5 s), `control` (the same fault, breaks) and
/// `zone` (a zone lost, survives, 10 s).
pub fn stage() -> Stage {
    let yaml = "
stage: stage-test
title: A stage for tests
users: 1000
intent: To be judged.
regions: [{ name: eu, zones: [a, b] }]
tiers:
  db: { kind: postgres, zones: { a: 1, b: 1 } }
traffic: { entry: db, rate_per_s: 50 }
objectives: { availability_percent: 80, p99_ms: 500, rto_ms: 3000 }
experiments:
  kill:
    faults: [{ fault: kill-primary }]
    expect: survives
    objectives: { rto_ms: 5000 }
  control:
    faults: [{ fault: kill-primary }]
    expect: breaks
    why: One server has no successor.
  zone:
    faults: [{ fault: lose-zone }]
    expect: survives
    objectives: { rto_ms: 10000 }
";
    serde_yaml::from_str(yaml).unwrap()
}

/// The same architecture with an edge cache, a cache of the shop's and read replicas, which promises
/// that nothing older than 5 s is shown.
pub fn cached_stage() -> Stage {
    let tiers = "
cdn: { kind: cdn, origins: { pages: web }, rules: [{ path: /posts*, ttl_s: 1 }] }
web: { kind: service, database: db, cache: cache, zones: { a: 1, b: 1 } }
db: { kind: postgres, coordination: etcd, zones: { a: 1, b: 1 }, replicas: [b] }
";
    let mut stage = stage();
    stage.tiers = serde_yaml::from_str(tiers).unwrap();
    stage.traffic.entry = "cdn".into();
    stage.objectives.staleness_ms = Some(5000);
    stage
}

/// An architecture whose orders are mailed by workers behind a queue.
pub fn queued_stage() -> Stage {
    let tiers = "
web: { kind: service, database: db, aws: aws, events: { queue: order-mail }, zones: { a: 1, b: 1 } }
mailer: { kind: service, database: db, aws: aws, worker: { queue: order-mail }, zones: { a: 1, b: 1 } }
db: { kind: postgres, coordination: etcd, zones: { a: 1, b: 1 } }
aws: { kind: aws, services: { sqs: ministack, ses: ministack } }
";
    let mut stage = stage();
    stage.tiers = serde_yaml::from_str(tiers).unwrap();
    stage.traffic.entry = "web".into();
    stage
}

/// The fault that scenarios inject unless they say otherwise.
pub fn kill_primary() -> Fault {
    Fault::KillPrimary(KillPrimary::default())
}

/// One experiment: healthy traffic, a fault with an outage, healthy traffic, complete final reads.
/// Times are milliseconds from its start.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// When it starts, from [`START`].
    pub start: i64,
    /// When the fault is injected; `None` for no fault at all.
    pub fault: Option<i64>,
    /// What is injected.
    pub what: Fault,
    /// When the fault is healed.
    pub heal: i64,
    /// From when to when operations fail.
    pub outage: Vec<(i64, i64)>,
    /// When traffic ends.
    pub end: i64,
    /// Time between two operations.
    pub every: i64,
    /// What the outcome of an operation in an outage is.
    pub bad: Outcome,
}

impl Scenario {
    /// The fault at 3 s, an outage of 1.5 s, the heal at 6 s, the end at 10 s.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            start: 0,
            fault: Some(3000),
            what: kill_primary(),
            heal: 6000,
            outage: vec![(3000, 4500)],
            end: 10_000,
            every: 20,
            bad: Outcome::Unknown,
        }
    }

    /// The same with other outages.
    pub fn outages(mut self, outage: &[(i64, i64)]) -> Self {
        self.outage = outage.to_vec();
        self
    }

    /// The canary's history without a fault.
    pub fn quiet() -> Self {
        Self { fault: None, outage: Vec::new(), ..Self::new(super::SINCE_UP) }
    }

    fn at(&self, ms: i64) -> Micros {
        START + (self.start + ms) * MS
    }

    /// The entries of the experiment in the order of time.
    pub fn entries(&self) -> Vec<Entry> {
        let prefix = format!("{}-", self.name);
        let mut entries: Vec<Entry> =
            (0..self.end / self.every).map(|n| self.op(n, &prefix)).collect();
        entries.extend(self.fault_entries());
        entries.push(self.entry(0, Event::Phase { phase: Phase::Steady }));
        entries.sort_by_key(|e| e.at);
        entries.insert(0, self.entry(0, started(self.name, &prefix)));
        entries.push(self.entry(self.end + 100, Event::Phase { phase: Phase::Audit }));
        entries.extend(self.audit(&entries));
        let end = Event::ExperimentEnded { experiment: self.name.into() };
        entries.push(self.entry(self.end + 300, end));
        entries
    }

    fn entry(&self, ms: i64, event: Event) -> Entry {
        Entry { at: self.at(ms), event }
    }

    fn op(&self, n: i64, prefix: &str) -> Entry {
        let due = n * self.every;
        let kind = TURN[usize::try_from(n).unwrap() % TURN.len()];
        let bad = self.outage.iter().any(|(from, to)| (*from..*to).contains(&due));
        let op = Op {
            kind,
            key: kind.is_write().then(|| format!("{prefix}{n:06}")),
            intended: self.at(due),
            done: self.at(due) + 7 * MS + n % 5 * MS,
            outcome: if bad { self.bad } else { Outcome::Ok },
            detail: String::new(),
            session: None,
            values: Default::default(),
            listed: None,
            caches: None,
        };
        Entry { at: op.done, event: Event::Op(op) }
    }

    fn fault_entries(&self) -> Vec<Entry> {
        let Some(fault) = self.fault else { return Vec::new() };
        let id = || format!("{}-f1", self.name);
        let planned = Event::FaultPlanned {
            id: id(),
            fault: self.what.clone(),
            nodes: vec!["db-a1".into()],
            heal: "start db-a1 again".into(),
        };
        let detected = ControlEvent::Detected { node: "db-a1".into(), how: "no answer".into() };
        let promoted = ControlEvent::Promoted { node: "db-b1".into() };
        let confirmed = Event::FaultConfirmed { id: id(), evidence: "db-a1: exited (137)".into() };
        let gone = Event::HealConfirmed { id: id(), evidence: "db-a1: running".into() };
        vec![
            self.entry(fault - 10, Event::Phase { phase: Phase::Fault }),
            self.entry(fault - 5, planned),
            self.entry(fault, Event::FaultInjected { id: id() }),
            self.entry(fault + 50, confirmed),
            self.entry(fault + 400, Event::Control(detected)),
            self.entry(fault + 1200, Event::Control(promoted)),
            self.entry(self.heal, Event::FaultHealed { id: id() }),
            self.entry(self.heal + 50, gone),
            self.entry(self.heal + 60, Event::Phase { phase: Phase::Settle }),
        ]
    }

    /// Every acknowledged promise with one effect, and a ledger that balances.
    fn audit(&self, entries: &[Entry]) -> Vec<Entry> {
        let mut keys: BTreeMap<OpKind, Vec<(String, u32)>> = BTreeMap::new();
        for op in entries.iter().filter_map(as_op).filter(|op| op.kind.is_promise()) {
            let found = keys.entry(op.kind).or_default();
            if op.outcome == Outcome::Ok {
                found.push((op.key.clone().unwrap(), 1));
            }
        }
        let mut audit = Vec::new();
        for (kind, keys) in keys {
            for chunk in keys.chunks(50) {
                let keys = chunk.to_vec();
                audit.push(self.entry(self.end + 200, Event::AuditKeys { kind, keys }));
            }
            audit.push(self.entry(self.end + 200, Event::AuditKeysEnd { kind }));
        }
        audit.push(self.entry(self.end + 250, Event::AuditLedger(ledger())));
        audit
    }
}

/// A ledger that balances.
pub fn ledger() -> Ledger {
    Ledger {
        entries: 200,
        debit_cents: 123_400,
        credit_cents: 123_400,
        products: 100,
        ..Ledger::default()
    }
}

fn started(name: &str, prefix: &str) -> Event {
    Event::ExperimentStarted { experiment: name.into(), key_prefix: prefix.into() }
}

/// A whole run of [`stage`] with these experiments, ended properly.
pub fn run(experiments: impl IntoIterator<Item = Vec<Entry>>) -> Vec<Entry> {
    let head = RunStarted {
        run: "2025-01-01T00-00-00Z-stage-test".into(),
        seed: 7,
        version: "0.1.0".into(),
        quick: false,
        stage: Box::new(stage()),
    };
    let mut entries = vec![Entry { at: START, event: Event::RunStarted(head) }];
    entries.extend(experiments.into_iter().flatten());
    let at = entries.last().map_or(START, |e| e.at);
    entries.push(Entry { at, event: Event::RunEnded });
    entries
}

/// Judges a run of one experiment.
pub fn judge_one(entries: Vec<Entry>) -> ExperimentFindings {
    let mut findings = judge_all([entries]);
    assert_eq!(findings.experiments.len(), 1);
    findings.experiments.remove(0)
}

/// Judges a run of several experiments.
pub fn judge_all(experiments: impl IntoIterator<Item = Vec<Entry>>) -> RunFindings {
    judge(&run(experiments)).unwrap()
}

/// The finding of one check.
pub fn of(findings: &ExperimentFindings, check: Check) -> &Finding {
    findings.findings.iter().find(|f| f.check == check).unwrap()
}

/// Asserts that exactly this check is not passed, with this part and these words in its summary.
#[track_caller]
pub fn only(findings: &ExperimentFindings, check: Check, part: Part, words: &str) {
    let parts: Vec<_> = findings
        .findings
        .iter()
        .filter(|f| f.part != Part::Pass)
        .map(|f| (f.check, f.part))
        .collect();
    assert_eq!(parts, [(check, part)], "{:#?}", findings.findings);
    says(findings, check, part, words);
}

/// Asserts what one check says, whatever the others do.
#[track_caller]
pub fn says(findings: &ExperimentFindings, check: Check, part: Part, words: &str) {
    let finding = of(findings, check);
    assert_eq!(finding.part, part, "{finding:#?}");
    assert!(finding.summary.contains(words), "`{words}` is not in `{}`", finding.summary);
}

/// Removes the entries that match; there must be some.
#[track_caller]
pub fn remove(entries: &mut Vec<Entry>, matches: impl Fn(&Event) -> bool) {
    let before = entries.len();
    entries.retain(|e| !matches(&e.event));
    assert!(entries.len() < before, "nothing to remove");
}

/// Changes every operation.
pub fn each_op(entries: &mut [Entry], mut change: impl FnMut(&mut Op)) {
    for entry in entries {
        if let Event::Op(op) = &mut entry.event {
            change(op);
        }
    }
}

/// Changes what the final read found of one kind of write.
pub fn each_key(
    entries: &mut [Entry],
    of: OpKind,
    mut change: impl FnMut(&mut Vec<(String, u32)>),
) {
    for entry in entries {
        match &mut entry.event {
            Event::AuditKeys { kind, keys } if *kind == of => change(keys),
            _ => {}
        }
    }
}

/// Changes the final read of money and stock.
pub fn change_ledger(entries: &mut [Entry], change: impl Fn(&mut Ledger)) {
    for entry in entries {
        if let Event::AuditLedger(ledger) = &mut entry.event {
            change(ledger);
        }
    }
}

/// The operation in an entry.
pub fn as_op(entry: &Entry) -> Option<&Op> {
    match &entry.event {
        Event::Op(op) => Some(op),
        _ => None,
    }
}

/// Milliseconds after the start of the first experiment.
pub fn ms(ms: i64) -> Micros {
    START + ms * MS
}
