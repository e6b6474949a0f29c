//! What people should know of who look at a lab: the latest of what nobody asked for.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::journal::{ControlEvent, Entry, Event};

/// How many are kept.
const MOST: usize = 20;

/// The latest notes, oldest first; a control plane that was started again has none.
#[derive(Debug, Default)]
pub struct Notes(Mutex<VecDeque<Entry>>);

impl Notes {
    /// Keeps an entry if people should know of it.
    pub fn keep(&self, entry: &Entry) {
        let Event::Control(event) = &entry.event else { return };
        if !is_worth_it(event) {
            return;
        }
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= MOST {
            notes.pop_front();
        }
        notes.push_back(entry.clone());
    }

    /// All that are kept.
    pub fn all(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn is_worth_it(event: &ControlEvent) -> bool {
    matches!(
        event,
        ControlEvent::Removed { .. }
            | ControlEvent::Stray { .. }
            | ControlEvent::ReserveGone { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_what_people_should_know_are_kept() {
        let notes = Notes::default();
        let note = |at, event| notes.keep(&Entry { at, event: Event::Control(event) });
        for at in 0..30 {
            note(at, ControlEvent::Removed { node: format!("web-a{at}") });
            note(at, ControlEvent::Recovered { node: "web-a1".into() });
        }
        let kept = notes.all();
        assert_eq!((kept.len(), kept[0].at, kept[MOST - 1].at), (MOST, 10, 29));
    }
}
