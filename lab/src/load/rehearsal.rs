//! Sends each operation of a workload once, and looks for what it promised: what a workload means is seen
//! before it is believed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::classify::classify;
use super::client::Client;
use super::invariants;
use super::reader::{ReadBack, Reader};
use super::site::Site;
use super::users::Users;
use super::visit::{self, Noted, Visit};
use crate::journal::{Event, Listed, Outcome, Stands};
use crate::spec::workload::{Operation, Plan, Planned, Promise, Workload};

/// Pause between two looks for what may come later.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long is waited for what a promise says no time of.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of one operation.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// Its name, and for a register whether it was written or read.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Status, or why there is none.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
    /// What was promised, by name, and what was found.
    pub promises: Vec<(String, Found)>,
}

/// Whether a promise was found to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was; in words.
    Kept(String),
    /// It was not; in words.
    NotKept(String),
    /// Nobody could say, and why.
    Unread(String),
}

/// Sends each operation once and returns what came of all, and of the invariants.
pub struct Rehearsal<'a> {
    /// Who is asked.
    pub site: &'a Site,
    /// What is sent.
    pub workload: &'a Arc<Workload>,
    /// What the keys of its writes begin with; never used before.
    pub prefix: &'a str,
    /// All values follow from it.
    pub seed: u64,
    /// How long each answer is waited for.
    pub timeout: Duration,
}

impl Rehearsal<'_> {
    /// Carries it out.
    pub async fn run(&self) -> (Vec<Rehearsed>, Vec<(String, Found)>) {
        let plan = Plan {
            workload: Arc::clone(self.workload),
            seed: self.seed,
            rate_per_s: 1,
            duration: None,
            ramp: Duration::ZERO,
            key_prefix: self.prefix.to_owned(),
        };
        let client = Client::new(self.site);
        let users = Users::new(Arc::clone(self.workload), 1, self.prefix);
        let reader = Reader::new(self.site, self.workload, self.prefix, self.timeout);
        let mut all = Vec::new();
        let mut number = 0;
        for (index, (name, operation)) in self.workload.operations.iter().enumerate() {
            for (kind, reads) in operation.kinds(name) {
                let reads = reads && operation.register.is_some();
                let (offset, keyed) = (Duration::ZERO, None);
                let planned = Planned { offset, number, operation: index, reads, keyed };
                number += 1;
                let begun = Instant::now();
                let deadline = begun + self.timeout;
                let (client, users, plan) = (&client, &users, &plan);
                let visit = Visit { client, users, plan, planned: &planned, deadline, anew: false };
                let (answer, noted) = visit.perform().await;
                let is_write = visit::is_write(plan, &planned);
                let (outcome, detail) = classify(is_write, &answer);
                let took = begun.elapsed();
                let mut promises = Vec::new();
                if outcome == Outcome::Ok && is_write {
                    let key = plan.key(planned.number);
                    promises = self.promises(&reader, &visit, operation, (&key, &noted)).await;
                }
                all.push(Rehearsed { name: kind, outcome, detail, took, promises });
            }
        }
        (all, self.invariants(&reader).await)
    }

    async fn promises(
        &self,
        reader: &Reader,
        visit: &Visit<'_>,
        operation: &Operation,
        (key, noted): (&str, &Noted),
    ) -> Vec<(String, Found)> {
        let write = ReadBack {
            kind: visit::kind(visit.plan, visit.planned),
            key: key.to_owned(),
            outcome: Outcome::Ok,
            values: noted.values.clone(),
        };
        let mut found = Vec::new();
        for promise in &operation.promise {
            let anonymous = promise.anonymous || operation.anonymous;
            let limit = promise.within_ms.map_or(PATIENCE, Duration::from_millis);
            let begun = Instant::now();
            let kept = loop {
                let kept = match promise.listed {
                    Some(_) => self.listed(visit, promise, (key, noted)).await,
                    None => there(reader, promise, &write, anonymous).await,
                };
                if matches!(kept, Found::Kept(_)) || begun.elapsed() >= limit {
                    break kept;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            };
            found.push((promise.title().to_owned(), kept));
        }
        found
    }

    /// Whether the list that a write was put into shows it.
    async fn listed(
        &self,
        visit: &Visit<'_>,
        promise: &Promise,
        (key, noted): (&str, &Noted),
    ) -> Found {
        let Some(Listed::Wrote { list, .. }) = &noted.listed else {
            return Found::Unread("the answer does not say where it was put (`order`)".into());
        };
        match visit.look_at(list.clone(), promise).await {
            Err(why) => Found::Unread(why),
            Ok(None) => Found::Unread(format!("GET {list}: no list at `items` in the answer")),
            Ok(Some(shown)) => {
                let mut keys = shown.items.iter().filter_map(|item| shown.key(*item));
                match keys.any(|shown| shown == key) {
                    true => Found::Kept(format!("in GET {list}")),
                    false => Found::NotKept(format!("GET {list} does not show {key}")),
                }
            }
        }
    }

    async fn invariants(&self, reader: &Reader) -> Vec<(String, Found)> {
        if self.workload.invariants.is_empty() {
            return Vec::new();
        }
        let Event::AuditInvariants { invariants } = invariants::read(reader, self.workload).await
        else {
            return Vec::new();
        };
        let found = invariants.into_iter().map(|read| {
            let found = match read.stands {
                Stands::Holds => Found::Kept("holds".to_owned()),
                Stands::Broken => Found::NotKept(read.says),
                Stands::Unmet => Found::Unread(format!("says nothing yet: {}", read.says)),
                Stands::Unread => Found::Unread(read.says),
            };
            (read.name, found)
        });
        found.collect()
    }
}

/// Whether a write is there, as often as it was sent.
async fn there(reader: &Reader, promise: &Promise, write: &ReadBack, anonymous: bool) -> Found {
    let found = match &promise.pages {
        Some(pages) => {
            let mut effects = None;
            let keep = |keys: Vec<(String, u32)>| {
                effects = keys.into_iter().find(|(key, _)| *key == write.key).or(effects.take());
            };
            let read = reader.pages((pages, &pages.get), anonymous, keep).await;
            read.map(|()| Some(effects.map_or(0, |(_, n)| n)))
        }
        None => {
            let read = reader.each(promise, std::slice::from_ref(write), anonymous).await;
            read.map(|found| found.get(&write.key).copied())
        }
    };
    match found {
        Ok(Some(1)) => Found::Kept("found".to_owned()),
        Ok(Some(0)) => Found::NotKept("not found".to_owned()),
        Ok(Some(n)) => Found::NotKept(format!("found {n} times")),
        Ok(None) => {
            Found::Unread("a variable of the request that reads it back has no value".into())
        }
        Err(why) => Found::Unread(why),
    }
}

/// The worst of all: whether everything was answered and kept.
pub fn is_sound(operations: &[Rehearsed], invariants: &[(String, Found)]) -> bool {
    let is_kept = |found: &Found| matches!(found, Found::Kept(_));
    operations
        .iter()
        .all(|o| o.outcome == Outcome::Ok && o.promises.iter().all(|(_, found)| is_kept(found)))
        && invariants.iter().all(|(_, found)| is_kept(found))
}
