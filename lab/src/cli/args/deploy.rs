//! Arguments of `lab deploy`.

use clap::Args;

use super::Format;

/// Arguments of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The tier
    pub tier: String,
    /// The release
    pub release: String,
    /// Form of the result
    #[arg(long, env = "LAB_FORMAT", default_value = "text")]
    pub format: Format,
}
