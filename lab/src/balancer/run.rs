//! The loop: probe, decide, tell nginx.

use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::config::{BalancerConfig, TargetConfig};
use super::error::BalancerError;
use super::health::Fleet;
use super::nginx::Nginx;
use super::prober::{self, Probed};
use super::signals::end_requested;
use super::view::{self, View};

/// Pause before nginx is told again, after it could not be told.
const RETRY: Duration = Duration::from_millis(500);

/// Changes within this time are one reload: targets that start, or die with their zone, do so
/// together. Until then users' requests find out themselves, as between two probes.
const GATHER: Duration = Duration::from_millis(20);

/// Runs a load balancer until SIGTERM or SIGQUIT, then ends it gracefully.
///
/// # Errors
/// The configuration cannot be used, nginx does not start or died, or a port is taken.
pub async fn run(config: &Path) -> Result<(), BalancerError> {
    let config = BalancerConfig::load(config)?;
    run_until(&config, end_requested()?).await
}

/// Runs a load balancer until `end` is ready.
///
/// # Errors
/// As for [`run`].
pub async fn run_until(
    config: &BalancerConfig,
    end: impl Future<Output = ()>,
) -> Result<(), BalancerError> {
    let port = config.status_port;
    let listener = TcpListener::bind(("0.0.0.0", port))
        .await
        .map_err(|source| BalancerError::Listen { port, source })?;
    let mut nginx = Nginx::start(config)?;
    tokio::pin!(end);
    tokio::select! {
        ready = nginx.ready(config) => ready?,
        () = &mut end => return nginx.end().await,
    }
    tracing::info!(listen = config.listen, targets = config.targets.len(), "nginx is ready");

    let fleet = Fleet::new(config);
    let (publish, latest) = watch::channel(View::of(config, &fleet));
    let mut server = JoinSet::new();
    server.spawn(view::serve(listener, latest, config.nginx_status_port));
    let (sender, mut results) = mpsc::channel(config.targets.len());
    let _probers = prober::start(config, &sender);
    let mut balancer = Balancer {
        config,
        applied: (0..config.targets.len()).collect(),
        apply_at: None,
        fleet,
        publish,
    };
    loop {
        let apply_at = balancer.apply_at;
        tokio::select! {
            // The sender lives as long as this function.
            Some(probed) = results.recv() => balancer.observe(probed),
            () = wait_until(apply_at) => balancer.apply(&nginx),
            status = nginx.ended() => return Err(BalancerError::NginxDied(status?)),
            () = &mut end => {
                tracing::info!("ending");
                return nginx.end().await;
            }
        }
    }
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

struct Balancer<'a> {
    config: &'a BalancerConfig,
    fleet: Fleet,
    /// The targets that nginx uses.
    applied: Vec<usize>,
    /// When nginx is told next, if there is something to tell.
    apply_at: Option<Instant>,
    publish: watch::Sender<View>,
}

impl Balancer<'_> {
    fn observe(&mut self, (index, result): Probed) {
        let why = result.as_ref().err().cloned().unwrap_or_else(|| "ok".into());
        if let Some(change) = self.fleet.observe(index, result) {
            let name = self.config.targets.get(index).map_or("", |t| t.name.as_str());
            let (from, to) = (change.from, change.to);
            tracing::info!(name, ?from, ?to, why, "a target's health changed");
            self.apply_at.get_or_insert_with(|| Instant::now() + GATHER);
        }
        self.publish.send_replace(View::of(self.config, &self.fleet));
    }

    /// Tells nginx, if it has other targets than it should have.
    fn apply(&mut self, nginx: &Nginx) {
        self.apply_at = None;
        let wanted = self.fleet.in_service();
        if wanted == self.applied {
            return;
        }
        let targets: Vec<&TargetConfig> =
            wanted.iter().filter_map(|&index| self.config.targets.get(index)).collect();
        let names: Vec<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        let in_service = names.join(" ");
        match nginx.use_targets(self.config, targets) {
            Ok(()) => {
                let failing_open = self.fleet.is_failing_open();
                tracing::info!(in_service, failing_open, "nginx was told its targets");
                self.applied = wanted;
            }
            Err(error) => {
                tracing::error!(in_service, %error, "nginx could not be told its targets");
                self.apply_at = Some(Instant::now() + RETRY);
            }
        }
    }
}
