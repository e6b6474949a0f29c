//! What happened to the lab between `up` and now, cut out of the control plane's journal: the
//! canary's operations, manual chaos, and what the control plane did.

use std::borrow::Cow;

use crate::journal::{ControlEvent, Entry, Event, Micros, Phase};
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
        entries.push(entry.into_owned());
    }
    entries.push(Entry { at: until, event: Event::Phase { phase: Phase::Audit } });
    entries
}

/// What a fault by hand, planned no earlier than `since`, is judged by: the journal from `before` microseconds
/// earlier, but not what came before the end of another fault, which is not this one's doing. Pure.
pub fn around_fault(control: Vec<Entry>, since: Micros, before: Micros) -> Vec<Entry> {
    let others = control.iter().filter(|e| e.at < since && is_of_fault(&e.event));
    let other = others.map(|e| e.at).max();
    let from = (since - before).max(other.map_or(Micros::MIN, |at| at + 1));
    control.into_iter().filter(|e| e.at >= from).collect()
}

/// Whether this is a step in the life of a fault.
pub fn is_of_fault(event: &Event) -> bool {
    matches!(
        event,
        Event::FaultPlanned { .. }
            | Event::FaultInjected { .. }
            | Event::FaultConfirmed { .. }
            | Event::FaultUnconfirmed { .. }
            | Event::FaultEnded { .. }
            | Event::FaultHealed { .. }
            | Event::HealConfirmed { .. }
            | Event::HealUnconfirmed { .. }
    )
}

/// The `lab verify` whose experiments have begun and not ended, by its name.
pub fn is_open(control: &[Entry]) -> Option<String> {
    let mark = control.iter().rev().find_map(|entry| match &entry.event {
        Event::ExperimentStarted { experiment, .. } => Some(Some(experiment.clone())),
        Event::ExperimentEnded { .. } => Some(None),
        _ => None,
    });
    mark.flatten()
}

/// Whether the oldest entries are gone: a control plane keeps its latest hours. A whole journal begins with
/// the start of the control plane.
pub fn is_cut(control: &[Entry]) -> bool {
    control.first().is_some_and(|e| e.event != Event::Control(ControlEvent::Started))
}

