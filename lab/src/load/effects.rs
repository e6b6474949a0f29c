//! Reading back what followed from writes after they were acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::reader::{ReadBack, Reader};
use super::site::Site;
use crate::journal::{Effect, Event, OpKind};
use crate::spec::workload::{Promise, Workload};

/// Reads one sort of effect through the front door, as often as it is asked to.
pub struct EffectReader {
    reader: Reader,
    /// The operation whose writes it follows from.
    pub kind: OpKind,
    /// What it is called.
    pub effect: Effect,
    /// What was promised of it.
    pub promise: Promise,
    anonymous: bool,
}

impl EffectReader {
    /// One for each effect that the workload promises; a read that fails is tried again for so long.
    pub fn all(
        site: &Site,
        workload: &Arc<Workload>,
        prefix: &str,
        patience: Duration,
    ) -> Vec<Self> {
        let operations = workload.operations.iter();
        let promised = operations.flat_map(|(name, o)| o.effects().map(move |p| (name, o, p)));
        promised
            .map(|(name, operation, promise)| Self {
                reader: Reader::new(site, workload, prefix, patience),
                kind: OpKind::new(name),
                effect: Effect::new(promise.title()),
                promise: promise.clone(),
                anonymous: promise.anonymous || operation.anonymous,
            })
            .collect()
    }

    /// Key of each write of which something is known, and its number of effects.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn read(&self, writes: &[ReadBack]) -> Result<BTreeMap<String, u32>, String> {
        let Some(pages) = &self.promise.pages else {
            return self.reader.each(&self.promise, writes, self.anonymous).await;
        };
        let mut all = BTreeMap::new();
        self.reader.pages((pages, &pages.get), self.anonymous, |keys| all.extend(keys)).await?;
        Ok(all)
    }

    /// How often what leads to it came once more; nothing where nobody counts that.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn again(&self) -> Result<Option<BTreeMap<String, u32>>, String> {
        let Some((pages, again)) =
            self.promise.pages.as_ref().and_then(|pages| Some((pages, pages.again.as_ref()?)))
        else {
            return Ok(None);
        };
        let mut all = BTreeMap::new();
        self.reader.pages((pages, again), self.anonymous, |keys| all.extend(keys)).await?;
        Ok(Some(all))
    }

    /// What was read, as the journal keeps it.
    pub fn events(effect: Effect, found: BTreeMap<String, u32>, waited: Duration) -> Vec<Event> {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        vec![
            Event::AuditEffects { effect, keys: found.into_iter().collect() },
            Event::AuditEffectsEnd { effect, waited_ms },
        ]
    }
}
