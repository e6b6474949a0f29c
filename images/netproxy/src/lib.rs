//! The lab's network proxy. Calls from tier to tier pass it so that a single edge can be made slow,
//! cut or reset. It speaks the HTTP API of Toxiproxy 2, so the official server can take its place.
//!
//! What a caller notices of the proxy itself, of this one and of Toxiproxy alike:
//!
//! - A connection is accepted before the upstream is tried. An upstream that refuses or is silent
//!   therefore shows as a connection that is closed without a byte, not as a refused connection;
//!   a caller's connect time-out covers the hop to the proxy only. Only a disabled proxy refuses.
//! - There are no half-closed connections: the end of one direction closes both.
//! - A reset by one peer reaches the other as an ordinary end. Only `reset_peer` sends resets.
//!
//! Where this server differs from Toxiproxy:
//!
//! - Connecting to the upstream ends after `--connect-timeout-ms` (there: after the kernel's
//!   minutes), and a slow connect does not hold up other callers (there: it does).
//! - `reset_peer` resets connections that were open before it was added (there: it closes those).
//! - `toxicity` is decided once per connection, direction and toxic, and again when that toxic is
//!   changed (there: also whenever its neighbour in the chain changes).
//! - A configuration that cannot be read or listened on ends the program (there: a line in the log).
//! - `/metrics` is always there; error bodies are labelled as the JSON that they are.
//! - A `listen` without a host means every IPv4 address (there: IPv6 as well).

mod accept;
mod address;
mod api;
mod collection;
mod connection;
mod direction;
mod error;
mod metrics;
mod pipeline;
mod proxy;
mod toxic;

pub use api::router;
pub use collection::{Collection, ProxyInput};
pub use error::ApiError;
