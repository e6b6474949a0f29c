//! Open-model traffic against the demo shop, and the reading back of what it was promised.
//!
//! Requests are sent when the schedule wants them, whether or not earlier ones were answered, and
//! latency counts from that moment: a stalled service cannot slow down its own measurement.
//!
//! - [`Plan`] is a pure function of a seed to arrivals.
//! - [`start`] sends them and reports every operation as [`crate::journal::Op`].
//! - [`audit`] reads back which writes are there.
//! - [`classify`] says what an answer proves about a write.

mod address;
mod audit;
mod caches;
mod classify;
mod client;
mod clock;
mod connection;
mod effects;
mod flood;
mod forum;
mod handle;
mod limits;
mod name;
mod pacer;
mod position;
mod repeat;
mod request;
mod runner;
mod schedule;
mod sessions;
mod stats;
mod targets;
mod visit;
mod wire;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use address::of_client;
#[cfg(test)]
pub(crate) use audit::is_ours;
pub use audit::{AuditRequest, audit};
pub use classify::{Answer, Effect, classify};
pub use clock::Clock;
pub use effects::EffectReader;
pub use flood::{Flood, FloodConfig};
pub use handle::{LoadConfig, LoadError, LoadHandle, OpSink, start, to_channel};
pub use limits::raise_open_files;
pub use schedule::{Action, Arrival, Plan, Schedule};
pub use stats::{Live, Summary};
