//! `lab control`, inside the control plane's container.

use super::CliError;
use super::args::ServiceArgs;

/// Runs the control plane until it is stopped.
pub async fn run(args: &ServiceArgs) -> Result<u8, CliError> {
    crate::control::run(&args.config).await?;
    Ok(0)
}
