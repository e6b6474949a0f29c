//! Emulators of managed services keep what they hold in memory. Whether one lost it follows from the
//! moments since which its program runs, as they were written down: two different ones are a new start.
//!
//! What rested on it is not known any more, so it is no failure of the architecture, and no success
//! either. Nothing else is excused: not what the database holds, nor what was seen to be handled before,
//! nor what an experiment did itself.

use std::collections::BTreeMap;

use crate::journal::{ControlEvent, Micros, Op, QueueRead};
use crate::spec::model::{Fault, Kind, Stage};
use crate::spec::slots::{Duty, slots};

use super::findings::{Finding, Part};
use super::history::History;
use super::recovery::Standard;

/// How long after a new start queues, topics, rules and tables are made again at the latest.
const MADE_AGAIN: Micros = 30_000_000;
/// How long before its new start an emulator was gone at the most, where nobody saw it go.
const UNSEEN: Micros = 10_000_000;

/// An emulator that lost what it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapse<'a> {
    /// Its node.
    pub node: &'a str,
    /// Since when it was gone.
    pub gone: Micros,
    /// When its program was started anew.
    pub began: Micros,
}

impl Lapse<'_> {
    /// `aws-ministack started anew at 12:03:04 UTC: what it held is gone`.
    pub fn in_words(&self) -> String {
        let time = jiff::Timestamp::from_microsecond(self.began);
        let time = time.map_or(self.began.to_string(), |t| t.strftime("%H:%M:%S UTC").to_string());
        format!("{} started anew at {time}: what it held is gone", self.node)
    }

    /// What was handed over at this moment may have been in its memory, or have found nothing that would
    /// have kept it.
    fn covers(&self, at: Micros) -> bool {
        at <= self.began + MADE_AGAIN
    }

    fn touches(&self, op: &Op) -> bool {
        op.intended <= self.began + MADE_AGAIN && op.done >= self.gone
    }
}

/// The emulators that lost what they held, but for those whose program a fault of the journal ended.
pub fn lapses<'a>(history: &History<'a>) -> Vec<Lapse<'a>> {
    let mut known: BTreeMap<&str, Micros> = BTreeMap::new();
    let mut lapses = Vec::new();
    for (_, event) in &history.controls {
        let ControlEvent::Began { node, since } = event else { continue };
        let before = known.insert(node.as_str(), *since);
        if let Some(before) = before.filter(|before| before < since) {
            let gone = gone(history, node, before, *since);
            lapses.push(Lapse { node, gone, began: *since });
        }
    }
    lapses.retain(|lapse| !is_ours(history, lapse));
    lapses
}

fn gone(history: &History<'_>, node: &str, from: Micros, until: Micros) -> Micros {
    let seen = history.controls.iter().find_map(|(at, event)| match event {
        ControlEvent::Detected { node: lost, .. } if lost == node => Some(*at),
        _ => None,
    });
    seen.filter(|at| (from..=until).contains(at)).unwrap_or(until - UNSEEN)
}

/// Whether a fault ended the program: then nothing happened that was not asked for. An outage ends none.
fn is_ours(history: &History<'_>, lapse: &Lapse<'_>) -> bool {
    history.faults.iter().any(|fault| {
        let ends = matches!(
            fault.fault,
            Some(
                Fault::KillTask(_)
                    | Fault::KillShare(_)
                    | Fault::KillWorker(_)
                    | Fault::LoseZone(_)
            )
        );
        let from = fault.injected_at.unwrap_or(Micros::MAX);
        let until = fault.healed_at.unwrap_or(Micros::MAX).saturating_add(UNSEEN);
        let hit = fault.nodes.iter().any(|node| node == lapse.node);
        ends && hit && (from..=until).contains(&lapse.began)
    })
}

/// What was lost of queues, topics and buses.
pub struct Messages<'a> {
    lapses: Vec<Lapse<'a>>,
    reads: Vec<(Micros, &'a QueueRead)>,
}

impl<'a> Messages<'a> {
    /// What happened to the emulators on whose memory the messages of a stage rest.
    pub fn of(history: &History<'a>, stage: &Stage) -> Self {
        let tiers: Vec<&str> = stage.queues().iter().map(|queue| queue.aws).collect();
        let nodes = emulators(stage, |tier, service| {
            tiers.contains(&tier) && ["sqs", "sns", "eventbridge"].contains(&service)
        });
        let mut lapses = lapses(history);
        lapses.retain(|lapse| nodes.iter().any(|node| node == lapse.node));
        let reads = history.queues.iter().filter_map(|(at, _, read)| Some((*at, read.ok()?)));
        Self { lapses, reads: reads.collect() }
    }

    /// The emulator that may have forgotten what was handed over at this moment. What was handed over
    /// before every queue was seen to be empty was handled, or is lost.
    pub fn forgotten(&self, at: Micros) -> Option<&Lapse<'a>> {
        let handled = |lapse: &Lapse<'_>| {
            let between = self.reads.iter().filter(|(read, _)| (at..=lapse.gone).contains(read));
            let mut between = between.peekable();
            between.peek().is_some() && between.all(|(_, read)| read.is_drained())
        };
        self.lapses.iter().find(|lapse| lapse.covers(at) && !handled(lapse))
    }

    /// The first of all.
    pub fn first(&self) -> Option<&Lapse<'a>> {
        self.lapses.first()
    }
}

/// The nodes that stand for some services.
fn emulators(stage: &Stage, wanted: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut nodes = Vec::new();
    for (name, tier) in &stage.tiers {
        let Kind::Aws(kind) = &tier.kind else { continue };
        for (service, emulator) in kind.services.used() {
            let is_its = |duty| duty == Duty::Emulator(emulator);
            if wanted(name, service) {
                nodes.extend(
                    slots(name, tier).into_iter().filter(|s| is_its(s.duty)).map(|s| s.name),
                );
            }
        }
    }
    nodes
}

/// Makes findings inconclusive that fail only because an emulator was away, or had to be filled again:
/// carts, objects. `again` judges a history once more.
pub fn excuse<'a>(
    findings: &mut [Finding],
    history: &History<'a>,
    standard: Standard,
    again: impl FnOnce(&History<'a>) -> Vec<Finding>,
) {
    let lapses = lapses(history);
    if lapses.is_empty() || !findings.iter().any(|f| f.part == Part::Fail) {
        return;
    }
    let mut calm = history.clone();
    calm.ops.retain(|op| standard.is_good(op) || !lapses.iter().any(|lapse| lapse.touches(op)));
    let left_out = history.ops.len() - calm.ops.len();
    for calm in again(&calm).into_iter().filter(|f| f.part == Part::Pass) {
        let failed = findings.iter_mut().find(|f| f.check == calm.check && f.part == Part::Fail);
        let (Some(failed), Some(lapse)) = (failed, lapses.first()) else { continue };
        failed.part = Part::Inconclusive;
        failed.summary = format!(
            "{}; but {}, and without the {left_out} operations that suffered then: {}",
            failed.summary,
            lapse.in_words(),
            calm.summary
        );
    }
}
