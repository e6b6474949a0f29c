//! A small shop with a forum behind caches, which says what reads of a scenario would have shown.

use std::collections::BTreeMap;

use crate::journal::{
    Caches, EdgeUse, Entry, Event, Listed, Micros, Op, OpKind, Outcome, ShopUse, Showed, ShownItem,
};
use crate::spec::model::Stage;
use crate::verify::{ExperimentFindings, RunFindings};

use super::{MS, judge, run};

/// Posts in a list, as in the shop.
const LATEST: usize = 20;

/// How reads are answered. Times are milliseconds; a cache that keeps things for 0 is none.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// How late the replica is that is read.
    pub lag: i64,
    /// How long the shop's cache keeps a list.
    pub shop_ttl: i64,
    /// How long the edge keeps an answer.
    pub edge_ttl: i64,
    /// When the edge has no origin, from the start of the experiment, and serves what it has.
    pub origin_down: (i64, i64),
    /// What is about to be written is put in the cache before the commit.
    pub caches_early: bool,
}

impl Shop {
    /// A good one: an edge that keeps answers for 2 s, a cache for 2 s, a replica 20 ms late.
    pub fn good() -> Self {
        let (lag, ttl) = (20, 2000);
        Self { lag, shop_ttl: ttl, edge_ttl: ttl, origin_down: (0, 0), caches_early: false }
    }

    /// The same without caches.
    pub fn uncached() -> Self {
        Self { shop_ttl: 0, edge_ttl: 0, ..Self::good() }
    }

    /// Fills in what the operations of one experiment wrote and showed.
    pub fn serve(self, mut entries: Vec<Entry>) -> Vec<Entry> {
        entries.iter_mut().for_each(rename);
        let start = entries.first().map_or(0, |e| e.at);
        let prefix = prefix(&entries);
        let mut forum = Service { shop: self, start, prefix, ..Service::default() };
        // Commits first: a read may be late by more than the time between two operations.
        each(&mut entries, |op| forum.write(op));
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|n| intended(&entries[*n]));
        for n in order {
            each(&mut entries[n..=n], |op| forum.read(op));
        }
        entries
    }
}

impl Default for Shop {
    fn default() -> Self {
        Self::good()
    }
}

/// Keys as the generator makes them: without zeros before the number.
fn rename(entry: &mut Entry) {
    let shorten = |key: &mut String| {
        if let Some((prefix, number)) = key.rsplit_once('-') {
            *key = format!("{prefix}-{}", number.parse::<u64>().unwrap());
        }
    };
    match &mut entry.event {
        Event::Op(op) => op.key.iter_mut().for_each(shorten),
        Event::AuditKeys { keys, .. } => keys.iter_mut().for_each(|(key, _)| shorten(key)),
        _ => {}
    }
}

/// What the keys of the experiment begin with, without the dash before the number.
fn prefix(entries: &[Entry]) -> String {
    let of = |entry: &Entry| match &entry.event {
        Event::ExperimentStarted { key_prefix, .. } => Some(key_prefix.clone()),
        _ => None,
    };
    entries.iter().find_map(of).unwrap().trim_end_matches('-').to_owned()
}

fn each(entries: &mut [Entry], mut change: impl FnMut(&mut Op)) {
    super::each_op(entries, &mut change);
}

fn intended(entry: &Entry) -> Micros {
    super::as_op(entry).map_or(entry.at, |op| op.intended)
}

/// A list and when it was read.
#[derive(Clone, Debug)]
struct Kept {
    at: Micros,
    list: Showed,
    caches: Caches,
}

#[derive(Default)]
struct Service {
    shop: Shop,
    start: Micros,
    prefix: String,
    /// When each post was there, and what it is.
    commits: Vec<(Micros, String, ShownItem)>,
    /// Posts that will never be committed, and when they were put in the cache.
    early: Vec<(Micros, String, ShownItem)>,
    in_shop: BTreeMap<String, Kept>,
    at_edge: BTreeMap<String, Kept>,
}

impl Service {
    /// Two topics take turns, so that each has reads and posts.
    fn topic(op: &Op) -> String {
        let turn = op.intended / (120 * MS) % 2;
        (if turn == 0 { "news" } else { "help" }).to_owned()
    }

