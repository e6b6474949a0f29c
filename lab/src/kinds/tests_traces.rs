//! Who is told what where a stage wants traces.

use super::tests_growth::{env, file, node, nodes_of, stage};
use crate::balancer::{BalancerConfig, SPAN_HEADER};
use crate::control::{CONFIG_PATH, ControlConfig, LOG_PORT};
use crate::plan::node::NodeSpec;
use crate::spec::model::Stage;

fn control(nodes: &[NodeSpec]) -> ControlConfig {
    serde_json::from_str(file(node(nodes, "control"), CONFIG_PATH)).unwrap()
}

fn balancer(nodes: &[NodeSpec], name: &str) -> BalancerConfig {
    serde_json::from_str(file(node(nodes, name), super::load_balancer::CONFIG_PATH)).unwrap()
}

#[test]
fn everybody_on_a_requests_way_is_told_where_traces_go() {
    let nodes = nodes_of(&stage("stage-500k"));
    let collector = node(&nodes, "control").address;
    let web = node(&nodes, "web-b2");
    let endpoint = format!("http://{collector}:7070");
    assert_eq!(env(web, "OTEL_EXPORTER_OTLP_ENDPOINT"), Some(endpoint.as_str()));
    assert_eq!(env(web, "OTEL_SERVICE_NAME"), Some("web"));
    assert_eq!(env(web, "OTEL_TRACES_SAMPLER_ARG"), Some("0.05"));
    let peers = "database=db-proxy,replica=db,cache=cache";
    assert_eq!(env(web, "OTEL_PEER_SERVICES"), Some(peers));
    let attributes = env(web, "OTEL_RESOURCE_ATTRIBUTES").unwrap();
    assert!(attributes.ends_with("cloud.region=eu,cloud.availability_zone=b"), "{attributes}");

    let log = balancer(&nodes, "lb-a1").span_log.unwrap();
    assert_eq!((log.service.as_str(), log.node.as_str()), ("lb", "lb-a1"));
    assert_eq!(log.peers.get("targets").map(String::as_str), Some("web"));
    assert_eq!((*log.collector.ip(), log.collector.port()), (collector, LOG_PORT));
    let edge = file(node(&nodes, "cdn-a1"), "/etc/lab/cdn.conf");
    for part in [SPAN_HEADER, "pages lb;", "assets s3;", "access_log syslog:"] {
        assert!(edge.contains(part), "no {part} in\n{edge}");
    }
    assert_eq!(control(&nodes).traces.unwrap().sample_percent, 5.0);
}

#[test]
fn a_web_tier_says_whom_it_calls() {
    let nodes = nodes_of(&stage("stage-1m"));
    assert_eq!(env(node(&nodes, "web-a1"), "OTEL_PEER_SERVICES"), Some("api=api-lb"));
}

#[test]
fn a_stage_that_says_nothing_is_not_traced() {
    let nodes = nodes_of(&stage("stage-100k"));
    assert!(nodes.iter().all(|n| n.env.keys().all(|name| !name.starts_with("OTEL"))));
    assert_eq!(balancer(&nodes, "lb-a1").span_log, None);
    assert!(!file(node(&nodes, "cdn-1"), "/etc/lab/cdn.conf").contains("traceparent"));
    let config = control(&nodes);
    assert_eq!((config.traces, config.collector), (None, None));
}

#[test]
fn this_machines_collector_is_at_the_gateway() {
    let collector = |endpoint: &str| {
        let mut stage: Stage = stage("stage-500k");
        stage.observability.otlp_endpoint = Some(endpoint.into());
        control(&nodes_of(&stage)).collector.map(|at| at.to_string())
    };
    assert_eq!(collector("http://localhost:9999").as_deref(), Some("10.77.0.1:9999"));
    assert_eq!(collector("http://192.0.2.7:4318").as_deref(), Some("192.0.2.7:4318"));
}
