//! What is broken on purpose, and what must hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_MS, ObjectivesOverride, TimedFault};
use crate::spec::short;

/// A fault, or a timed list of them, and what must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = short::experiment_schema)]
pub struct Experiment {
    /// The faults, each with its own start. `fault:` with one entry is the short form of a list of
    /// one; an entry that needs no parameters may be its bare name.
    #[serde(alias = "fault", deserialize_with = "short::faults")]
    #[schemars(length(min = 1))]
    pub faults: Vec<TimedFault>,
    /// `survives`, or `breaks` for a negative control.
    pub expect: Expectation,
    /// For a negative control: which promise breaks, and why that is worth knowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long traffic goes on after the last heal, in milliseconds.
    #[serde(default = "settle")]
    #[schemars(range(max = LONGEST_MS))]
    pub settle_ms: u64,
    /// Objectives that differ from the stage's.
    #[serde(default)]
    pub objectives: ObjectivesOverride,
}

/// What an experiment must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Every objective and invariant holds.
    Survives,
    /// At least one objective or invariant is violated; a survival is red.
    Breaks,
}

fn settle() -> u64 {
    3000
}