    fn write(&mut self, op: &mut Op) {
        if op.kind != OpKind::POST {
            return;
        }
        let topic = Self::topic(op);
        let id = 1 + i64::try_from(self.commits.len() + self.early.len()).unwrap();
        let number = op.key.as_deref().and_then(|k| k.rsplit_once('-')).unwrap().1;
        let post = ShownItem::Own(id, number.parse().unwrap());
        if op.outcome == Outcome::Ok {
            self.commits.push((op.done - MS, topic.clone(), post));
            op.listed = Some(Listed::Wrote { list: topic, id });
        } else if self.shop.caches_early {
            self.early.push((op.intended, topic, post));
        }
    }

    fn read(&mut self, op: &mut Op) {
        if op.outcome != Outcome::Ok {
            return;
        }
        let is_cached = self.shop.edge_ttl > 0;
        match op.kind {
            OpKind::READ_FORUM => {
                let kept = self.ask_edge(op.intended, &Self::topic(op));
                op.listed = Some(Listed::Showed(kept.list));
                op.caches = Some(kept.caches).filter(|caches| !caches.is_empty());
            }
            OpKind::BROWSE | OpKind::PRODUCT if is_cached => {
                let (edge, shop) = (Some(EdgeUse::Hit), Some(ShopUse::Miss));
                op.caches = Some(Caches { edge, shop, age_ms: Some(3) });
            }
            _ => {}
        }
    }

    fn ask_edge(&mut self, now: Micros, topic: &str) -> Kept {
        if self.shop.edge_ttl == 0 {
            return self.ask_shop(now, topic);
        }
        let down =
            self.start + self.shop.origin_down.0 * MS..self.start + self.shop.origin_down.1 * MS;
        let kept = self.at_edge.get(topic).cloned();
        let (mut kept, how) = match kept {
            Some(kept) if now - kept.at < self.shop.edge_ttl * MS => (kept, EdgeUse::Hit),
            Some(kept) if down.contains(&now) => (kept, EdgeUse::Stale),
            _ => {
                let fetched = Kept { at: now, ..self.ask_shop(now, topic) };
                self.at_edge.insert(topic.to_owned(), fetched.clone());
                (fetched, EdgeUse::Miss)
            }
        };
        kept.caches.edge = Some(how);
        kept
    }

    fn ask_shop(&mut self, now: Micros, topic: &str) -> Kept {
        let (ttl, early) = (self.shop.shop_ttl * MS, self.early(now, topic));
        let kept = self.in_shop.get(topic).cloned().filter(|kept| now - kept.at < ttl);
        let (mut kept, how) = match kept {
            Some(kept) => (kept, ShopUse::Hit),
            None => (self.load(now, topic), ShopUse::Miss),
        };
        if ttl > 0 {
            self.in_shop.insert(topic.to_owned(), kept.clone());
        }
        // They were put into what was kept, and go when that goes.
        let early = early.into_iter().filter(|(at, _)| now - at < ttl).map(|(_, post)| post);
        kept.list.items.splice(0..0, early);
        if ttl == 0 {
            return kept;
        }
        let age_ms = u64::try_from((now - kept.at) / MS).ok();
        kept.caches = Caches { edge: None, shop: Some(how), age_ms };
        kept
    }

    fn early(&self, now: Micros, of: &str) -> Vec<(Micros, ShownItem)> {
        let early = self.early.iter().filter(|(at, topic, _)| *at <= now && topic == of);
        early.map(|(at, _, post)| (*at, *post)).collect()
    }

    fn load(&self, now: Micros, of: &str) -> Kept {
        let there = |at: &Micros| *at <= now - self.shop.lag * MS;
        let posts = self.commits.iter().rev().filter(|(at, topic, _)| there(at) && topic == of);
        let posts: Vec<ShownItem> = posts.map(|(_, _, post)| *post).take(LATEST).collect();
        let (full, prefix) = (posts.len() == LATEST, self.prefix.clone());
        let list = Showed { list: of.to_owned(), full, prefix, items: posts };
        Kept { at: now, list, caches: Caches::default() }
    }
}

/// Judges a run of one experiment in this stage.
pub fn judge_in(stage: Stage, entries: Vec<Entry>) -> ExperimentFindings {
    judge_run(stage, [entries]).experiments.remove(0)
}

/// Judges a run in this stage.
pub fn judge_run(stage: Stage, experiments: impl IntoIterator<Item = Vec<Entry>>) -> RunFindings {
    judge(&run_in(stage, experiments)).unwrap()
}

/// A whole run in this stage.
pub fn run_in(stage: Stage, experiments: impl IntoIterator<Item = Vec<Entry>>) -> Vec<Entry> {
    let mut entries = run(experiments);
    if let Event::RunStarted(head) = &mut entries[0].event {
        *head.stage = stage;
    }
    entries
}
