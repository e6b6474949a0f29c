//! What the machine did to the lab is no fault of the architecture.
//!
//! Where latency or recovery is not as promised, it is judged once more without the operations that
//! succeeded while the machine itself was not able, however late, and those that the generator itself was
//! too late to send (the control plane has a witness of that). If it then holds, the experiment has shown neither: it is inconclusive. What failed, was lost
//! or was wrong is never excused: a slow machine makes things late, and a fault that is a flood of
//! requests or connections fills the machine by itself.

use crate::journal::{ControlEvent, Micros, Op, Outcome, StalledPart};

use super::findings::{Finding, Part};
use super::history::History;

/// A stand-still of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Its beginning.
    pub from: Micros,
    /// Its end.
    pub to: Micros,
    /// What stood still.
    pub part: StalledPart,
}

impl Stall {
    /// Also what was due soon after: what has gathered meanwhile takes as long again to be worked off.
    fn excuses(&self, op: &Op) -> bool {
        // The generator sends nothing that is late by a whole time-out: nobody was asked.
        let late = op.outcome == Outcome::Ok || op.was_dropped() && op.detail == Op::TOO_LATE;
        late && op.intended <= self.to + self.length() && op.done >= self.from
    }

    fn length(&self) -> Micros {
        self.to - self.from
    }
}

/// The stand-stills that the witness noted, in the order of their ends.
pub fn stalls(history: &History<'_>) -> Vec<Stall> {
    let stall = |(at, event): &(Micros, &ControlEvent)| match event {
        ControlEvent::Stalled { part, since } => Some(Stall { from: *since, to: *at, part: *part }),
        _ => None,
    };
    history.controls.iter().filter_map(stall).collect()
}

/// Makes findings inconclusive that fail only because of stand-stills; `again` judges a history
/// once more.
pub fn excuse<'a>(
    findings: &mut [Finding],
    history: &History<'a>,
    again: impl FnOnce(&History<'a>) -> Vec<Finding>,
) {
    let stalls = stalls(history);
    if stalls.is_empty() || !findings.iter().any(|f| f.part == Part::Fail) {
        return;
    }
    let mut calm = history.clone();
    calm.ops.retain(|op| !stalls.iter().any(|stall| stall.excuses(op)));
    let left_out = history.ops.len() - calm.ops.len();
    for calm in again(&calm).into_iter().filter(|f| f.part == Part::Pass) {
        let failed = findings.iter_mut().find(|f| f.check == calm.check && f.part == Part::Fail);
        let Some(failed) = failed else { continue };
        failed.part = Part::Inconclusive;
        failed.summary = format!(
            "{}; but {}, and without the {left_out} answers of that time: {}",
            failed.summary,
            in_words(&stalls),
            calm.summary
        );
    }
}

/// `the machine itself was not able: a write to the disk hung for 0.6 s`.
fn in_words(stalls: &[Stall]) -> String {
    let of = |part: StalledPart| -> f64 {
        stalls.iter().filter(|s| s.part == part).map(|s| s.length() as f64 / 1e6).sum()
    };
    let parts = [
        (of(StalledPart::Disk), "writes to the disk hung"),
        (of(StalledPart::Processor), "the processors were wanted by more than they could serve"),
        (of(StalledPart::ControlPlane), "the control plane stood still, frozen by somebody,"),
    ];
    let words = parts.iter().filter(|(seconds, _)| *seconds > 0.0);
    let words: Vec<String> = words.map(|(s, what)| format!("{what} for {s:.1} s")).collect();
    format!("the machine itself was not able ({})", words.join(", "))
}

#[cfg(test)]
mod tests;
