//! Why a release cannot be deployed.

use super::Refusal;
use crate::engine::EngineError;

/// An error of a deploy.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// It cannot begin, and nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another one is under way.
    #[error("a deploy is under way already: {tier} from {from} to {to}")]
    UnderWay {
        /// Its tier.
        tier: String,
        /// The release that runs.
        from: String,
        /// The release that is to run.
        to: String,
    },
    /// Docker refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It can neither go on nor back.
    #[error("the deploy of {tier} cannot be ended: {why}")]
    Stuck {
        /// The tier.
        tier: String,
        /// Why.
        why: String,
    },
    /// What the lab's labels say cannot be understood.
    #[error("cannot read {0}")]
    Corrupt(String),
}
