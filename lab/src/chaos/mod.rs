//! Faults: chosen by a pure function of stage, roles and seed; injected, confirmed, healed and
//! confirmed again by a thin injector. What undoes a fault is written down before it is injected.

mod acts;
mod adjust;
mod crowd;
mod heal;
mod inject;
mod lasting;
mod name;
mod name_messages;
mod name_releases;
mod name_stores;
mod packet_filter;
mod resolve;
mod roles;
mod stray;
#[cfg(test)]
mod tests;
mod toxic;

pub use acts::refused;
pub use adjust::{Adjust, adjusted};
pub use heal::{heal, heal_abandoned, heal_all, heal_until_quiet};
pub use inject::{Active, Injector, Traffic};
pub use name::{Offer, offers};
pub use resolve::{Act, Injection, ResolveError, resolve};
pub use roles::{Role, Roles, read_roles};
pub use stray::{Depth, Lab as StrayLab, Stray, strays, undo_stray};
pub use toxic::{NetProxy, ToxicError};

/// Why a fault could not be injected, confirmed or healed.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The fault does not fit what runs.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Docker refused.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// This machine cannot do it.
    #[error("{0}")]
    Unable(String),
    /// The effect was not seen.
    #[error("the fault took no effect: {0}")]
    Unconfirmed(String),
    /// A network proxy does not do what it is asked.
    #[error(transparent)]
    Toxic(#[from] ToxicError),
    /// A release cannot be deployed, or not be taken back.
    #[error(transparent)]
    Deploy(#[from] crate::deploy::DeployError),
    /// The undoing was not seen.
    #[error("the fault could not be undone: {0}")]
    NotHealed(String),
}
