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
        Some(Kind::Container(kind)) => kind.health.clone().unwrap_or_else(|| "/".into()),
        _ => "/healthz".into(),
    };
    let mut health_check = kind.health_check.clone();
    health_check.interval_ms = interval_ms(health_check.interval_ms, context.stage.time_scale);
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
    let own = matches!(targets, Some(Kind::Service(s)) if s.is_ours());
    let path = if own { "/readyz".into() } else { config.health_path };
    node.probe = Probe::Http { port: WEB_PORT, path };
    node.priority = 4;
    node
}

/// Health checks do not come closer together than this, however time is scaled.
const SHORTEST_INTERVAL_MS: u64 = 10;

/// The interval between health checks in a stage whose time is scaled. 0 switches them off, and only
/// the stage file may say that.
fn interval_ms(declared: u64, time_scale: f64) -> u64 {
    match declared {
        0 => 0,
        declared => ((declared as f64 / time_scale) as u64).max(SHORTEST_INTERVAL_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_scale_switches_health_checks_off() {
        assert_eq!(interval_ms(10_000, 20.0), 500);
        assert_eq!(interval_ms(500, 1000.0), SHORTEST_INTERVAL_MS);
        assert_eq!(interval_ms(0, 1.0), 0, "only the stage file does");
    }
}
