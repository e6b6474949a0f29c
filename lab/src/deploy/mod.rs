//! Releases of a service tier: one takes the place of another while users are served.
//!
//! Blue/green: tasks of the scaling group that are at rest are made anew with the new release (green)
//! and started beside those that serve (blue), with no share of the traffic. When they pass the load
//! balancers' health check, traffic is shifted in steps, and after each the answers of green are
//! watched. When something is wrong all traffic goes back to blue at once. When nothing is, the tier's
//! own tasks are made anew while green serves, and green goes to rest: a stage has the tasks that its
//! file names, all of the same release.
//!
//! [`order`] and [`watch`] decide and know no I/O. Nothing is remembered but in Docker: the release of
//! a task in its labels, the deploy in a marker ([`crate::engine::deploys`]).

mod balancers;
mod error;
pub mod order;
mod run;
mod settle;
mod site;
#[cfg(test)]
mod tests;
mod undo;
mod unmarked;
pub mod watch;

pub use error::DeployError;
pub use order::{Order, Refusal};
pub use run::{Deployment, Outcome};
pub use site::Site;
pub use undo::{recover_abandoned, undo};
pub use unmarked::recover_unmarked;
