//! Where every error becomes text, hint and exit code.

use crate::chaos::ChaosError;
use crate::control::ControlError;
use crate::deploy::{DeployError, Refusal};
use crate::engine::EngineError;
use crate::images::ImageError;
use crate::journal::JournalError;
use crate::load::LoadError;
use crate::run::RunError;
use crate::spec::{SpecError, SpecErrors};

/// Arguments or stage file are wrong.
pub const USAGE: u8 = 2;
/// The evidence does not carry a verdict.
pub const INCONCLUSIVE: u8 = 3;
/// The machine is not able.
pub const ENVIRONMENT: u8 = 4;
/// The tool itself is wrong.
pub const BUG: u8 = 70;
/// Ended by Ctrl-C, as shells count it.
pub const INTERRUPTED: u8 = 130;
/// Ended by the end of its terminal, as shells count it.
pub const HUNG_UP: u8 = 129;
/// Ended by SIGTERM, as shells count it.
pub const TERMINATED: u8 = 143;

/// An error as the user sees it.
#[derive(Debug)]
pub struct CliError {
    /// Exit code.
    pub code: u8,
    /// What happened and why.
    pub message: String,
    /// The next command.
    pub hint: Option<String>,
}

impl CliError {
    /// Wrong arguments.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into(), hint: None }
    }

    /// A machine that is not able.
    pub fn environment(message: impl Into<String>) -> Self {
        Self { code: ENVIRONMENT, message: message.into(), hint: None }
    }

    /// The same error with the next command.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<EngineError> for CliError {
    fn from(e: EngineError) -> Self {
        let mut message = e.to_string();
        if let Some(log) = e.log().filter(|l| !l.trim().is_empty()) {
            message.push_str("; its log ends with:");
            for line in log.trim_end().lines() {
                message.push_str("\n    ");
                message.push_str(line);
            }
        }
        let code = if matches!(e, EngineError::Corrupt(_)) { BUG } else { ENVIRONMENT };
        Self { code, message, hint: e.hint() }
    }
}

impl From<SpecErrors> for CliError {
    fn from(e: SpecErrors) -> Self {
        Self::usage(e.to_string())
    }
}

impl From<SpecError> for CliError {
    fn from(e: SpecError) -> Self {
        Self::usage(e.to_string())
    }
}

impl From<ImageError> for CliError {
    fn from(e: ImageError) -> Self {
        Self { code: ENVIRONMENT, message: e.to_string(), hint: e.hint() }
    }
}

impl From<ChaosError> for CliError {
    fn from(e: ChaosError) -> Self {
        match e {
            ChaosError::Engine(e) => e.into(),
            ChaosError::Deploy(e) => e.into(),
            ChaosError::Resolve(e) => Self::usage(e.to_string()).hint("`lab chaos list`"),
            ChaosError::Unconfirmed(_) | ChaosError::Toxic(_) => {
                Self { code: INCONCLUSIVE, message: e.to_string(), hint: None }
            }
            ChaosError::Unable(_) => Self::environment(e.to_string()),
            ChaosError::NotHealed(_) => {
                Self::environment(e.to_string()).hint("`lab heal` tries again; `lab up` repairs")
            }
        }
    }
}

impl From<DeployError> for CliError {
    fn from(e: DeployError) -> Self {
        match e {
            DeployError::Engine(e) => e.into(),
            DeployError::Refused(refusal) => {
                let error = match refusal {
                    // Nothing is wrong with the request: the lab is not able at this moment.
                    Refusal::NotWhole { .. } | Refusal::NoRoom { .. } => Self::environment,
                    _ => Self::usage,
                };
                let hint = match refusal {
                    Refusal::NotWhole { .. } => "`lab up STAGE` repairs what is missing",
                    Refusal::NoRoom { .. } => "wait until the group is smaller; `lab status`",
                    _ => "`lab show STAGE` shows the releases, `lab status` what runs",
                };
                error(refusal.to_string()).hint(hint)
            }
            DeployError::UnderWay { .. } => Self::environment(e.to_string())
                .hint("wait for it to end; `lab heal` ends one whose command was killed"),
            DeployError::Stuck { .. } => Self::environment(e.to_string())
                .hint("`lab status`, `lab logs NODE`; `lab heal` tries again"),
            DeployError::Corrupt(_) => {
                Self { code: BUG, message: e.to_string(), hint: Some("`lab down`".into()) }
            }
        }
    }
}

impl From<JournalError> for CliError {
    fn from(e: JournalError) -> Self {
        match e {
            JournalError::Line { .. } | JournalError::NoText { .. } => Self::usage(e.to_string())
                .hint("it was damaged, or is no journal; `lab verify STAGE` makes a new run"),
            JournalError::Io { .. } => Self::environment(e.to_string()).hint(ROOM),
        }
    }
}

/// What helps where a run cannot be written or read.
const ROOM: &str = "make room, or choose another folder for runs with `--out`";

impl From<LoadError> for CliError {
    fn from(e: LoadError) -> Self {
        Self::environment(e.to_string())
    }
}

impl From<ControlError> for CliError {
    fn from(e: ControlError) -> Self {
        Self::environment(e.to_string())
    }
}

impl From<RunError> for CliError {
    fn from(e: RunError) -> Self {
        match e {
            RunError::Engine(e) => e.into(),
            RunError::Image(e) => e.into(),
            RunError::Chaos(e) => e.into(),
            RunError::Deploy(e) => e.into(),
            RunError::Journal(e) => e.into(),
            RunError::Load(e) => e.into(),
            RunError::NotRunning { .. } => Self::usage(e.to_string())
                .hint("`lab up STAGE` starts one; `lab list` shows the stages"),
            RunError::AnotherStage { .. } => Self::usage(e.to_string())
                .hint("`lab down` removes it; `--lab NAME` runs this stage beside it"),
            RunError::AnotherSubnet { .. } => Self::usage(e.to_string())
                .hint("`lab down` removes it; it keeps its subnet for as long as it runs"),
            RunError::NoImage { .. } => Self::environment(e.to_string()).hint(
                "build or load it (`docker load`), or `docker login` where its registry wants to \
                     know who you are; then run the command again",
            ),
            RunError::PortsEnd { .. } => {
                Self::usage(e.to_string()).hint("give a lower `--port N` (0: any free ports)")
            }
            RunError::NotWhole { .. } => Self::environment(e.to_string())
                .hint("`lab status`, `lab logs NODE`, `lab up` repairs"),
            RunError::Corrupt(_) => {
                Self { code: BUG, message: e.to_string(), hint: Some("`lab down`".into()) }
            }
            RunError::Io { .. } => Self::environment(e.to_string()).hint(ROOM),
        }
    }
}

#[cfg(test)]
mod tests;