/// Entries between `ExperimentStarted` and `ExperimentEnded` belong to an earlier `lab verify`, but for
/// what it left in the queues. One that was killed is ended by the next command that breaks or judges.
/// The beginning of the first one may be gone. That nothing is known of these times is said: silence in
/// them is nobody's.
fn outside_experiments(control: &[Entry]) -> Vec<Cow<'_, Entry>> {
    let first_mark = control.iter().find_map(|entry| match entry.event {
        Event::ExperimentStarted { .. } => Some(false),
        Event::ExperimentEnded { .. } => Some(true),
        _ => None,
    });
    let at_first = || control.first().map(|e| e.at);
    let mut inside = first_mark.unwrap_or(false).then(at_first).flatten();
    let mut kept: Vec<Cow<'_, Entry>> = Vec::new();
    for entry in control {
        match entry.event {
            Event::ExperimentStarted { .. } => inside = inside.or(Some(entry.at)),
            Event::ExperimentEnded { .. } => {
                // What is left out before anything counts is before the history.
                if let (Some(since), false) = (inside.take(), kept.is_empty()) {
                    kept.push(Cow::Owned(Entry { at: entry.at, event: Event::LeftOut { since } }));
                }
            }
            Event::QueueRead(_) => kept.push(Cow::Borrowed(entry)),
            _ if inside.is_some() => {}
            _ => kept.push(Cow::Borrowed(entry)),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::{Fault, LoseZone};

    fn entry(at: Micros, event: Event) -> Entry {
        Entry { at, event }
    }

    fn mark(name: &str) -> Event {
        Event::ExperimentStarted { experiment: name.into(), key_prefix: String::new() }
    }

    fn end(name: &str) -> Event {
        Event::ExperimentEnded { experiment: name.into() }
    }

    fn seen(node: &str) -> Event {
        Event::Control(ControlEvent::Replaced { node: node.into() })
    }

    fn planned(id: &str) -> Event {
        let fault = Fault::LoseZone(LoseZone::default());
        Event::FaultPlanned { id: id.into(), fault, nodes: Vec::new(), heal: String::new() }
    }

    #[test]
    fn what_an_earlier_fault_did_is_not_blamed_on_the_next() {
        let healed = |id: &str| Event::HealConfirmed { id: id.into(), evidence: String::new() };
        let journal = vec![
            entry(10, seen("a")),
            entry(40, planned("first")),
            entry(60, healed("first")),
            entry(70, seen("b")),
            entry(90, planned("second")),
            entry(95, healed("second")),
        ];
        let times = |since, before| -> Vec<Micros> {
            around_fault(journal.clone(), since, before).iter().map(|e| e.at).collect()
        };
        assert_eq!(times(80, 50), [70, 90, 95], "not the heal of the first, nor what it did");
        assert_eq!(times(80, 5), [90, 95]);
        assert_eq!(times(35, 30), [10, 40, 60, 70, 90, 95], "nothing was before the first");
    }

    /// Time of each entry, and the phase that begins with it.
    fn phases(entries: &[Entry]) -> Vec<(Micros, Phase)> {
        let phase = |e: &Entry| match e.event {
            Event::Phase { phase } => Some((e.at, phase)),
            _ => None,
        };
        entries.iter().filter_map(phase).collect()
    }

    #[test]
    fn experiments_of_an_earlier_verify_are_left_out() {
        let control = [
            entry(1, Event::Control(ControlEvent::Started)),
            entry(2, mark("verify")),
            entry(3, seen("inside")),
            entry(4, end("verify")),
            entry(5, seen("outside")),
        ];
        let since = since_up(&control, 9);
        let kept: Vec<Micros> = since.iter().map(|e| e.at).collect();
        assert_eq!(kept, [1, 1, 1, 4, 5, 9]);
        assert_eq!(since[3].event, Event::LeftOut { since: 2 });
    }

    /// The control plane keeps its latest hours: they may begin in the middle of a run.
    #[test]
    fn the_end_of_a_run_whose_beginning_is_gone_ends_it() {
        let control =
            [entry(3, seen("inside")), entry(4, end("verify")), entry(5, seen("outside"))];
        let kept: Vec<Micros> = since_up(&control, 9).iter().map(|e| e.at).collect();
        assert_eq!(kept, [5, 5, 5, 9]);
        assert!(is_cut(&control));
        assert!(!is_cut(&[entry(1, Event::Control(ControlEvent::Started))]) && !is_cut(&[]));
    }

    #[test]
    fn a_verify_that_was_killed_ends_where_the_next_one_ends() {
        let control = [
            entry(1, seen("before")),
            entry(2, mark("killed")),
            entry(3, seen("inside")),
            entry(4, mark("next")),
            entry(5, seen("inside")),
            entry(6, end("next")),
            entry(7, seen("after")),
        ];
        let since = since_up(&control, 9);
        let nodes: Vec<&Event> =
            since.iter().map(|e| &e.event).filter(|e| matches!(e, Event::Control(_))).collect();
        assert_eq!(nodes, [&seen("before"), &seen("after")]);
    }

    #[test]
    fn one_that_has_no_end_is_open() {
        let open = |events: &[Event]| {
            let entries: Vec<Entry> = events.iter().map(|e| entry(1, e.clone())).collect();
            is_open(&entries)
        };
        assert_eq!(open(&[]), None);
        assert_eq!(open(&[mark("one"), end("one"), seen("a")]), None);
        assert_eq!(open(&[mark("one"), end("one"), mark("two"), seen("a")]), Some("two".into()));
    }

    #[test]
    fn what_an_earlier_verify_left_in_the_queues_is_known() {
        let left = Event::QueueRead(crate::journal::QueueRead {
            queue: "order-mail".into(),
            visible: 0,
            in_flight: 0,
            outbox: Some(0),
            dead: Vec::new(),
            waited_ms: 0,
            ..crate::journal::QueueRead::default()
        });
        let control = [entry(2, mark("verify")), entry(3, left.clone()), entry(4, end("verify"))];
        assert!(since_up(&control, 9).iter().any(|e| e.event == left));
    }

    #[test]
    fn it_begins_as_the_canarys_experiment_with_the_first_entry_that_counts() {
        let control = [
            entry(1, mark("verify")),
            entry(2, seen("inside")),
            entry(3, end("verify")),
            entry(5, seen("outside")),
        ];
        let since = since_up(&control, 9);
        let (experiment, key_prefix) = (SINCE_UP.to_owned(), CANARY_PREFIX.to_owned());
        assert_eq!(since[0], entry(5, Event::ExperimentStarted { experiment, key_prefix }));
        assert_eq!(phases(&since), [(5, Phase::Steady), (9, Phase::Audit)]);
    }

    #[test]
    fn the_first_fault_begins_the_fault_phase_and_later_ones_belong_to_it() {
        let control = [
            entry(1, seen("calm")),
            entry(4, planned("one")),
            entry(5, Event::FaultInjected { id: "one".into() }),
            entry(6, planned("two")),
        ];
        let since = since_up(&control, 9);
        assert_eq!(phases(&since), [(1, Phase::Steady), (4, Phase::Fault), (9, Phase::Audit)]);
        let at = |wanted: &Event| since.iter().position(|e| e.event == *wanted);
        let phase = at(&Event::Phase { phase: Phase::Fault });
        assert!(phase < at(&planned("one")), "the fault belongs to the phase that it begins");
    }

    #[test]
    fn a_control_plane_that_saw_nothing_has_an_empty_history() {
        let since = since_up(&[], 9);
        assert_eq!(phases(&since), [(9, Phase::Steady), (9, Phase::Audit)]);
        assert_eq!(since.len(), 3);
    }
}
