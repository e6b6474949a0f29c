//! From a journal to verdicts. Pure and synchronous: no I/O, no clock, no randomness.
//!
//! [`judge`] cuts the journal into experiments, runs every check of [`checks`] on each and combines
//! the findings into one of three verdicts. A promise is only said to be kept when there is
//! evidence for it: zero samples, an unconfirmed fault, an unhealthy lab before the fault or a
//! final read that did not work are all *inconclusive*, never green.
//!
//! Where to look: [`split`] and [`history`] read the journal, [`recovery`] defines RTO, `by_hand` says
//! for how long an outage belongs to faults injected by hand, [`writes`]
//! says which writes were lost, [`lists`] how old the states were that were shown, [`lifetimes`] how
//! long caches may keep them, [`checks`] holds one file per guarantee, and [`verdict`] combines.

mod by_hand;
mod check;
pub mod checks;
pub mod findings;
pub mod history;
mod judge;
pub mod kinds;
pub mod lifetimes;
pub mod lists;
pub mod measure;
pub mod memory;
pub mod objectives;
pub mod recovery;
pub mod split;
pub mod stalls;
pub mod verdict;
pub mod writes;

#[cfg(test)]
mod faulty;
#[cfg(test)]
pub mod testing;

pub use findings::{
    Check, EarlierTry, ExperimentFindings, FaultFinding, Finding, Measured, OpCounts, Part,
    RunFindings, Standing, Verdict,
};
pub use judge::{Case, judge};
pub use split::{JudgeError, ended, histories};

/// Name of the pseudo experiment that holds the canary's history and manual chaos since `lab up`.
pub const SINCE_UP: &str = "since-up";
