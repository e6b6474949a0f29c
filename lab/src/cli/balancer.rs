//! `lab balancer` and `lab front-door`, inside the containers of load balancers and edge caches.

use super::CliError;
use super::args::ServiceArgs;

/// Runs nginx and the health checker until they are stopped.
pub async fn run(args: &ServiceArgs) -> Result<u8, CliError> {
    crate::balancer::run(&args.config)
        .await
        .map(|()| 0)
        .map_err(|e| CliError::environment(e.to_string()))
}

/// Runs nginx and the counter of its front door until they are stopped.
pub async fn run_front_door(args: &ServiceArgs) -> Result<u8, CliError> {
    crate::balancer::front_door::run(&args.config)
        .await
        .map(|()| 0)
        .map_err(|e| CliError::environment(e.to_string()))
}
