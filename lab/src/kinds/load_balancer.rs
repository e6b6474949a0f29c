//! `load-balancer`: nginx, with the health checker beside it.

use super::address::seen;
use super::{Context, WEB_PORT, blank, port_of, tracing};
use crate::balancer::{BalancerConfig, TargetConfig};
use crate::plan::layout::{Place, of_tier};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::{Kind, LoadBalancer};

/// Where the health checker finds its configuration.
pub const CONFIG_PATH: &str = "/etc/lab/balancer.json";

/// Where it says what it thinks of its targets, and how many requests it had.
pub const STATUS_PORT: u16 = 8404;

/// A load balancer node.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &LoadBalancer,
) -> NodeSpec {
    let mut node = blank(context, place, "load-balancer", "nginx");
    let targets = context.stage.tiers.get(&kind.targets).map(|t| &t.kind);
    let port = targets.map_or(WEB_PORT, port_of);
    let health_path = match targets {
        Some(Kind::Service(service)) => service.health.clone(),
        _ => "/healthz".into(),
    };
    let scale = context.stage.time_scale;
    let mut health_check = kind.health_check.clone();
    health_check.interval_ms = (health_check.interval_ms as f64 / scale) as u64;
    let config = BalancerConfig {
        listen: WEB_PORT,
        targets: of_tier(places, &kind.targets)
            .map(|p| TargetConfig {
                name: p.name.clone(),
                address: seen(context.stage, places, place, p, port).into(),
            })
            .collect(),
        health_path,
        health_check,
        status_port: STATUS_PORT,
        nginx_status_port: 8405,
        nginx_conf_dir: "/tmp/lab-nginx".into(),
        nginx: "nginx".into(),
        gateway: None,
        span_log: tracing::span_log(context, place, &[("targets", &kind.targets)]),
    };
    node.command = vec!["lab".into(), "balancer".into(), "--config".into(), CONFIG_PATH.into()];
    node.files = vec![ConfigFile {
        path: CONFIG_PATH.into(),
        content: serde_json::to_string_pretty(&config).unwrap_or_default(),
    }];
    // The demo application says whether a request gets all the way to the database.
    let own = matches!(targets, Some(Kind::Service(s)) if s.image == "app");
    let path = if own { "/readyz".into() } else { config.health_path };
    node.probe = Probe::Http { port: WEB_PORT, path };
    node.priority = 4;
    node
}
