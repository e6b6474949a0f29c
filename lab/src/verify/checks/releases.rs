//! Does a good release take over without an error, and is a bad one rolled back by itself before many
//! notice?
//!
//! What the deploy did stands in the journal: its own events. A bad release that stayed until the
//! experiment took it away was not rolled back, however few noticed.

use crate::journal::{ControlEvent, Micros, Op, Outcome};
use crate::spec::model::{DeployRelease, Fault};
use crate::spec::releases::released;

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::plural;

/// Share of requests that may fail while a bad release is deployed and rolled back, in percent.
const MOST_FAILED: f64 = 1.0;

/// How long after a release by hand has been taken back what fails is still blamed on it.
const SOON: Micros = 5_000_000;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let mut shown: Vec<(Part, String)> =
        case.history.faults.iter().filter_map(|fault| judge(case, fault)).collect();
    shown.sort_by_key(|(part, _)| std::cmp::Reverse(*part));
    let mut shown = shown.into_iter();
    let (part, summary) = shown.next()?;
    Some(Finding::new(Check::Release, part, summary).with(shown.map(|(_, summary)| summary)))
}

fn judge(case: &Case<'_>, fault: &FaultRecord<'_>) -> Option<(Part, String)> {
    let (DeployRelease { release, .. }, bad) = match fault.fault? {
        Fault::Deploy(f) => (f, false),
        Fault::BadDeploy(f) => (f, true),
        _ => return None,
    };
    let Some(from) = fault.injected_at else {
        return Some((Part::Inconclusive, format!("{release} was never deployed")));
    };
    let until = if bad {
        fault.healed_at.map(|healed| healed.max(from + planned(case, fault)))
    } else {
        after_good(case, fault)
    };
    let failed = Failed::of(case, from, until);
    Some(match (end(case, release, from), bad) {
        (None, _) => {
            (Part::Inconclusive, format!("what became of the deploy of {release} is not known"))
        }
        (Some(End::Interrupted), _) => (
            Part::Inconclusive,
            format!(
                "the deploy of {release} was interrupted: nobody saw what would have become of it"
            ),
        ),
        (Some(End::Stayed), true) => {
            (Part::Fail, format!("{release} is bad and was not rolled back; {failed}"))
        }
        (Some(End::RolledBack { after, why }), true) => {
            let part = if failed.percent() < MOST_FAILED { Part::Pass } else { Part::Fail };
            let seconds = after as f64 / 1e6;
            (
                part,
                format!(
                    "{release} was rolled back by itself after {seconds:.1} s ({why}); {failed}"
                ),
            )
        }
        (Some(End::Stayed), false) => {
            let part = if failed.failed == 0 { Part::Pass } else { Part::Fail };
            (part, format!("{release} took over; {failed}"))
        }
        (Some(End::RolledBack { why, .. }), false) => {
            (Part::Fail, format!("{release} is good and was rolled back: {why}"))
        }
    })
}

/// When what fails is no longer blamed on a good release: from the next fault on, and by hand, where nobody
/// knows what comes later, soon after the release from before is back.
fn after_good(case: &Case<'_>, fault: &FaultRecord<'_>) -> Option<Micros> {
    let healed = fault.healed_at?;
    let others = case.history.faults.iter().filter(|other| other.id != fault.id);
    let next = others.filter_map(|other| other.injected_at).filter(|at| *at >= healed).min();
    let soon = case.since_up.then_some(healed + SOON);
    next.into_iter().chain(soon).min()
}

/// How long the deploy would have taken, had nothing been wrong: the sooner a bad release is rolled back,
/// the fewer requests there are while it is deployed, and the larger would be the share of those that
/// were needed to find it out.
fn planned(case: &Case<'_>, fault: &FaultRecord<'_>) -> Micros {
    let Some(Fault::BadDeploy(DeployRelease { tier, .. })) = fault.fault else { return 0 };
    let found = released(case.stage).find(|(name, _)| tier.as_ref().is_none_or(|t| t == *name));
    let Some((_, service)) = found else { return 0 };
    let seconds: u32 =
        service.deploy.clone().unwrap_or_default().steps.iter().map(|s| s.bake_s).sum();
    (f64::from(seconds) / case.stage.time_scale * 1e6) as Micros
}

/// How a deploy ended.
enum End<'a> {
    Stayed,
    Interrupted,
    RolledBack { after: Micros, why: &'a str },
}

fn end<'a>(case: &Case<'a>, version: &str, from: Micros) -> Option<End<'a>> {
    let later = case.history.controls.iter().filter(|(at, _)| *at >= from);
    let mut ends = later.filter_map(|(at, event)| match event {
        ControlEvent::Deployed { release, .. } if release == version => Some(End::Stayed),
        ControlEvent::RolledBack { release, by_hand: true, .. } if release == version => {
            Some(End::Interrupted)
        }
        ControlEvent::RolledBack { release, why, .. } if release == version => {
            Some(End::RolledBack { after: at - from, why })
        }
        _ => None,
    });
    ends.next()
}

/// What failed since the deploy began.
struct Failed {
    failed: usize,
    all: usize,
}

impl Failed {
    fn of(case: &Case<'_>, from: Micros, until: Option<Micros>) -> Self {
        let during = |op: &&&Op| op.intended >= from && until.is_none_or(|end| op.intended < end);
        let ops: Vec<&&Op> = case.history.ops.iter().filter(during).collect();
        let failed = ops.iter().filter(|op| op.outcome != Outcome::Ok).count();
        Self { failed, all: ops.len() }
    }

    /// Without requests nothing is shown: as if all had failed.
    fn percent(&self) -> f64 {
        if self.all == 0 { 100.0 } else { self.failed as f64 * 100.0 / self.all as f64 }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = plural(self.all, "request");
        match self.failed {
            0 => write!(f, "none of {all} failed"),
            n => write!(f, "{n} of {all} failed ({:.2} %)", self.percent()),
        }
    }
}
