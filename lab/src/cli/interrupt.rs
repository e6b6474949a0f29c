//! Ctrl-C, and the signal by which other programs ask one to end: what was begun is undone first.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;
use super::error::{INTERRUPTED, TERMINATED};

/// The wish that the command ends.
pub struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Listens from now on: a wish that comes while nobody waits for it is kept.
    ///
    /// # Errors
    /// This machine does not let the process listen.
    pub fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|e| CliError::environment(format!("cannot listen to signals: {e}")))
        };
        Ok(Self {
            ctrl_c: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the wish; returns the exit code with which shells know it.
    pub async fn come(&mut self) -> u8 {
        tokio::select! {
            _ = self.ctrl_c.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}
