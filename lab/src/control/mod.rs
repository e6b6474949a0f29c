//! The control plane: what the provider's own machinery does for its customers. It runs as one more
//! container and only repairs and watches; the data plane works without it.

mod api;
mod backoff;
mod band;
mod canary;
mod capacity;
pub mod client;
mod cloudwatch;
mod config;
mod etcd;
mod fence;
mod front_door;
mod functions;
mod memory;
mod metrics;
mod names;
mod networks;
mod notes;
mod queues;
mod replace;
mod route53;
mod scaling;
mod starting;
mod starved;
mod store;
mod takeover;
mod traces;
mod watch;
mod witness;

pub use api::{CanaryFigures, PORT};
pub use capacity::SizedDatabase;
pub use cloudwatch::CloudWatch;
pub use config::{ControlConfig, WatchedNode};
pub use functions::FunctionTier;
pub use names::{NamedNode, NamedTier};
pub use route53::HostedZone;
pub use scaling::Group;
pub use store::now;
pub use traces::{LOG_PORT, TracesConfig};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::sync::Notify;

use crate::engine::{Engine, EngineError, Host};
use crate::journal::{ControlEvent, Entry, Event, JournalError, Micros};
use crate::plan::CONTROL;

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
    gauges: Arc<metrics::Gauges>,
    traces: Arc<traces::Traces>,
    forward: Arc<traces::Forward>,
    changed: Arc<Notify>,
    watch: Arc<watch::Watch>,
    notes: Arc<notes::Notes>,
}

impl Shared {
    fn note(&self, event: ControlEvent) {
        self.note_at(now(), event);
    }

    /// Notes what happened at a moment that has passed.
    fn note_at(&self, at: Micros, event: ControlEvent) {
        tracing::info!(?event, "control");
        let entry = Entry { at, event: Event::Control(event) };
        self.notes.keep(&entry);
        self.store.append(&entry);
    }
}

/// Runs the control plane until it is stopped from outside.
pub async fn run(config: &Path) -> Result<(), ControlError> {
    let config = Arc::new(ControlConfig::read(config)?);
    let engine = Engine::connect(&config.lab, &Host::default()).await?;
    let store = Arc::new(Store::open(Path::new(DATA_PATH))?);
    let (recent, gauges, traces) = (Arc::default(), Arc::default(), Arc::default());
    let forward = Arc::new(traces::Forward::new(config.collector.map(Into::into)));
    let changed = Arc::new(Notify::new());
    let (watch, notes) = (Arc::default(), Arc::default());
    let shared =
        Shared { config, engine, store, recent, gauges, traces, forward, changed, watch, notes };
    shared.note(ControlEvent::Started);
    witness::start(shared.clone());
    tokio::spawn(notice(shared.clone()));
    tokio::spawn(replace::run(shared.clone()));
    tokio::spawn(memory::run(shared.clone()));
    tokio::spawn(starved::run(shared.clone()));
    tokio::spawn(names::run(shared.clone()));
    for cluster in shared.config.clusters() {
        tokio::spawn(fence::run(shared.clone(), cluster));
    }
    for database in shared.config.databases.clone() {
        tokio::spawn(capacity::run(shared.clone(), database));
    }
    for group in shared.config.groups.clone() {
        tokio::spawn(scaling::run(shared.clone(), group));
    }
    if let Some(zone) = shared.config.hosted_zone.clone() {
        tokio::spawn(route53::run(shared.clone(), zone));
    }
    if let Some(target) = shared.config.cloudwatch.clone() {
        tokio::spawn(cloudwatch::run(shared.clone(), target));
    }
    for tier in shared.config.functions.clone() {
        tokio::spawn(functions::run(shared.clone(), tier));
    }
    for queue in shared.config.queues.clone() {
        tokio::spawn(queues::run(shared.clone(), queue));
    }
    if shared.config.traces.is_some() {
        tokio::spawn(traces::listen(shared.clone()));
    }
    tokio::spawn(traces::forward(shared.clone()));
    tokio::spawn(canary::run(shared.clone(), Arc::clone(&shared.recent)));
    tokio::select! {
        served = api::serve(shared) => served.map_err(ControlError::Serve),
        () = stopped() => Ok(()),
    }
}

/// Pause before Docker is listened to again, after it has gone.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Docker tells that a container has ended before its own list says so. What happens within this time
/// is one change.
const SETTLED_AFTER: Duration = Duration::from_millis(100);

/// Wakes the loops that look after containers when one has changed: looking at all of them costs
/// Docker a hundredth of a second each time.
async fn notice(shared: Shared) {
    loop {
        let mut changes = std::pin::pin!(shared.engine.changes());
        let own = CONTROL.to_owned();
        shared.watch.suspect(shared.config.nodes.iter().map(|n| &n.name).chain([&own]));
        while let Some(change) = changes.next().await {
            shared.watch.hear(change);
            tokio::time::sleep(SETTLED_AFTER).await;
            while let Some(Some(change)) = changes.next().now_or_never() {
                shared.watch.hear(change);
            }
            shared.changed.notify_waiters();
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
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
