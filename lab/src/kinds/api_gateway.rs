//! `api-gateway`: nginx with token buckets, and the health checker of its load balancers beside it.

use super::address::seen;
use super::load_balancer::{CONFIG_PATH, STATUS_PORT};
use super::{Context, WEB_PORT, blank, tracing};
use crate::balancer::{BalancerConfig, ClientPlan, GatewayConfig, TargetConfig, TokenBucket};
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::{ApiGateway, Bucket, HealthCheck};
use crate::spec::slots::Duty;

/// How a gateway finds out that a load balancer is gone. The provider says nothing about it; its
/// network takes dead addresses out within seconds.
const HEALTH_CHECK: HealthCheck =
    HealthCheck { interval_ms: 500, timeout_ms: 300, healthy_after: 2, unhealthy_after: 2 };

/// A gateway node.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &ApiGateway,
) -> NodeSpec {
    let mut node = blank(context, place, "api-gateway", "nginx");
    let nodes = with_duty(places, &place.tier, Duty::Member).count();
    let bucket = |bucket| share(bucket, u32::try_from(nodes).unwrap_or(1));
    let plan = |(name, usage): (&String, &crate::spec::model::UsagePlan)| ClientPlan {
        name: name.clone(),
        bucket: bucket(usage.bucket()),
        keys: usage.keys.clone(),
    };
    let config = BalancerConfig {
        listen: WEB_PORT,
        targets: of_tier(places, &kind.upstream)
            .map(|p| TargetConfig {
                name: p.name.clone(),
                address: seen(context.stage, places, place, p, WEB_PORT).into(),
            })
            .collect(),
        health_path: "/healthz".into(),
        health_check: HEALTH_CHECK,
        status_port: STATUS_PORT,
        nginx_status_port: 8405,
        nginx_conf_dir: "/tmp/lab-nginx".into(),
        nginx: "nginx".into(),
        span_log: tracing::span_log(context, place, &[("targets", &kind.upstream)]),
        gateway: Some(GatewayConfig {
            total: bucket(kind.total),
            client: kind.client.map(bucket),
            plans: kind.plans.iter().map(plan).collect(),
            timeout_ms: kind.timeout_ms,
            // Who stands before it says where a request comes from.
            trusted: context.subnet.cidr(),
        }),
    };
    node.command = vec!["lab".into(), "balancer".into(), "--config".into(), CONFIG_PATH.into()];
    node.files = vec![ConfigFile {
        path: CONFIG_PATH.into(),
        content: serde_json::to_string_pretty(&config).unwrap_or_default(),
    }];
    node.probe = probe();
    node.priority = 5;
    node
}

/// It has a way to a service that can serve.
pub(super) fn probe() -> Probe {
    Probe::Http { port: WEB_PORT, path: "/healthz".into() }
}

/// What one of so many nodes has of a bucket: of what a second adds the exact part, of what it holds
/// the next whole token.
fn share(bucket: Bucket, nodes: u32) -> TokenBucket {
    let nodes = nodes.max(1);
    TokenBucket {
        per_minute: (bucket.rate_per_s.saturating_mul(60) / nodes).max(1),
        burst: bucket.burst.div_ceil(nodes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_has_its_part_of_a_bucket() {
        let bucket = Bucket { rate_per_s: 10, burst: 5 };
        assert_eq!(share(bucket, 1), TokenBucket { per_minute: 600, burst: 5 });
        assert_eq!(share(bucket, 2), TokenBucket { per_minute: 300, burst: 3 });
        let smallest = Bucket { rate_per_s: 1, burst: 1 };
        assert_eq!(share(smallest, 100), TokenBucket { per_minute: 1, burst: 1 });
    }
}
