//! The log: one JSON object on each line of stderr.

use json_lines::JsonLines;
use tracing_subscriber::EnvFilter;

use crate::trace;

/// Begins to log.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let node = std::env::var("NODE_NAME").unwrap_or_else(|_| "shop".into());
    tracing_subscriber::fmt()
        .event_format(JsonLines::of(node).within(|| trace::current().map(|span| span.trace)))
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
