//! How old the states were that reads of the forum showed.
//!
//! A post that was acknowledged before a read was due belongs into the list of its topic, unless the
//! list is full and its oldest post is younger: of two posts the later one has the higher number, and
//! only the latest have a place. A read that lacks such posts showed a state from before the first of
//! them was acknowledged, and since then so much time had passed. This is the idea of Jepsen's
//! set-full: not whether something is there at the end, but when it can be seen.
//!
//! Posts whose outcome is unknown, or that were under way when a read was due, hold nobody to
//! anything.

use std::collections::BTreeMap;

use crate::journal::{Forum, Micros, Op, OpKind, Outcome, Showed, ShownPost};

/// An acknowledged post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post<'a> {
    /// Its number.
    pub id: i64,
    /// Its idempotency key.
    pub key: Option<&'a str>,
    /// When it was acknowledged.
    pub since: Micros,
}

/// A read of the forum, and what it lacked.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The operation.
    pub op: &'a Op,
    /// What it showed.
    pub list: &'a Showed,
    /// The topic's first post, when it was acknowledged before the read was due.
    pub first: Option<Post<'a>>,
    /// Of the posts that it lacked the one that was acknowledged first.
    pub missing: Option<Post<'a>>,
}

impl Read<'_> {
    /// How old the state was that it showed; 0 when nothing was missing.
    pub fn age(&self) -> Micros {
        self.missing.map_or(0, |post| self.op.intended - post.since)
    }

    /// Whether there was anything that it had to show, if posts may be missing for `bound`.
    pub fn is_held_to(&self, bound: Micros) -> bool {
        self.first.is_some_and(|post| self.op.intended - post.since >= bound)
    }

    /// Whether the answer says of itself that it is past its time.
    pub fn is_marked_stale(&self) -> bool {
        self.op.caches.is_some_and(|caches| caches.is_marked_stale())
    }
}

/// All reads of the forum that were answered, in the order of `ops`, with what each lacked.
pub fn reads<'a>(ops: &[&'a Op]) -> Vec<Read<'a>> {
    let topics = topics(ops);
    let none = Topic::default();
    let read = |op: &&'a Op| {
        let Some(Forum::Showed(list)) = &op.forum else { return None };
        let topic = topics.get(list.topic.as_str()).unwrap_or(&none);
        let due = |post: &Post<'a>| post.since <= op.intended;
        let missing = topic.missing(list).filter(due);
        let first = topic.earliest(0, topic.posts.len()).filter(due);
        Some(Read { op, list, first, missing })
    };
    ops.iter().filter(|op| is_good(op, OpKind::ReadForum)).filter_map(read).collect()
}

fn is_good(op: &Op, kind: OpKind) -> bool {
    op.kind == kind && op.outcome == Outcome::Ok
}

/// The acknowledged posts of one topic.
#[derive(Debug, Default)]
struct Topic<'a> {
    /// In the order of their numbers.
    posts: Vec<Post<'a>>,
    /// In row `r`, for each post, which one of it and the `2^r - 1` after it was acknowledged
    /// first: with it any stretch is looked up in two steps, however long the history is.
    first: Vec<Vec<usize>>,
}

fn topics<'a>(ops: &[&'a Op]) -> BTreeMap<&'a str, Topic<'a>> {
    let mut topics: BTreeMap<&str, Topic<'_>> = BTreeMap::new();
    for op in ops.iter().filter(|op| is_good(op, OpKind::Post)) {
        if let Some(Forum::Wrote { topic, id }) = &op.forum {
            let post = Post { id: *id, key: op.key.as_deref(), since: op.done };
            topics.entry(topic).or_default().posts.push(post);
        }
    }
    topics.values_mut().for_each(Topic::index);
    topics
}

impl<'a> Topic<'a> {
    fn index(&mut self) {
        self.posts.sort_by_key(|post| (post.id, post.since));
        let mut row: Vec<usize> = (0..self.posts.len()).collect();
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
        if self.posts[b].since < self.posts[a].since { b } else { a }
    }

    /// Of the posts `from..to`, by the order of their numbers, the one acknowledged first.
    fn earliest(&self, from: usize, to: usize) -> Option<Post<'a>> {
        let row = to.checked_sub(from).and_then(usize::checked_ilog2)?;
        let of_row = self.first.get(usize::try_from(row).ok()?)?;
        let (a, b) = (of_row.get(from)?, of_row.get(to - (1 << row))?);
        self.posts.get(self.earlier(*a, *b)).copied()
    }

    /// Where the posts from this number on begin.
    fn at(&self, id: i64) -> usize {
        self.posts.partition_point(|post| post.id < id)
    }

    /// Of the posts that have a place in a list and are not there the one acknowledged first.
    fn missing(&self, list: &Showed) -> Option<Post<'a>> {
        let mut shown = list.posts.clone();
        shown.sort_by_key(|post| post.id());
        let oldest = shown.first().filter(|_| list.full);
        let mut from = oldest.map_or(0, |post| self.at(post.id()));
        let mut missing: Option<Post<'a>> = None;
        let mut note = |post: Option<Post<'a>>| {
            let first = missing.into_iter().chain(post).min_by_key(|post| post.since);
            missing = first;
        };
        for post in shown {
            note(self.earliest(from, self.at(post.id())));
            from = from.max(self.at(post.id()));
            // More than one has this number only if a fail-over lost the first of them.
            while let Some(known) = self.posts.get(from).filter(|known| known.id == post.id()) {
                let is_there = list.posts.iter().any(|post| is_same(list, *post, known));
                note((!is_there).then_some(*known));
                from += 1;
            }
        }
        note(self.earliest(from, self.posts.len()));
        missing
    }
}

/// Whether a post that is shown is this one and not another one under its number.
fn is_same(list: &Showed, shown: ShownPost, post: &Post<'_>) -> bool {
    shown.id() == post.id
        && match (list.key(shown), post.key) {
            (Some(shown), Some(key)) => shown == key,
            _ => true,
        }
}

#[cfg(test)]
mod tests;
