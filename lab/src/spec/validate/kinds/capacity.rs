//! What capacity units demand.

use crate::spec::model::{Capacity, Tier};
use crate::spec::path::Path;
use crate::spec::validate::Check;

/// What PostgreSQL needs with the settings that every node has: shared buffers of 64 MiB, and as much
/// again for its processes and what stands beside it.
const LEAST_MIB: u64 = 160;

impl Check<'_> {
    /// Steps of half a unit, a maximum that is one, and memory in which PostgreSQL runs.
    pub(super) fn capacity(&mut self, path: &Path, name: &str, tier: &Tier, capacity: &Capacity) {
        let (min, max) = (capacity.min, capacity.max);
        let path = path.key("capacity");
        if min > max {
            let message = format!("tier `{name}` has a `max` that is less than its `min`");
            let problem = self.at_value(&path.key("max"), message).found("less");
            self.report(problem.allowed("at least as many units as `min`"));
        }
        for (field, units) in [("min", min), ("max", max)] {
            if !units.is_step() {
                let message = format!("`{field}` is between two steps");
                let problem = self.at_value(&path.key(field), message).found("a fraction");
                self.report(problem.allowed("from 0.5 to 128 in steps of 0.5"));
            }
        }
        let least = u64::from(capacity.memory_mib_per_unit) * u64::from(min.halves()) / 2;
        if least < LEAST_MIB {
            let message =
                format!("the smallest capacity of tier `{name}` is {least} MiB of memory");
            let problem = self.at_value(&path.key("min"), message).found(&least.to_string());
            let allowed = format!("at least {LEAST_MIB} MiB: `min` times `memory_mib_per_unit`");
            self.report(problem.allowed(allowed));
        }
        if tier.size.is_some() {
            let message = format!("tier `{name}` has a `size` and a `capacity`");
            let problem = self.at_key(&path, message).found("both");
            self.report(problem.allowed("one of them"));
        }
    }
}
