//! What a stage asks of the machine that it is to run on.

use super::draft::Draft;
use super::error::SpecErrors;
use super::load::Source;
use super::model::{Capacity, Kind, Name, Postgres, Stage};
use super::{tree, validate};

/// What the engine has for all containers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

impl Machine {
    /// How far a database can grow here, in half units; never below its `min`.
    pub fn most_halves(&self, capacity: &Capacity) -> u16 {
        let fits = |halves: &u16| {
            capacity.nano_cpus(*halves) <= i64::from(self.cpus) * 1_000_000_000
                && u64::try_from(capacity.memory_bytes(*halves)).unwrap_or(0) <= self.memory_bytes
        };
        let (min, max) = (capacity.min.halves(), capacity.max.halves());
        (min..=max).rev().find(fits).unwrap_or(min)
    }
}

/// What is said of a node that had too little memory, after its name; without a limit it was the
/// machine that had no more.
pub fn starved(limit_mib: Option<u64>) -> String {
    match limit_mib {
        Some(limit) => format!("was killed for want of memory (limit {limit} MiB)"),
        None => "was killed for want of memory (of the machine: it has no limit)".to_owned(),
    }
}

/// A database whose `max` is more than the machine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cramped {
    /// The tier.
    pub tier: Name,
    /// How far it can grow here, in half units.
    pub most: u16,
    /// What its `max` says, in half units.
    pub max: u16,
}

/// The databases that cannot grow to their `max` on this machine.
pub fn cramped(stage: &Stage, machine: &Machine) -> Vec<Cramped> {
    let of = |(tier, kind): (&Name, &Kind)| {
        let Kind::Postgres(Postgres { capacity: Some(capacity), .. }) = kind else { return None };
        let (most, max) = (machine.most_halves(capacity), capacity.max.halves());
        (most < max).then(|| Cramped { tier: tier.clone(), most, max })
    };
    stage.tiers.iter().filter_map(|(name, tier)| of((name, &tier.kind))).collect()
}

/// Whether every node of a valid stage can be started on a machine: Docker refuses a container that is
/// to have more processors than there are, and it would do so in the middle of everything.
///
/// # Errors
/// Every size that is more than the machine has, where it stands in the file.
pub fn fits(source: &Source, stage: &Stage, machine: &Machine) -> Result<(), SpecErrors> {
    // A stage has come from the text, so it can be read again.
    let Ok(root) = tree::read(source.text()) else { return Ok(()) };
    let problems = validate::check_machine(&Draft::from(stage), &root, machine);
    if problems.is_empty() { Ok(()) } else { Err(SpecErrors::new(source.file(), problems)) }
}
