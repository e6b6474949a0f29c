//! The loop: probe, decide, tell nginx.

use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::access_log;
use super::config::{BalancerConfig, TargetConfig};
use super::error::BalancerError;
use super::health::Fleet;
use super::nginx::Nginx;
use super::numbers::Shared;
use super::prober::{self, Probed};
use super::signals::end_requested;
use super::throttled::Throttled;
use super::view::{self, Interface, View};
use super::weights::{self, Order, Weights};

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
    let numbers = Shared::default();
    let _log = access_log::start(config, &numbers)?;
    let log = UdpSocket::bind(("127.0.0.1", 0)).await.map_err(BalancerError::Log)?;
    let log_port = log.local_addr().map_err(BalancerError::Log)?.port();
    let mut nginx = Nginx::start(config, log_port)?;
    tokio::pin!(end);
    tokio::select! {
        ready = nginx.ready(config.nginx_status_port) => ready?,
        () = &mut end => return nginx.end().await,
    }
    tracing::info!(listen = config.listen, targets = config.targets.len(), "nginx is ready");

    let fleet = Fleet::new(config);
    let weights = weights::load(config);
    let (publish, latest) = watch::channel(View::of(config, &fleet, &weights));
    let (orders, mut ordered) = mpsc::channel(4);
    let mut server = JoinSet::new();
    let throttled = config.gateway.as_ref().map(|_| Throttled::default());
    if let Some(throttled) = &throttled {
        server.spawn(throttled.clone().listen(log));
    }
    let nginx_status_port = config.nginx_status_port;
    let interface = Interface { view: latest, numbers, throttled, orders, nginx_status_port };
    server.spawn(view::serve(listener, interface));
    let (sender, mut results) = mpsc::channel(config.targets.len());
    let _probers = prober::start(config, &sender);
    let mut balancer = Balancer {
        config,
        applied: (0..config.targets.len()).map(|index| (index, 1)).collect(),
        apply_at: (!weights.is_empty()).then(Instant::now),
        weights,
        fleet,
        publish,
    };
    loop {
        let apply_at = balancer.apply_at;
        tokio::select! {
            // The sender lives as long as this function.
            Some(probed) = results.recv() => balancer.observe(probed),
            Some(order) = ordered.recv() => balancer.weigh(order, &nginx),
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
    /// The targets that nginx uses, each with its share.
    applied: Vec<(usize, u32)>,
    /// The shares that somebody wants.
    weights: Weights,
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
        self.publish();
    }

    fn publish(&self) {
        self.publish.send_replace(View::of(self.config, &self.fleet, &self.weights));
    }

    /// Takes other shares, and tells nginx at once.
    fn weigh(&mut self, order: Order, nginx: &Nginx) {
        let taken = weights::check(self.config, &order.weights).map(|()| {
            tracing::info!(weights = ?order.weights, "other shares");
            self.weights = order.weights;
            weights::keep(self.config, &self.weights);
            self.publish();
            self.apply(nginx);
        });
        // Who asked may have gone.
        drop(order.done.send(taken));
    }

    /// Tells nginx, if it has other targets than it should have.
    fn apply(&mut self, nginx: &Nginx) {
        self.apply_at = None;
        let (config, weights) = (self.config, &self.weights);
        let wanted = self.fleet.in_service(|index| weights::of(config, weights, index));
        if wanted == self.applied {
            return;
        }
        let target = |&(index, weight): &(usize, u32)| Some((config.targets.get(index)?, weight));
        let targets: Vec<(&TargetConfig, u32)> = wanted.iter().filter_map(target).collect();
        let names: Vec<&str> = targets.iter().map(|(t, _)| t.name.as_str()).collect();
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
