//! Who begins after whom: tiers name those that must work before them.

use std::collections::BTreeMap;

use super::node::NodeSpec;

/// The nodes in turns: those of a turn need only tiers of the turns before. Within a turn, smaller
/// priorities come first. Tiers that need each other, which no stage file may say, come last.
pub fn in_turns(nodes: &[NodeSpec]) -> Vec<Vec<&NodeSpec>> {
    let mut left: BTreeMap<&str, Vec<&NodeSpec>> = BTreeMap::new();
    for node in nodes {
        left.entry(&node.tier).or_default().push(node);
    }
    let mut turns = Vec::new();
    while !left.is_empty() {
        let waits = |nodes: &[&NodeSpec]| {
            let mut needs = nodes.iter().flat_map(|node| &node.needs);
            needs.any(|tier| left.contains_key(tier.as_str()))
        };
        let free: Vec<&str> =
            left.iter().filter(|(_, nodes)| !waits(nodes)).map(|(tier, _)| *tier).collect();
        let free = if free.is_empty() { left.keys().copied().collect() } else { free };
        // As they were listed, where their priorities are the same.
        let mut turn: Vec<&NodeSpec> =
            nodes.iter().filter(|node| free.contains(&node.tier.as_str())).collect();
        turn.sort_by_key(|node| node.priority);
        left.retain(|tier, _| !free.contains(tier));
        turns.push(turn);
    }
    turns
}
