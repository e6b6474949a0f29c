//! What can go wrong with a whole lab.

use std::path::PathBuf;

use crate::chaos::ChaosError;
use crate::deploy::DeployError;
use crate::engine::EngineError;
use crate::images::ImageError;
use crate::journal::JournalError;
use crate::load::LoadError;

/// An error of a run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No lab runs under this name.
    #[error("no lab is running under the name `{lab}`")]
    NotRunning {
        /// The name.
        lab: String,
    },
    /// Another stage, or another definition of the same stage, runs under this name.
    #[error("the lab `{lab}` already runs {running}")]
    AnotherStage {
        /// The name of the lab.
        lab: String,
        /// What runs.
        running: String,
    },
    /// The lab that runs has another subnet than the one that is asked for.
    #[error("the lab `{lab}` runs in {running}, and not in {wanted}")]
    AnotherSubnet {
        /// The name of the lab.
        lab: String,
        /// Its subnet.
        running: String,
        /// The one that is asked for.
        wanted: String,
    },
    /// The stage names images that are not on this machine.
    #[error(
        "the image {image} of tier {tier} is not on this machine and cannot be pulled: {reason}"
    )]
    NoImage {
        /// The image.
        image: String,
        /// The tier.
        tier: String,
        /// What was said.
        reason: String,
    },
    /// The lab is not whole in time.
    #[error("after {seconds:.0} s the lab is not whole: {}", list(.missing))]
    NotWhole {
        /// How long it was waited for.
        seconds: f64,
        /// Nodes and what they miss.
        missing: Vec<(String, String)>,
    },
    /// Something of ours cannot be understood.
    #[error("cannot read {0}")]
    Corrupt(String),
    /// Docker.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Images.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Faults.
    #[error(transparent)]
    Chaos(#[from] ChaosError),
    /// Releases.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// Traffic.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ports that were asked for go beyond the last one there is.
    #[error(
        "two nodes would be published at port {port}: the stage publishes more than fit from there on"
    )]
    PortsEnd {
        /// The port.
        port: u16,
    },
    /// The file system said no.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl RunError {
    /// Whether an experiment that ended like this says nothing about the next one. Without a
    /// journal nothing can be proven; after everything else the experiment is inconclusive, and
    /// the others go on.
    pub fn is_of_one_experiment(&self) -> bool {
        !matches!(self, Self::Journal(_) | Self::Io { .. })
    }
}

fn list(missing: &[(String, String)]) -> String {
    missing.iter().map(|(node, what)| format!("{node}: {what}")).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::ResolveError;

    #[test]
    fn only_a_lost_journal_ends_a_run() {
        let nobody = ResolveError::NoNode("tier db has no primary at this moment".into());
        assert!(RunError::Chaos(nobody.into()).is_of_one_experiment());
        let missing = vec![("db-a1".into(), "does not answer".into())];
        assert!(RunError::NotWhole { seconds: 90.0, missing }.is_of_one_experiment());
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(!RunError::Io { path: "journal".into(), source: full }.is_of_one_experiment());
    }
}
