//! A name server that answers only what works, and the asking of it.
//!
//! PowerDNS serves the zone and asks the program beside it for every record (its remote backend). That
//! program checks the health of the targets with the semantics of Route 53 and decides by the record's
//! policy. [`answer`] and [`health`] decide and know no I/O; [`message`] is the wire format for who asks.

pub mod answer;
mod backend;
mod checker;
mod config;
mod error;
pub mod health;
pub mod message;
mod resolver;
mod run;
#[cfg(test)]
mod tests;
mod view;

pub use config::{CheckConfig, DnsConfig, DnsTarget, EntryName, NameServer};
pub use error::DnsError;
pub use resolver::{Resolved, Resolver};
pub use run::run;
pub use view::{TargetView, View};
