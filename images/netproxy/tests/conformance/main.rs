//! Whether a server is a Toxiproxy: its whole API and what each toxic does to real connections.
//!
//! By default the server is ours, a new one for each test. `TOXIPROXY_URL=http://127.0.0.1:8474`
//! names another one; it must share this machine's loopback device, and it loses its proxies.
#![allow(clippy::unwrap_used, reason = "also what helps a test is a test")]

mod api;
mod client;
mod ends;
mod harness;
mod peers;
mod toxics;
