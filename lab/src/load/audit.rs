//! Reading back, after all faults are healed, what a system was made to promise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::invariants;
use super::reader::Reader;
use super::site::Site;
use crate::journal::{Event, OpKind, Outcome};
use crate::spec::workload::{Operation, Promise, Workload};

pub use super::reader::ReadBack;

/// Pause between two looks for what may come later.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is read back from whom.
#[derive(Clone, Debug)]
pub struct AuditRequest<'a> {
    /// The entry tier, or the application's own tasks.
    pub site: &'a Site,
    /// What was promised.
    pub workload: &'a Arc<Workload>,
    /// The prefix that the traffic's keys had, as in [`crate::spec::workload::Plan::key_prefix`].
    pub prefix: &'a str,
    /// What was written, for promises that are read back one by one.
    pub writes: &'a [ReadBack],
    /// How long a read that fails is tried again, each page of its own.
    pub patience: Duration,
}

/// Reads back the writes of every operation that promises something, and the invariants.
///
/// Returns journal events: per operation chunks of [`Event::AuditKeys`] and then
/// [`Event::AuditKeysEnd`], and one [`Event::AuditInvariants`]; or [`Event::AuditFailed`] in the place
/// of what could not be read completely.
pub async fn audit(request: &AuditRequest<'_>) -> Vec<Event> {
    let AuditRequest { site, workload, prefix, writes, patience } = *request;
    let reader = Reader::new(site, workload, prefix, patience);
    let mut events = Vec::new();
    for (name, operation) in &workload.operations {
        let Some(promise) = operation.kept() else { continue };
        let kind = OpKind::new(name);
        let of_kind: Vec<ReadBack> = writes.iter().filter(|w| w.kind == kind).cloned().collect();
        events.extend(kept(&reader, kind, (operation, promise), &of_kind).await);
    }
    if !workload.invariants.is_empty() {
        events.push(invariants::read(&reader, workload).await);
    }
    events
}

async fn kept(
    reader: &Reader,
    kind: OpKind,
    (operation, promise): (&Operation, &Promise),
    writes: &[ReadBack],
) -> Vec<Event> {
    let limit = Instant::now() + Duration::from_millis(promise.within_ms.unwrap_or(0));
    let anonymous = promise.anonymous || operation.anonymous;
    loop {
        let mut events = Vec::new();
        let read = match &promise.pages {
            Some(pages) => {
                let keep = |keys| events.push(Event::AuditKeys { kind, keys });
                reader.pages((pages, &pages.get), anonymous, keep).await
            }
            None => reader.each(promise, writes, anonymous).await.map(|found| {
                let keys: Vec<(String, u32)> = found.into_iter().collect();
                if !keys.is_empty() {
                    events.push(Event::AuditKeys { kind, keys });
                }
            }),
        };
        match read {
            Ok(()) if is_missing(writes, &events) && Instant::now() < limit => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(()) => {
                events.push(Event::AuditKeysEnd { kind });
                return events;
            }
            Err(reason) => {
                events.push(Event::AuditFailed { what: kind.as_str().to_owned(), reason });
                return events;
            }
        }
    }
}

/// Whether an acknowledged write was not found (yet).
fn is_missing(writes: &[ReadBack], events: &[Event]) -> bool {
    let found: std::collections::BTreeSet<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::AuditKeys { keys, .. } => Some(keys),
            _ => None,
        })
        .flatten()
        .filter(|(_, effects)| *effects > 0)
        .map(|(key, _)| key.as_str())
        .collect();
    let mut acknowledged = writes.iter().filter(|write| write.outcome == Outcome::Ok);
    acknowledged.any(|write| !found.contains(write.key.as_str()))
}
