//! The request to end.

use tokio::signal::unix::{SignalKind, signal};

use super::error::BalancerError;

/// Returns when SIGTERM (`docker stop`), SIGQUIT or SIGINT arrived. As PID 1 of its container the
/// balancer would not even die of them without a handler. All mean a graceful end.
///
/// # Errors
/// Handlers cannot be installed.
pub fn end_requested() -> Result<impl Future<Output = ()>, BalancerError> {
    let on = |kind| signal(kind).map_err(BalancerError::Signals);
    let mut term = on(SignalKind::terminate())?;
    let mut quit = on(SignalKind::quit())?;
    let mut int = on(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = quit.recv() => {}
            _ = int.recv() => {}
        }
    })
}
