//! Flags of every command: which lab, on which engine, and how much is said.

use clap::Args;

use super::number::verbosity;
use crate::cli::CliError;
use crate::engine::{Engine, EngineError, Host, Wanted};

/// Heading under which the help lists the flags of every command, after the command's own.
const GLOBAL: &str = "Options of every command";

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Name of the lab; two labs with different names run side by side
    #[arg(
        long = "lab",
        global = true,
        env = "LAB_NAME",
        default_value = "lab",
        value_name = "NAME",
        help_heading = GLOBAL
    )]
    pub lab: String,
    /// The Docker engine, such as unix:///var/run/docker.sock; otherwise as `docker` chooses it:
    /// DOCKER_HOST, DOCKER_CONTEXT, the current context
    #[arg(short = 'H', long, global = true, env = "LAB_HOST", value_name = "ADDRESS", help_heading = GLOBAL)]
    pub host: Option<String>,
    /// The Docker context that names the engine
    #[arg(long, global = true, env = "LAB_CONTEXT", value_name = "NAME", help_heading = GLOBAL)]
    pub context: Option<String>,
    /// More about what is done (-v: each step, -vv: diagnostics)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, env = "LAB_VERBOSE", value_parser = verbosity, help_heading = GLOBAL)]
    pub verbose: u8,
    /// Only results, warnings and errors
    #[arg(short, long, global = true, env = "LAB_QUIET", value_parser = clap::builder::BoolishValueParser::new(), help_heading = GLOBAL)]
    pub quiet: bool,
}

impl Global {
    /// A connection to the engine that was chosen, on behalf of the lab.
    ///
    /// # Errors
    /// None can be chosen, or it does not answer.
    pub async fn engine(&self) -> Result<Engine, EngineError> {
        let wanted = Wanted { host: self.host.clone(), context: self.context.clone() };
        Engine::connect(&self.lab, &Host::choose(&wanted)?).await
    }

    /// The lab's name becomes part of container names and labels.
    ///
    /// # Errors
    /// Exit code 2 for a name that cannot.
    pub fn check_name(&self) -> Result<(), CliError> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let first = self.lab.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        if first && self.lab.len() <= 24 && self.lab.chars().all(good) {
            return Ok(());
        }
        Err(CliError::usage(format!(
            "`{}` cannot be the name of a lab: lower-case letters, digits and `-`, at most 24, \
             starting with a letter",
            self.lab
        )))
    }
}
