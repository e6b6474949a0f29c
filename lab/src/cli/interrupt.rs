//! The wish that a command ends, as an exit code: what was begun is undone first.

use super::CliError;
use super::error::{HUNG_UP, INTERRUPTED, TERMINATED};
use crate::engine::{self, Wish};

/// Hears the wish that the command ends.
pub struct Interrupt(engine::Interrupt);

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// This machine does not let the process listen.
    pub fn listen() -> Result<Self, CliError> {
        let refused = |e| CliError::environment(format!("cannot listen to signals: {e}"));
        engine::Interrupt::listen().map(Self).map_err(refused)
    }

    /// Waits for the wish; returns the exit code with which shells know it.
    pub async fn come(&mut self) -> u8 {
        match self.0.come().await {
            Wish::Interrupt => INTERRUPTED,
            Wish::Terminate => TERMINATED,
            Wish::HangUp => HUNG_UP,
        }
    }
}
