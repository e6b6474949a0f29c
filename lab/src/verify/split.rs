//! Cuts a journal into experiments.

use crate::journal::{Entry, Event, RunStarted};

use super::history::{History, InvariantAudit};
use super::kinds::Kinds;

/// Why a journal cannot be judged at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// There is nothing in it.
    #[error("the journal is empty: nothing was recorded; run `lab verify` again")]
    Empty,
    /// The head is missing, and with it the stage.
    #[error(
        "the journal does not begin with `run-started`, so the stage it belongs to is unknown; \
         run `lab verify` again"
    )]
    NoHead,
    /// There is more than one run in it.
    #[error(
        "journal entry {entry}: a second run begins here, and a journal is that of one; \
         run `lab verify` again"
    )]
    TwoRuns {
        /// Which entry, counted from 1.
        entry: usize,
    },
    /// Another experiment ends than the one that runs.
    #[error(
        "journal entry {entry}: the end of experiment `{ended}` is recorded while {running} runs: \
         the journal was damaged or written by two tools at once; run `lab verify` again"
    )]
    WrongEnd {
        /// Which entry, counted from 1.
        entry: usize,
        /// The experiment named by it.
        ended: String,
        /// What runs at that point, in words.
        running: String,
    },
    /// An experiment that the stage does not know.
    #[error(
        "the journal holds experiment `{experiment}`, which stage `{stage}` does not declare; \
         run `lab verify` again"
    )]
    UnknownExperiment {
        /// The experiment.
        experiment: String,
        /// The stage.
        stage: String,
    },
}

/// The experiments of a journal, in its order. An experiment without its last line (the tool was
/// killed, or the next experiment begins) has `ended` unset. Operations outside of any experiment
/// belong to none and are left out.
pub fn histories(entries: &[Entry]) -> Result<Vec<History<'_>>, JudgeError> {
    let kinds = head(entries).map(|(_, head)| Kinds::of(&head.stage)).unwrap_or_default();
    let mut found = Vec::new();
    let mut open: Option<Open<'_>> = None;
    for (n, entry) in entries.iter().enumerate() {
        match &entry.event {
            Event::ExperimentStarted { experiment, key_prefix } => {
                found.extend(open.take().map(|o| o.close(false, &kinds)));
                open = Some(Open { name: experiment, key_prefix, entries: vec![entry] });
            }
            Event::ExperimentEnded { experiment } => match open.take() {
                Some(mut o) if o.name == experiment => {
                    o.entries.push(entry);
                    found.push(o.close(true, &kinds));
                }
                other => return Err(wrong_end(n, experiment, other.as_ref())),
            },
            _ => {
                if let Some(o) = &mut open {
                    o.entries.push(entry);
                }
            }
        }
    }
    found.extend(open.take().map(|o| o.close(false, &kinds)));
    add_controls(&mut found, entries);
    add_earlier_wrongs(&mut found);
    Ok(found)
}

/// The entries up to the end of the last experiment that came to its end; nothing when none did. What
/// follows is of an experiment that was cut short, and proves nothing.
pub fn ended(entries: &[Entry]) -> Option<&[Entry]> {
    let is_end = |entry: &Entry| matches!(entry.event, Event::ExperimentEnded { .. });
    let last = entries.iter().rposition(is_end)?;
    Some(&entries[..=last])
}

/// The head of the journal.
pub(super) fn head(entries: &[Entry]) -> Result<(&Entry, &RunStarted), JudgeError> {
    let first = entries.first().ok_or(JudgeError::Empty)?;
    match &first.event {
        Event::RunStarted(head) => {
            let starts = |e: &Entry| matches!(e.event, Event::RunStarted(_));
            match entries.iter().skip(1).position(starts) {
                Some(at) => Err(JudgeError::TwoRuns { entry: at + 2 }),
                None => Ok((first, head)),
            }
        }
        _ => Err(JudgeError::NoHead),
    }
}

struct Open<'a> {
    name: &'a str,
    key_prefix: &'a str,
    entries: Vec<&'a Entry>,
}

impl<'a> Open<'a> {
    fn close(self, ended: bool, kinds: &Kinds) -> History<'a> {
        History::read(self.name, self.key_prefix, ended, kinds.clone(), &self.entries)
    }
}

fn wrong_end(n: usize, ended: &str, open: Option<&Open<'_>>) -> JudgeError {
    let running = open.map_or("none".to_owned(), |o| format!("`{}`", o.name));
    JudgeError::WrongEnd { entry: n + 1, ended: ended.to_owned(), running }
}

/// The control plane keeps its own record, which may be appended late: its time decides, not its
/// place.
fn add_controls<'a>(found: &mut [History<'a>], entries: &'a [Entry]) {
    for history in found {
        history.controls = entries
            .iter()
            .filter(|e| (history.start..=history.end).contains(&e.at))
            .filter_map(|e| match &e.event {
                Event::Control(control) => Some((e.at, control)),
                _ => None,
            })
            .collect();
        history.controls.sort_by_key(|(at, _)| *at);
    }
}

fn add_earlier_wrongs(found: &mut [History<'_>]) {
    let mut earlier = Vec::new();
    for history in found {
        history.earlier_wrongs.clone_from(&earlier);
        if matches!(history.invariants, InvariantAudit::Read(_)) {
            earlier = history.invariants.wrongs();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::judge;
    use crate::verify::testing::*;

    #[test]
    fn two_runs_in_one_journal_are_refused() {
        let one = run([Scenario::new("kill").entries()]);
        let both = [one.clone(), one.clone()].concat();
        let expected = JudgeError::TwoRuns { entry: one.len() + 1 };
        assert_eq!(judge(&both).unwrap_err(), expected);
    }

    #[test]
    fn of_a_run_that_was_cut_short_what_came_to_its_end_is_judged() {
        let second = Scenario { start: 60_000, ..Scenario::new("control") };
        let entries = run([Scenario::new("kill").entries(), second.entries()]);
        let starts = |entry: &Entry| matches!(entry.event, Event::ExperimentStarted { .. });
        let last = entries.iter().rposition(starts).unwrap();
        let found = judge(ended(&entries[..last + 5]).unwrap()).unwrap();
        let names: Vec<&str> = found.experiments.iter().map(|e| e.name.as_str()).collect();
        assert_eq!((names.as_slice(), found.complete), (&["kill"][..], false));
        let first = entries.iter().position(starts).unwrap();
        assert_eq!(ended(&entries[..first + 5]), None);
    }
}
