//! `lab dns`, inside a name server's container.

use super::CliError;
use super::args::ServiceArgs;

/// Runs PowerDNS and what tells it who is healthy until they are stopped.
pub async fn run(args: &ServiceArgs) -> Result<u8, CliError> {
    crate::dns::run(&args.config)
        .await
        .map(|()| 0)
        .map_err(|e| CliError::environment(e.to_string()))
}
