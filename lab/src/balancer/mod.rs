//! The program beside nginx in a load balancer's container.
//!
//! nginx alone notices a dead target only by sending it users' requests. This program does what a
//! provider's load balancer does: it probes each target, decides by the documented rules of an
//! application load balancer, and tells nginx which targets to use.
//!
//! [`health`] decides and knows no I/O; [`nginx_conf`] and [`upstreams`] are pure text; [`run`]
//! puts them into effect. What it thinks of the targets is served as JSON, see [`view`].

mod config;
mod error;
pub mod health;
mod nginx;
mod nginx_conf;
mod prober;
mod run;
mod signals;
pub mod view;

#[cfg(test)]
mod tests;

pub use config::{BalancerConfig, TargetConfig};
pub use error::BalancerError;
pub use nginx_conf::{nginx_conf, upstreams};
pub use run::{run, run_until};
