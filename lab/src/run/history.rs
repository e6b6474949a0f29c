//! Has the canary seen enough to judge what comes next by? Awaited before a fault that a user asks
//! for: right after `up` nobody could say that the lab was healthy before, nor what was promised.

use std::time::{Duration, Instant};

use super::since_up::is_of_fault;
use super::{RunningLab, now};
use crate::journal::{Entry, Event, Micros, Outcome};
use crate::verify::checks::{MANUAL_STEADY, MIN_STEADY};
use crate::verify::kinds::Kinds;

/// Pause between two looks at the canary's journal.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long it is awaited.
const LIMIT: Duration = Duration::from_secs(20);

/// What the canary has seen so far.
#[derive(Debug, Default)]
struct History {
    /// When good answers were due.
    good: Vec<Micros>,
    /// A write was acknowledged that is read back later.
    promised: bool,
}

impl History {
    fn take(&mut self, entries: Vec<Entry>, kinds: &Kinds) {
        for entry in entries {
            if is_of_fault(&entry.event) {
                // What was good before another fault does not show that the lab is so after it.
                self.good.clear();
            }
            let Event::Op(op) = entry.event else { continue };
            if op.outcome == Outcome::Ok {
                self.good.push(op.intended);
                self.promised |= kinds.class(op.kind).is_promise;
            }
        }
    }

    fn is_enough(&self, now: Micros, reads_only: bool) -> bool {
        let recent = self.good.iter().filter(|at| now - **at <= MANUAL_STEADY).count();
        // Twice as many: some of these are too old when the fault is in effect.
        recent >= 2 * MIN_STEADY && (self.promised || reads_only)
    }
}

/// Waits until the canary has seen enough; false when it has not in time, or cannot be asked.
pub async fn await_history(lab: &RunningLab) -> bool {
    if lab.stage.control_plane.canary_per_s == 0 {
        return true;
    }
    let kinds = Kinds::of(&lab.stage);
    let reads_only = !kinds.any_promise();
    let (mut history, mut from, begun) = (History::default(), 0, Instant::now());
    loop {
        let Ok((entries, next)) = lab.control().journal_from(from).await else { return false };
        history.take(entries, &kinds);
        from = next;
        if history.is_enough(now(), reads_only) {
            return true;
        }
        if begun.elapsed() >= LIMIT {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Op, OpKind};

    fn op(kind: OpKind, intended: Micros, outcome: Outcome) -> Entry {
        let done = intended + 1000;
        let (key, detail) = (None, String::new());
        let (session, listed, caches, values) = (None, None, None, Default::default());
        let op = Op { kind, key, intended, done, outcome, detail, session, listed, values, caches };
        Entry { at: done, event: Event::Op(op) }
    }

    fn history(reads: i64, outcome: Outcome, write: Option<Outcome>) -> History {
        let mut history = History::default();
        let kinds = Kinds::of(&crate::verify::testing::stage());
        let browsed = (0..reads).map(|n| op(OpKind::BROWSE, n * 100_000, outcome));
        history.take(browsed.collect(), &kinds);
        history.take(write.into_iter().map(|o| op(OpKind::ORDER, 0, o)).collect(), &kinds);
        history
    }

    #[test]
    fn enough_are_recent_good_answers_and_a_promise() {
        let second = 1_000_000;
        assert!(history(20, Outcome::Ok, Some(Outcome::Ok)).is_enough(2 * second, false));
        assert!(!history(20, Outcome::Ok, None).is_enough(2 * second, false), "nothing promised");
        assert!(history(20, Outcome::Ok, None).is_enough(2 * second, true), "nothing to promise");
        assert!(!history(10, Outcome::Ok, Some(Outcome::Ok)).is_enough(2 * second, false), "few");
        assert!(!history(20, Outcome::Ok, Some(Outcome::Ok)).is_enough(7 * second, false), "old");
        assert!(!history(20, Outcome::Fail, Some(Outcome::Ok)).is_enough(2 * second, false));
        assert!(!history(20, Outcome::Ok, Some(Outcome::Unknown)).is_enough(2 * second, false));
    }

    #[test]
    fn what_was_good_before_another_fault_shows_nothing_after_it() {
        let mut history = history(20, Outcome::Ok, Some(Outcome::Ok));
        let healed = Event::FaultHealed { id: "another".into() };
        history.take(
            vec![Entry { at: 2_000_000, event: healed }],
            &Kinds::of(&crate::verify::testing::stage()),
        );
        assert!(!history.is_enough(2_000_000, false));
    }
}
