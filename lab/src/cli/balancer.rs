//! `lab balancer`, inside a load balancer's container.

use super::CliError;
use super::args::ServiceArgs;

/// Runs nginx and the health checker until they are stopped.
pub async fn run(args: &ServiceArgs) -> Result<u8, CliError> {
    crate::balancer::run(&args.config)
        .await
        .map(|()| 0)
        .map_err(|e| CliError::environment(e.to_string()))
}
