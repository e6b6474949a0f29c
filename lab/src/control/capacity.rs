//! Capacity units: gives databases more processors and memory while they run, and takes them back.

mod policy;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Shared;
use super::metrics::CAPACITY_UNITS;
use crate::engine::{EngineError, Usage};
use crate::journal::ControlEvent;
use crate::plan::main_name;
use crate::spec::machine::Machine;
use crate::spec::model::{Capacity, Name};
use policy::{Change, Memory, Policy, Use};

/// Time between two looks at what the nodes use.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A database tier with capacity units, as the control plane is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizedDatabase {
    /// The tier.
    pub tier: Name,
    /// How far it may grow, and what a unit is.
    pub capacity: Capacity,
    /// By what waiting times are divided.
    pub time_scale: f64,
    /// Nodes that have the same size: the one that writes with those that may take its place, then each
    /// read replica by itself.
    pub groups: Vec<Vec<Name>>,
}

/// What is remembered of one group. All of it can be lost: the size stands in the containers.
#[derive(Default)]
struct Group {
    nodes: Vec<Name>,
    memory: Memory,
    last: BTreeMap<Name, (Instant, u64)>,
}

/// Looks after the databases of one tier until the process ends.
pub async fn run(shared: Shared, database: SizedDatabase) {
    let machine = machine(&shared).await;
    let policy = Policy::new(&database.capacity, database.time_scale, &machine);
    let group = |nodes: &Vec<Name>| Group { nodes: nodes.clone(), ..Group::default() };
    let mut groups: Vec<Group> = database.groups.iter().map(group).collect();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let began = Instant::now();
    loop {
        looks.tick().await;
        for (number, group) in groups.iter_mut().enumerate() {
            let now = began.elapsed();
            match look(&shared, &database, &policy, group, now).await {
                // The first group is the one that writes: its size is what the tier is said to have.
                Ok(Some(size)) if number == 0 => {
                    let units = f64::from(size) / 2.0;
                    shared.gauges.set(CAPACITY_UNITS, &database.tier, units);
                }
                Ok(_) => {}
                Err(e) => {
                    let tier = &database.tier;
                    tracing::warn!(tier, error = %e, "cannot look after the capacity");
                }
            }
        }
    }
}

/// What there is to grow into. It does not change, so it is asked for until it is known, and no more.
async fn machine(shared: &Shared) -> Machine {
    loop {
        match shared.engine.machine().await {
            Ok(machine) => return machine,
            Err(e) => tracing::warn!(error = %e, "the machine's size is not known"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// One look at a group; returns its size in half units, when any of its nodes runs.
async fn look(
    shared: &Shared,
    database: &SizedDatabase,
    policy: &Policy,
    group: &mut Group,
    now: Duration,
) -> Result<Option<u16>, EngineError> {
    let mut most: Option<(u16, Use)> = None;
    for node in group.nodes.clone() {
        let container = main_name(&shared.config.lab, &node);
        let Some(usage) = shared.engine.usage(&container).await? else {
            group.last.remove(&node);
            continue;
        };
        let size = size_of(&database.capacity, &usage);
        let Some(of_node) = group.share(&node, &usage) else { continue };
        most = Some(match most {
            None => (size, of_node),
            Some((other, so_far)) => (size.max(other), so_far.max(of_node)),
        });
    }
    let Some((size, usage)) = most else { return Ok(None) };
    let Some(Change { to, why }) = policy.decide(&mut group.memory, now, size, usage) else {
        return Ok(Some(size));
    };
    for node in &group.nodes {
        let container = main_name(&shared.config.lab, node);
        let (cpus, memory) = (database.capacity.nano_cpus(to), database.capacity.memory_bytes(to));
        shared.engine.resize(&container, cpus, memory).await?;
    }
    shared.note(ControlEvent::Resized {
        nodes: group.nodes.clone(),
        from_half_units: size,
        to_half_units: to,
        why,
    });
    Ok(Some(to))
}

/// The size that a container has, in half units.
fn size_of(capacity: &Capacity, usage: &Usage) -> u16 {
    let one = capacity.nano_cpus(1).max(1);
    u16::try_from(usage.nano_cpus / one).unwrap_or(u16::MAX).max(1)
}

impl Group {
    /// What a node uses of what it has; nothing before the second look.
    fn share(&mut self, node: &str, usage: &Usage) -> Option<Use> {
        let now = Instant::now();
        let (at, before) = self.last.insert(node.to_owned(), (now, usage.cpu_ns))?;
        let passed = now.duration_since(at).as_nanos() as f64;
        // A container that was started again counts from 0.
        let used = usage.cpu_ns.checked_sub(before)? as f64;
        let has = passed * usage.nano_cpus as f64 / 1e9;
        let memory = usage.memory_bytes as f64 / (usage.memory_limit.max(1)) as f64;
        (has > 0.0).then(|| Use { cpu: used / has, memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_stands_in_the_container() {
        let text = r#"{"min": 0.5, "max": 4, "milli_cpus_per_unit": 500}"#;
        let capacity: Capacity = serde_json::from_str(text).unwrap();
        for halves in [1, 2, 5, 8] {
            let usage = Usage { nano_cpus: capacity.nano_cpus(halves), ..Usage::default() };
            assert_eq!(size_of(&capacity, &usage), halves);
        }
        assert_eq!(capacity.nano_cpus(2), 500_000_000);
        assert_eq!(capacity.memory_bytes(2), 192 << 20);
    }

    #[test]
    fn a_share_is_of_what_the_node_has_and_a_restart_is_no_use() {
        let mut group = Group::default();
        let usage =
            |cpu_ns| Usage { nano_cpus: 500_000_000, memory_limit: 400, memory_bytes: 100, cpu_ns };
        assert_eq!(group.share("db-a1", &usage(1_000)), None);
        let past = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        group.last.insert("db-a1".into(), (past, 0));
        // 2.5 s of processor time in 10 s, of half a processor.
        let share = group.share("db-a1", &usage(2_500_000_000)).unwrap();
        assert!((share.cpu - 0.5).abs() < 0.01 && share.memory == 0.25, "{share:?}");
        assert_eq!(group.share("db-a1", &usage(5)), None);
    }
}
