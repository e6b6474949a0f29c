//! Open-model traffic of a workload, and the reading back of what it was promised.
//!
//! Requests are sent when the schedule wants them, whether or not earlier ones were answered, and
//! latency counts from that moment: a stalled service cannot slow down its own measurement.
//!
//! - [`crate::spec::workload::Plan`] is a pure function of a workload and a seed to operations.
//! - [`start`] sends them and reports every one as [`crate::journal::Op`].
//! - [`audit`] reads back which writes are there, and what must hold.
//! - [`classify`] says what an answer proves about a write.

mod address;
mod askers;
mod audit;
mod caches;
mod classify;
mod client;
mod clock;
mod connection;
mod effects;
mod flood;
mod handle;
mod invariants;
mod jar;
mod limits;
mod list;
mod look;
mod name;
mod pacer;
mod programs;
mod reader;
mod rehearsal;
mod repeat;
mod request;
mod runner;
mod site;
mod stats;
mod targets;
mod transport;
mod users;
mod visit;
mod wire;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use address::of_client;
pub use askers::{Askers, title};
pub use audit::{AuditRequest, ReadBack, audit};
pub use classify::{Answer, classify};
pub use clock::Clock;
pub use effects::EffectReader;
pub use flood::{Flood, FloodConfig};
pub use handle::{LoadConfig, LoadError, LoadHandle, OpSink, start, to_channel};
pub use limits::raise_open_files;
pub use look::{status, takes_connections};
pub use programs::{Opened, Programs, Said};
#[cfg(test)]
pub(crate) use reader::is_ours;
pub use rehearsal::{Found, Rehearsal, Rehearsed, is_sound};
pub use request::Call;
pub use site::Site;
pub use stats::{Live, Summary};
pub use transport::Transport;
