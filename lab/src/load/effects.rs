//! Reading back, page by page, what followed from writes after they were acknowledged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::audit::Reader;
use super::client::Client;
use crate::journal::{Effect, Event};

/// Reads effects through the front door, as often as it is asked to.
pub struct EffectReader {
    reader: Reader,
    effect: Effect,
    prefix: String,
}

impl EffectReader {
    /// Reads of the effects of writes whose keys have this prefix, as in [`super::Plan::key_prefix`];
    /// a read that fails is tried again for so long.
    pub fn new(targets: &[SocketAddr], prefix: &str, effect: Effect, patience: Duration) -> Self {
        let reader = Reader { client: Client::new(targets), patience };
        Self { reader, effect, prefix: prefix.to_owned() }
    }

    /// Key of each write of which something is known, and its number of effects.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn read(&self) -> Result<BTreeMap<String, u32>, String> {
        let path = format!("/audit/effects?kind={}", self.effect.as_str());
        let mut all = BTreeMap::new();
        self.reader.keys(&path, &self.prefix, |keys| all.extend(keys)).await?;
        Ok(all)
    }

    /// What was read, as the journal keeps it.
    pub fn events(&self, found: BTreeMap<String, u32>, waited: Duration) -> Vec<Event> {
        let effect = self.effect;
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        vec![
            Event::AuditEffects { effect, keys: found.into_iter().collect() },
            Event::AuditEffectsEnd { effect, waited_ms },
        ]
    }
}
