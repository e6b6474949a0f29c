//! What the machine has to have.

use super::Check;
use crate::spec::machine::Machine;
use crate::spec::model::{Capacity, Kind, Postgres, Size};
use crate::spec::path::Path;

impl Check<'_> {
    /// The sizes of all tiers.
    pub(super) fn machine(&mut self, machine: &Machine) {
        for (name, tier) in self.known_tiers() {
            let path = Path::of(["tiers", name]);
            if let Some(size) = &tier.size {
                self.size(&path.key("size"), name, size, machine);
            }
            if let Kind::Postgres(Postgres { capacity: Some(capacity), .. }) = &tier.kind {
                self.least(&path.key("capacity").key("min"), name, capacity, machine);
            }
        }
    }

    fn size(&mut self, path: &Path, name: &str, size: &Size, machine: &Machine) {
        if size.cpus > f64::from(machine.cpus) {
            let message = format!(
                "each node of tier `{name}` is to have {}, and this machine has {}",
                processors(size.cpus),
                machine.cpus
            );
            let problem = self.at_value(&path.key("cpus"), message).found(&size.cpus.to_string());
            self.report(problem.allowed(format!("at most {} on this machine", machine.cpus)));
        }
        let has = machine.memory_bytes >> 20;
        if size.memory_mib > has {
            let message = format!(
                "each node of tier `{name}` is to have {} MiB of memory, and this machine has {has}",
                size.memory_mib
            );
            let problem = self.at_value(&path.key("memory_mib"), message);
            let problem = problem.found(&size.memory_mib.to_string());
            self.report(problem.allowed(format!("at most {has} on this machine")));
        }
    }

    /// A database with capacity units begins with its fewest.
    fn least(&mut self, path: &Path, name: &str, capacity: &Capacity, machine: &Machine) {
        let halves = capacity.min.halves();
        let cpus = capacity.nano_cpus(halves) as f64 / 1e9;
        let memory = u64::try_from(capacity.memory_bytes(halves)).unwrap_or(0) >> 20;
        let has = machine.memory_bytes >> 20;
        if cpus <= f64::from(machine.cpus) && memory <= has {
            return;
        }
        let message = format!(
            "the smallest capacity of tier `{name}` is {} and {memory} MiB of memory, and this \
             machine has {} and {has} MiB",
            processors(cpus),
            machine.cpus
        );
        let found = f64::from(halves) / 2.0;
        let problem = self.at_value(path, message).found(&found.to_string());
        self.report(problem.allowed("fewer units, or smaller ones"));
    }
}

fn processors(cpus: f64) -> String {
    if cpus == 1.0 { "1 processor".into() } else { format!("{cpus} processors") }
}
