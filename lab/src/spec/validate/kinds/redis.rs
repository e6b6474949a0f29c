//! What a cache demands.

use crate::spec::model::Redis;
use crate::spec::path::Path;
use crate::spec::validate::{Check, Point};

impl Check<'_> {
    /// A majority of the Sentinels must be able to agree, also without one of them.
    pub(super) fn redis(&mut self, path: &Path, name: &str, kind: &Redis) {
        let path = path.key("sentinels");
        for zone in kind.sentinels.keys() {
            self.zone_named(&path.key(zone), zone, Point::Key);
        }
        let count: u32 = kind.sentinels.values().map(|n| u32::from(*n)).sum();
        let message = match count {
            0 => return,
            1 => format!("tier `{name}` has 1 Sentinel: without it nobody would fail over"),
            n if n % 2 == 0 => format!(
                "tier `{name}` has {n} Sentinels, an even number: they agree on a new primary \
                 after no more losses than {} would",
                n - 1
            ),
            _ => return,
        };
        let problem = self.at_key(&path, message).found(&count.to_string());
        self.report(problem.allowed("an odd number of Sentinels: 3, 5"));
    }
}
