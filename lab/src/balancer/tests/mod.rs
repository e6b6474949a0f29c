//! What the balancer's tests share.

mod real_gateway;
mod real_nginx;
mod real_streams;
mod serving;

use std::net::SocketAddr;

use super::config::{BalancerConfig, TargetConfig};
use crate::spec::model::HealthCheck;

/// Targets `web-N` at `10.0.0.N:8080`.
pub fn config(numbers: &[u8]) -> BalancerConfig {
    let target = |n: &u8| TargetConfig {
        name: format!("web-{n}"),
        address: SocketAddr::from(([10, 0, 0, *n], 8080)),
    };
    BalancerConfig {
        listen: 8080,
        targets: numbers.iter().map(target).collect(),
        health_path: "/healthz".into(),
        health_check: HealthCheck {
            interval_ms: 1000,
            timeout_ms: 500,
            healthy_after: 2,
            unhealthy_after: 2,
        },
        status_port: 8404,
        nginx_status_port: 8405,
        nginx_conf_dir: "/tmp/lab-nginx".into(),
        nginx: "nginx".into(),
        gateway: None,
        span_log: None,
    }
}
