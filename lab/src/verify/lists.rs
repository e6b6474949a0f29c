//! How old the states were that lists showed.
//!
//! A write that was acknowledged before a read was due belongs into its list, unless the list is full and
//! its oldest item is younger: of two items the later one has the higher number, and only the latest have
//! a place. A read that lacks such items showed a state from before the first of them was acknowledged,
//! and since then so much time had passed. This is the idea of Jepsen's set-full: not whether something is
//! there at the end, but when it can be seen.
//!
//! Writes whose outcome is unknown, or that were under way when a read was due, hold nobody to anything.

use std::collections::BTreeMap;

use crate::journal::{Listed, Micros, Op, Outcome, Showed, ShownItem};

/// An acknowledged write that belongs into a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its number.
    pub id: i64,
    /// Its idempotency key.
    pub key: Option<&'a str>,
    /// When it was acknowledged.
    pub since: Micros,
}

/// A read of a list, and what it lacked.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The operation.
    pub op: &'a Op,
    /// What it showed.
    pub list: &'a Showed,
    /// The list's first item, when it was acknowledged before the read was due.
    pub first: Option<Item<'a>>,
    /// Of the items that it lacked the one that was acknowledged first.
    pub missing: Option<Item<'a>>,
}

impl Read<'_> {
    /// How old the state was that it showed; 0 when nothing was missing.
    pub fn age(&self) -> Micros {
        self.missing.map_or(0, |item| self.op.intended - item.since)
    }

    /// Whether there was anything that it had to show, if items may be missing for `bound`.
    pub fn is_held_to(&self, bound: Micros) -> bool {
        self.first.is_some_and(|item| self.op.intended - item.since >= bound)
    }

    /// Whether the answer says of itself that it is past its time.
    pub fn is_marked_stale(&self) -> bool {
        self.op.caches.is_some_and(|caches| caches.is_marked_stale())
    }
}

/// All reads of lists that were answered, in the order of `ops`, with what each lacked.
pub fn reads<'a>(ops: &[&'a Op]) -> Vec<Read<'a>> {
    let lists = known(ops);
    let none = Known::default();
    let read = |op: &&'a Op| {
        let Some(Listed::Showed(list)) = &op.listed else { return None };
        let known = lists.get(list.list.as_str()).unwrap_or(&none);
        let due = |item: &Item<'a>| item.since <= op.intended;
        let missing = known.missing(list).filter(due);
        let first = known.earliest(0, known.items.len()).filter(due);
        Some(Read { op, list, first, missing })
    };
    ops.iter().filter(|op| op.outcome == Outcome::Ok).filter_map(read).collect()
}

/// The acknowledged items of one list.
#[derive(Debug, Default)]
struct Known<'a> {
    /// In the order of their numbers.
    items: Vec<Item<'a>>,
    /// In row `r`, for each item, which one of it and the `2^r - 1` after it was acknowledged
    /// first: with it any stretch is looked up in two steps, however long the history is.
    first: Vec<Vec<usize>>,
}

fn known<'a>(ops: &[&'a Op]) -> BTreeMap<&'a str, Known<'a>> {
    let mut lists: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for op in ops.iter().filter(|op| op.outcome == Outcome::Ok) {
        if let Some(Listed::Wrote { list, id }) = &op.listed {
            let item = Item { id: *id, key: op.key.as_deref(), since: op.done };
            lists.entry(list).or_default().items.push(item);
        }
    }
    lists.values_mut().for_each(Known::index);
    lists
}

impl<'a> Known<'a> {
    fn index(&mut self) {
        self.items.sort_by_key(|item| (item.id, item.since));
        let mut row: Vec<usize> = (0..self.items.len()).collect();
        let mut reach = 1;
        while !row.is_empty() {
            let next = (0..row.len().saturating_sub(reach))
                .map(|at| self.earlier(row[at], row[at + reach]))
                .collect();
            self.first.push(std::mem::replace(&mut row, next));
            reach *= 2;
        }
    }

    fn earlier(&self, a: usize, b: usize) -> usize {
        if self.items[b].since < self.items[a].since { b } else { a }
    }

    /// Of the items `from..to`, by the order of their numbers, the one acknowledged first.
    fn earliest(&self, from: usize, to: usize) -> Option<Item<'a>> {
        let row = to.checked_sub(from).and_then(usize::checked_ilog2)?;
        let of_row = self.first.get(usize::try_from(row).ok()?)?;
        let (a, b) = (of_row.get(from)?, of_row.get(to - (1 << row))?);
        self.items.get(self.earlier(*a, *b)).copied()
    }

    /// Where the items from this number on begin.
    fn at(&self, id: i64) -> usize {
        self.items.partition_point(|item| item.id < id)
    }

    /// Of the items that have a place in a list and are not there the one acknowledged first.
    fn missing(&self, list: &Showed) -> Option<Item<'a>> {
        let mut shown = list.items.clone();
        shown.sort_by_key(|item| item.id());
        let oldest = shown.first().filter(|_| list.full);
        let mut from = oldest.map_or(0, |item| self.at(item.id()));
        let mut missing: Option<Item<'a>> = None;
        let mut note = |item: Option<Item<'a>>| {
            let first = missing.into_iter().chain(item).min_by_key(|item| item.since);
            missing = first;
        };
        for item in shown {
            note(self.earliest(from, self.at(item.id())));
            from = from.max(self.at(item.id()));
            // More than one has this number only if a fail-over lost the first of them.
            while let Some(known) = self.items.get(from).filter(|known| known.id == item.id()) {
                let is_there = list.items.iter().any(|item| is_same(list, *item, known));
                note((!is_there).then_some(*known));
                from += 1;
            }
        }
        note(self.earliest(from, self.items.len()));
        missing
    }
}

/// Whether a item that is shown is this one and not another one under its number.
fn is_same(list: &Showed, shown: ShownItem, item: &Item<'_>) -> bool {
    shown.id() == item.id
        && match (list.key(shown), item.key) {
            (Some(shown), Some(key)) => shown == key,
            _ => true,
        }
}

#[cfg(test)]
mod tests;
