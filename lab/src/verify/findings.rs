//! What judging a run yields: verdicts, and the measurements and findings they rest on.

use std::collections::BTreeMap;

use crate::journal::{Mapped, Micros, OpKind};
use crate::spec::model::{Expectation, Objectives};

pub use super::check::Check;
use super::recovery::Recovery;
use super::writes::Lost;
use super::{SINCE_UP, verdict};

/// All that is known about a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFindings {
    /// Name of the run folder.
    pub run: String,
    /// Name of the stage.
    pub stage: String,
    /// The stage's title.
    pub title: String,
    /// How many users the stage is meant for.
    pub users: u64,
    /// Requests per second that this machine sent.
    pub rate_per_s: u32,
    /// Requests per second that so many users cause at peak (see `Traffic::derived_peak_per_s`).
    pub derived_peak_per_s: f64,
    /// Divisor of emulated waiting times; 1 is the provider's own clock.
    pub time_scale: f64,
    /// Seed of the run.
    pub seed: u64,
    /// Version of the tool that ran it.
    pub version: String,
    /// Whether it was a quick run.
    pub quick: bool,
    /// When it started.
    pub started_at: Micros,
    /// Whether the journal ends with `RunEnded`. A run cut short is never green.
    pub complete: bool,
    /// In the order of the journal.
    pub experiments: Vec<ExperimentFindings>,
}

impl RunFindings {
    /// The run as a whole: a mismatch outweighs an inconclusive experiment, which outweighs the
    /// rest. A run that was cut short, or that judged nothing, is inconclusive.
    pub fn standing(&self) -> Standing {
        let worst = self.experiments.iter().map(|e| e.standing).max();
        let floor = if self.complete { Standing::AsExpected } else { Standing::Inconclusive };
        worst.map_or(Standing::Inconclusive, |worst| worst.max(floor))
    }

    /// Exit code of `lab verify`: 0 all as expected, 1 any mismatch, 3 inconclusive.
    pub fn exit_code(&self) -> u8 {
        match self.standing() {
            Standing::AsExpected => 0,
            Standing::Mismatch => 1,
            Standing::Inconclusive => 3,
        }
    }

    /// How many experiments have this standing.
    pub fn count(&self, standing: Standing) -> usize {
        self.experiments.iter().filter(|e| e.standing == standing).count()
    }
}

/// All that is known about one experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentFindings {
    /// Its name in the stage file, or [`super::SINCE_UP`].
    pub name: String,
    /// What the stage file expects.
    pub expectation: Expectation,
    /// For a negative control: why it matters that it breaks.
    pub why: Option<String>,
    /// What happened.
    pub verdict: Verdict,
    /// Whether that is what was expected.
    pub standing: Standing,
    /// Why the verdict is what it is, one sentence each; empty for a plain survival.
    pub reasons: Vec<String>,
    /// The objectives it was judged by.
    pub objectives: Objectives,
    /// The numbers.
    pub measured: Measured,
    /// What was injected, in the order of injection.
    pub faults: Vec<FaultFinding>,
    /// One per check that applies.
    pub findings: Vec<Finding>,
    /// Who called whom before the fault and during it, where the stage is traced.
    pub maps: Vec<Mapped>,
    /// Tries before this one that proved nothing either way, in their order.
    pub earlier: Vec<EarlierTry>,
    /// When its first entry was written or its first operation was due.
    pub started_at: Micros,
    /// When its last entry was written.
    pub ended_at: Micros,
}

impl ExperimentFindings {
    /// Whether the experiment may be tried once more, see [`verdict::can_be_repeated`]. What was lost
    /// within its budget stays in the report.
    pub fn can_be_repeated(&self) -> bool {
        let lost = self.measured.lost.as_ref().is_some_and(|lost| lost.count > 0);
        self.name != SINCE_UP && !lost && verdict::can_be_repeated(self.verdict, &self.findings)
    }

    /// What is kept of it when a later try takes its place: itself, after those before it.
    pub fn into_earlier(self) -> Vec<EarlierTry> {
        let Self { reasons, started_at, ended_at, mut earlier, .. } = self;
        earlier.push(EarlierTry { reasons, started_at, ended_at });
        earlier
    }
}

/// A try of an experiment that proved nothing either way, and that a later one took the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierTry {
    /// Why it was inconclusive.
    pub reasons: Vec<String>,
    /// When it began.
    pub started_at: Micros,
    /// When it ended.
    pub ended_at: Micros,
}

