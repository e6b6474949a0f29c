//! The program beside nginx in a load balancer's container.
//!
//! nginx alone notices a dead target only by sending it users' requests. This program does what a
//! provider's load balancer does: it probes each target, decides by the documented rules of an
//! application load balancer, and tells nginx which targets to use.
//!
//! [`health`] decides and knows no I/O; [`nginx_conf`] and [`upstreams`] are pure text; [`run`]
//! puts them into effect. What it thinks of the targets is served as JSON, see [`view`], and so are the
//! [`numbers`] of each: requests, errors, latencies. Who deploys tells it the share of each target
//! (`weights`); [`client`] is how.

mod access_log;
pub mod client;
mod config;
mod error;
pub mod front_door;
mod gateway;
pub mod health;
mod nginx;
mod nginx_conf;
pub mod numbers;
mod prober;
mod run;
mod signals;
mod span_log;
pub mod streams;
mod throttled;
pub mod view;
mod weights;

#[cfg(test)]
mod tests;

pub use config::{BalancerConfig, TargetConfig};
pub use error::BalancerError;
pub use gateway::{ClientPlan, GatewayConfig, TokenBucket};
pub use nginx_conf::{nginx_conf, upstreams};
pub use run::{run, run_until};
pub use span_log::{HEADER as SPAN_HEADER, SpanLog};
pub use weights::Weights;
