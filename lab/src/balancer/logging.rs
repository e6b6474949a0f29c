//! The balancer's log, for `lab logs`.

use tracing_subscriber::fmt;

/// Writes all further log events of this process to stderr, each as one line of JSON. Does nothing
/// when the process logs already.
pub fn log_to_stderr() {
    let lines = fmt().json().flatten_event(true).with_target(false).with_writer(std::io::stderr);
    // An error means that there is a subscriber already.
    drop(lines.try_init());
}