/// What happened in an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every objective and invariant held, with evidence.
    Survived,
    /// At least one was violated, with evidence.
    Broke,
    /// The evidence does not carry a verdict.
    Inconclusive,
}

impl Verdict {
    /// The spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Survived => "survived",
            Self::Broke => "broke",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A verdict compared with what was expected; ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Survived or broke, as declared.
    AsExpected,
    /// No verdict.
    Inconclusive,
    /// Broke where it should survive, or the other way round.
    Mismatch,
}

impl Standing {
    /// The spelling in `results.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AsExpected => "as-expected",
            Self::Inconclusive => "inconclusive",
            Self::Mismatch => "mismatch",
        }
    }
}

/// What one check says about one experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Holds, with evidence.
    Pass,
    /// Cannot be said.
    Inconclusive,
    /// Violated, with evidence.
    Fail,
}

impl Part {
    /// The spelling in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// Its part of the verdict.
    pub part: Part,
    /// One sentence.
    pub summary: String,
    /// Evidence, one line each; long lists are cut after [`MAX_LISTED`] lines.
    pub details: Vec<String>,
    /// For a failure: all of it happened before the first fault, so the fault did not cause it. It
    /// does not count as the breakage that a negative control promises.
    pub predates_fault: bool,
}

/// How many offenders a finding lists.
pub const MAX_LISTED: usize = 20;

impl Finding {
    /// A finding without details.
    pub fn new(check: Check, part: Part, summary: impl Into<String>) -> Self {
        Self { check, part, summary: summary.into(), details: Vec::new(), predates_fault: false }
    }

    /// The same finding with further lines of evidence.
    #[must_use]
    pub fn with(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }
}

/// One fault and the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultFinding {
    /// Its identity in the journal.
    pub id: String,
    /// Its name, such as `kill-primary`.
    pub fault: String,
    /// The nodes it hit.
    pub nodes: Vec<String>,
    /// Its first effect.
    pub injected_at: Option<Micros>,
    /// When it was undone.
    pub healed_at: Option<Micros>,
    /// What was read back while it was active; `None` when its effect was not shown.
    pub evidence: Option<String>,
    /// What was read back after it was undone.
    pub heal_evidence: Option<String>,
}

/// The numbers of one experiment. `None` where there was nothing to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Share of all operations that succeeded, in percent.
    pub availability_percent: Option<f64>,
    /// Latency quantiles of all successful operations outside of the outage.
    pub latency: Option<Quantiles>,
    /// When service was back, the worse of all operations and writes alone. `None` without fault.
    pub rto: Option<Rto>,
    /// Acknowledged writes that are missing. `None` when they could not be read back.
    pub lost: Option<Lost>,
    /// Outcomes per kind of operation.
    pub ops: BTreeMap<OpKind, OpCounts>,
    /// Operations that the generator dropped; they count as failures.
    pub drops: u64,
    /// Longest stretch without a good operation between two good ones, in microseconds.
    pub longest_outage: Micros,
}

impl Measured {
    /// Outcomes of all kinds together.
    pub fn total(&self) -> OpCounts {
        self.ops.values().fold(OpCounts::default(), |a, b| OpCounts {
            ok: a.ok + b.ok,
            fail: a.fail + b.fail,
            unknown: a.unknown + b.unknown,
        })
    }
}

/// Latency from the intended start, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// How many operations were measured.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
}

/// Outcomes counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpCounts {
    /// Acknowledged.
    pub ok: u64,
    /// Certainly without effect.
    pub fail: u64,
    /// May have happened.
    pub unknown: u64,
}

impl OpCounts {
    /// All of them.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.unknown
    }
}

/// Time to recovery of an experiment, with its parts. Times are microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rto {
    /// First fault injected.
    pub from: Micros,
    /// The worse of the two below.
    pub worst: Recovery,
    /// Over all operations.
    pub all: Recovery,
    /// Over writes alone; `None` when none was sent.
    pub writes: Option<Recovery>,
    /// The objective it was judged by.
    pub objective: Micros,
    /// From the fault until the control plane noticed a hit node.
    pub detect: Option<Micros>,
    /// From there until a node took over or came back.
    pub recover: Option<Micros>,
    /// From there until clients were served again.
    pub reroute: Option<Micros>,
}
