//! What Docker said of the lab's containers since somebody looked last: whose network was started, and what
//! was removed. All of it can be lost: after a gap every node is looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::engine::{Change, Happened};
use crate::journal::Micros;
use crate::plan::observed::Part;

/// How long a container stays away until it counts as removed by somebody else: whoever makes a node anew
/// takes less.
pub const AWAY: Micros = 3_000_000;

/// What was heard.
#[derive(Debug, Default)]
pub struct Watch {
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    restarted: BTreeSet<String>,
    removed: BTreeMap<String, Micros>,
}

impl Watch {
    /// Takes note of one thing that Docker said.
    pub fn hear(&self, change: Change) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match (change.happened, change.part) {
            (Happened::Started, Some(Part::Holder)) => {
                heard.restarted.insert(change.node);
            }
            (Happened::Removed, Some(part)) if part.is_of_node() => {
                heard.removed.entry(change.node).or_insert(change.at);
            }
            _ => {}
        }
    }

    /// Nobody knows what Docker said meanwhile: every one of these networks may be a new one.
    pub fn suspect<'a>(&self, nodes: impl Iterator<Item = &'a String>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.restarted.extend(nodes.cloned());
    }

    /// Takes the nodes whose network may be younger than their component. What is heard from now on is not
    /// among them: whoever takes them looks at Docker afterwards.
    pub fn suspects(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner).restarted)
    }

    /// The nodes that something was removed of for so long that nobody makes it anew, with the moments. What
    /// `is_whole` again is forgotten.
    pub fn removed(&self, now: Micros, is_whole: impl Fn(&str) -> bool) -> Vec<(String, Micros)> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.removed.retain(|node, _| !is_whole(node));
        let gone = heard.removed.iter().filter(|(_, at)| now - **at >= AWAY);
        let gone: Vec<_> = gone.map(|(node, at)| (node.clone(), *at)).collect();
        heard.removed.retain(|_, at| now - *at < AWAY);
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(node: &str, part: Part, happened: Happened, at: Micros) -> Change {
        Change { node: node.into(), part: Some(part), happened, at }
    }

    #[test]
    fn what_stays_away_was_removed_and_what_comes_back_was_made_anew() {
        let watch = Watch::default();
        watch.hear(change("web-a1", Part::Main, Happened::Removed, 1_000));
        watch.hear(change("web-b1", Part::Main, Happened::Removed, 2_000));
        watch.hear(change("web-b1", Part::Holder, Happened::Removed, 3_000));
        watch.hear(change("", Part::Fault, Happened::Removed, 2_000));
        assert_eq!(watch.removed(4_000, |_| false), [], "somebody may be making it anew");
        let gone = watch.removed(2_000 + AWAY, |node| node == "web-a1");
        assert_eq!(gone, [("web-b1".to_owned(), 2_000)], "with the first moment");
        assert_eq!(watch.removed(9 * AWAY, |_| false), [], "told once");
    }

    #[test]
    fn a_network_that_was_started_is_looked_at() {
        let watch = Watch::default();
        watch.hear(change("web-a1", Part::Main, Happened::Started, 1));
        watch.hear(change("web-a2", Part::Holder, Happened::Started, 1));
        watch.suspect([&"db-a1".to_owned()].into_iter());
        assert_eq!(watch.suspects().into_iter().collect::<Vec<_>>(), ["db-a1", "web-a2"]);
        assert!(watch.suspects().is_empty(), "taken");
    }
}
