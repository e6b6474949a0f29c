//! What happened to the lab between `up` and now, cut out of the control plane's journal: the
//! canary's operations, manual chaos, and what the control plane did.

use crate::journal::{Entry, Event, Micros, Phase};
use crate::verify::SINCE_UP;

/// What the keys of the canary's writes begin with.
pub const CANARY_PREFIX: &str = "canary";

/// The pseudo experiment of everything since `up`, without its final reads and its end, which the
/// caller adds. What happened while `lab verify` ran its own experiments is left out: those are
/// judged by themselves. Pure; `until` ends the last phase.
pub fn since_up(control: &[Entry], until: Micros) -> Vec<Entry> {
    let kept = outside_experiments(control);
    let start = kept.first().map_or(until, |e| e.at);
    let mut entries = vec![
        Entry {
            at: start,
            event: Event::ExperimentStarted {
                experiment: SINCE_UP.into(),
                key_prefix: CANARY_PREFIX.into(),
            },
        },
        Entry { at: start, event: Event::Phase { phase: Phase::Steady } },
    ];
    let mut in_fault = false;
    for entry in kept {
        if matches!(entry.event, Event::FaultPlanned { .. }) && !in_fault {
            in_fault = true;
            entries.push(Entry { at: entry.at, event: Event::Phase { phase: Phase::Fault } });
        }
        entries.push(entry.clone());
    }
    entries.push(Entry { at: until, event: Event::Phase { phase: Phase::Audit } });
    entries
}

/// Entries between `ExperimentStarted` and `ExperimentEnded` belong to an earlier `lab verify`;
/// one that was killed has no end, and the next start takes its place.
fn outside_experiments(control: &[Entry]) -> Vec<&Entry> {
    let mut inside = false;
    let mut kept = Vec::new();
    for entry in control {
        match entry.event {
            Event::ExperimentStarted { .. } => inside = true,
            Event::ExperimentEnded { .. } => inside = false,
            _ if inside => {}
            _ => kept.push(entry),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ControlEvent;

    fn entry(at: Micros, event: Event) -> Entry {
        Entry { at, event }
    }

    #[test]
    fn experiments_of_an_earlier_verify_are_left_out() {
        let mark = |name: &str| Event::ExperimentStarted {
            experiment: name.into(),
            key_prefix: String::new(),
        };
        let seen = |node: &str| Event::Control(ControlEvent::Replaced { node: node.into() });
        let control = [
            entry(1, Event::Control(ControlEvent::Started)),
            entry(2, mark("verify")),
            entry(3, seen("inside")),
            entry(4, Event::ExperimentEnded { experiment: "verify".into() }),
            entry(5, seen("outside")),
        ];
        let kept: Vec<Micros> = since_up(&control, 9).iter().map(|e| e.at).collect();
        assert_eq!(kept, [1, 1, 1, 5, 9]);
    }
}
