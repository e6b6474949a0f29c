//! Emulators of managed services keep what they hold in memory. When one begins anew that is written
//! down: whoever judges later must not blame the architecture for what was forgotten.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Shared;
use crate::journal::{ControlEvent, Micros};
use crate::plan::main_name;

/// Longest pause between two looks of which Docker has not said that a container changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The journal keeps its latest hours: what it must know is said again after this time.
const SAY_AGAIN: Duration = Duration::from_secs(600);

/// Looks after all of them until the process ends.
pub async fn run(shared: Shared) {
    let nodes: Vec<&str> = shared.config.in_memory.iter().map(String::as_str).collect();
    let mut known: BTreeMap<&str, (Micros, Instant)> = BTreeMap::new();
    while !nodes.is_empty() {
        // Registered before the look: what changes during it is looked at again.
        let changed = shared.changed.notified();
        for node in &nodes {
            // One that is not there, or Docker that does not answer, says nothing.
            let began = shared.engine.began(&main_name(&shared.config.lab, node)).await;
            let Ok(Some(since)) = began else { continue };
            let news = known
                .get(node)
                .is_none_or(|(before, said)| *before != since || said.elapsed() >= SAY_AGAIN);
            if news {
                known.insert(node, (since, Instant::now()));
                shared.note(ControlEvent::Began { node: (*node).to_owned(), since });
            }
        }
        drop(tokio::time::timeout(LOOK_EVERY, changed).await);
    }
}
