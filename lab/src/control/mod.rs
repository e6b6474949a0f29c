//! The control plane: what the provider's own machinery does for its customers. It runs as one more
//! container and only repairs and watches; the data plane works without it.

mod api;
mod canary;
pub mod client;
mod config;
mod etcd;
mod fence;
mod replace;
mod store;
mod takeover;

pub use api::{CanaryFigures, PORT};
pub use config::{ControlConfig, WatchedNode};
pub use store::now;

use std::path::Path;
use std::sync::Arc;

use crate::engine::{Engine, EngineError};
use crate::journal::{ControlEvent, Event, JournalError};

use store::Store;

/// Where the control plane finds its configuration.
pub const CONFIG_PATH: &str = "/etc/lab/control.json";
/// Where it keeps its journal.
pub const DATA_PATH: &str = "/data";

/// Why the control plane cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No or a wrong configuration.
    #[error("cannot read {path}: {reason}")]
    Config {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The journal cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No connection to Docker.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its own port cannot be served.
    #[error("cannot serve port {PORT}: {0}")]
    Serve(std::io::Error),
}

/// What the loops share.
#[derive(Clone)]
struct Shared {
    config: Arc<ControlConfig>,
    engine: Engine,
    store: Arc<Store>,
    recent: Arc<canary::Recent>,
}

impl Shared {
    fn note(&self, event: ControlEvent) {
        tracing::info!(?event, "control");
        self.store.record(Event::Control(event));
    }
}

/// Runs the control plane until it is stopped from outside.
pub async fn run(config: &Path) -> Result<(), ControlError> {
    let config = Arc::new(ControlConfig::read(config)?);
    let engine = Engine::connect(&config.lab).await?;
    let store = Arc::new(Store::open(Path::new(DATA_PATH))?);
    let shared = Shared { config, engine, store, recent: Arc::default() };
    shared.note(ControlEvent::Started);
    tokio::spawn(replace::run(shared.clone()));
    for cluster in shared.config.clusters() {
        tokio::spawn(fence::run(shared.clone(), cluster));
    }
    tokio::spawn(canary::run(shared.clone(), Arc::clone(&shared.recent)));
    tokio::select! {
        served = api::serve(shared) => served.map_err(ControlError::Serve),
        () = stopped() => Ok(()),
    }
}

/// Ends when the container is asked to stop.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut term) => {
            term.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
