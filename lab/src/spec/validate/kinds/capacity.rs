//! What capacity units demand.

use crate::spec::model::{Capacity, Tier};
use crate::spec::path::Path;
use crate::spec::validate::Check;
use crate::spec::validate::memory::CLUSTERED;

/// What Docker gives a container at least, in billionths of a core.
const LEAST_NANO_CPUS: i64 = 10_000_000;

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
        if least < CLUSTERED {
            let message =
                format!("the smallest capacity of tier `{name}` is {least} MiB of memory");
            let problem = self.at_value(&path.key("min"), message).found(&least.to_string());
            let allowed = format!("at least {CLUSTERED} MiB: `min` times `memory_mib_per_unit`");
            self.report(problem.allowed(allowed));
        }
        let cpus = capacity.nano_cpus(min.halves());
        if min.is_step() && cpus < LEAST_NANO_CPUS {
            let message = format!(
                "the smallest capacity of tier `{name}` is {} of a core",
                cpus as f64 / 1e9
            );
            let problem = self.at_value(&path.key("min"), message).found(&cpus.to_string());
            self.report(problem.allowed("at least 0.01: `min` times `milli_cpus_per_unit`"));
        }
        if tier.size.is_some() {
            let message = format!("tier `{name}` has a `size` and a `capacity`");
            let problem = self.at_key(&path, message).found("both");
            self.report(problem.allowed("one of them"));
        }
    }
}
