//! A web tier apart from its application tier, an API gateway, and a route of its own to each managed
//! service.

use super::load_balancer::CONFIG_PATH;
use super::tests_growth::{env, file, node, nodes_of};
use crate::balancer::{BalancerConfig, TokenBucket};
use crate::spec::model::Stage;
use crate::spec::parse;

const SERVICES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/stages/services.yaml"));

fn stage() -> Stage {
    parse(SERVICES, "services.yaml").unwrap()
}

#[test]
fn a_web_task_is_told_the_load_balancers_and_no_database() {
    let mut stage = stage();
    let all = nodes_of(&stage);
    let web = node(&all, "web-b1");
    assert_eq!(env(web, "ROLE"), Some("front"));
    assert_eq!(env(web, "DATABASE_HOSTS"), None);
    // Through the network proxy of its own zone.
    let proxy = node(&all, "web-net-b1").address;
    let hosts = format!("{proxy}:20001,{proxy}:20000");
    assert_eq!(env(web, "API_HOSTS"), Some(&*hosts), "the zone's own first");
    assert_eq!(env(web, "API_URL"), Some(&*format!("http://{proxy}:20001")));
    let api = node(&all, "api-a1");
    assert_eq!((env(api, "ROLE"), env(api, "API_HOSTS")), (None, None));

    for edge in &mut stage.edges {
        edge.faultable = None;
    }
    let all = nodes_of(&stage);
    let balancers = ["api-lb-b1", "api-lb-a1"].map(|n| format!("{}:8080", node(&all, n).address));
    assert_eq!(env(node(&all, "web-b1"), "API_HOSTS"), Some(&*balancers.join(",")));
}

#[test]
fn mail_is_sent_inside_requests_where_the_stage_says_so() {
    let all = nodes_of(&stage());
    let told = |name| env(node(&all, "api-a1"), name);
    assert_eq!((told("MAIL"), told("MAIL_INLINE")), (Some("ses"), Some("on")));
    assert_eq!((told("BULKHEAD"), told("REQUEST_SLOTS")), (Some("on"), Some("8")));
    let without = SERVICES.replace("bulkhead: true", "bulkhead: false");
    let all = nodes_of(&parse(&without, "s.yaml").unwrap());
    assert_eq!(env(node(&all, "api-a1"), "BULKHEAD"), Some("off"));
    assert_eq!(env(node(&all, "web-a1"), "MAIL_INLINE"), None);
}

#[test]
fn along_a_faultable_edge_each_managed_service_has_a_route_of_its_own() {
    let all = nodes_of(&stage());
    let api = node(&all, "api-a1");
    let proxy = node(&all, "api-net-a1");
    let at = |port: u16| format!("http://{}:{port}", proxy.address);
    assert_eq!(env(api, "AWS_ENDPOINT_URL"), Some(&*at(20_000)));
    assert_eq!(env(api, "AWS_ENDPOINT_URL_SQS"), Some(&*at(20_001)));
    assert_eq!(env(api, "AWS_ENDPOINT_URL_SES"), Some(&*at(20_002)));
    let routes = file(proxy, "/etc/lab/netproxy.json");
    for name in ["api-to-aws-ministack", "api-to-aws-ministack-sqs", "api-to-aws-ministack-ses"] {
        assert_eq!(routes.matches(&format!("\"{name}\"")).count(), 1, "{name} in {routes}");
    }
    let emulator = format!("\"{}:4566\"", node(&all, "aws-ministack").address);
    assert_eq!(routes.matches(&emulator).count(), 3, "all lead to the same emulator");
}

#[test]
fn a_gateway_has_its_part_of_every_bucket() {
    let all = nodes_of(&stage());
    let gateway = node(&all, "gateway-a1");
    assert_eq!(gateway.kind, "api-gateway");
    let config: BalancerConfig = serde_json::from_str(file(gateway, CONFIG_PATH)).unwrap();
    let names: Vec<&str> = config.targets.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["lb-a1", "lb-b1"]);
    let told = config.gateway.unwrap();
    assert_eq!(told.total, TokenBucket { per_minute: 12_000, burst: 100 });
    assert_eq!(told.client, Some(TokenBucket { per_minute: 600, burst: 20 }));
    assert_eq!((told.timeout_ms, told.trusted.as_str()), (29_000, "10.77.0.0/16"));
    assert_eq!(told.plans[0].keys, ["partner-1"]);
    // The edge cache asks both gateways.
    let edge = file(node(&all, "cdn-1"), "/etc/lab/cdn.conf");
    for name in ["gateway-a1", "gateway-b1"] {
        let server = format!("server {}:8080", node(&all, name).address);
        assert!(edge.contains(&server), "{server} in {edge}");
    }
}
