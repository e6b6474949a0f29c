//! A slow dependency and a flood: what they hit.

use std::time::Duration;

use super::{places, roles};
use crate::chaos::{Act, Adjust, Injection, adjusted, offers, resolve};
use crate::spec;
use crate::spec::model::{Fault, Flood, SlowDependency, Stage, Toxic};
use crate::spec::workload::Asked;

const SERVICES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/stages/services.yaml"));

fn stage() -> Stage {
    spec::parse(SERVICES, "services.yaml").unwrap()
}

fn of(fault: &Fault) -> Result<Injection, String> {
    let stage = stage();
    resolve(fault, &stage, &places(&stage), &places(&stage), &roles(), 1).map_err(|e| e.to_string())
}

#[test]
fn a_slow_dependency_is_slow_in_every_zone_and_nothing_else_is() {
    let injection = of(&Fault::SlowDependency(SlowDependency::default())).unwrap();
    let routes = injection.routes();
    let found: Vec<(&str, &str)> =
        routes.iter().map(|r| (r.node.as_str(), r.route.as_str())).collect();
    let route = "api-to-aws-ministack-ses";
    assert_eq!(found, [("api-net-a1", route), ("api-net-b1", route)]);
    let slow = Toxic::Latency { latency_ms: 5000, jitter_ms: 0 };
    assert!(routes.iter().all(|r| r.toxic == slow), "{routes:?}");
    assert_eq!(injection.duration, Duration::from_secs(20));
}

#[test]
fn a_dependency_that_nobody_calls_is_said() {
    let other = SlowDependency { tier: Some("web".into()), ..SlowDependency::default() };
    let problem = of(&Fault::SlowDependency(other)).unwrap_err();
    assert!(problem.contains("no network proxy has a route to the service `ses`"), "{problem}");
}

#[test]
fn a_cut_edge_is_cut_for_every_service() {
    let stage = stage();
    let offers = offers(&stage);
    let cut = offers.iter().find(|o| o.name == "cut").unwrap();
    let edge = Adjust { tier: Some("api:aws".into()), ..Adjust::default() };
    let injection = of(&adjusted(&cut.fault, edge).unwrap()).unwrap();
    assert_eq!(injection.routes().len(), 6, "three routes in each of two zones");
}

#[test]
fn a_stage_offers_its_services_slow_and_a_flood() {
    let offers = offers(&stage());
    let named = |name: &str| offers.iter().find(|o| o.name == name).unwrap();
    let adjust = || Adjust {
        tier: Some("api".into()),
        latency_ms: Some(700),
        for_ms: Some(1000),
        ..Adjust::default()
    };
    let slow = adjusted(&named("slow-ses").fault, adjust()).unwrap();
    let wanted = SlowDependency {
        service: Some("ses".into()),
        tier: Some("api".into()),
        latency_ms: Some(700),
        jitter_ms: 0,
        for_ms: Some(1000),
    };
    assert_eq!(slow, Fault::SlowDependency(wanted));
    let greedy = Adjust { clients: Some(2), per_s: Some(50), ..Adjust::default() };
    let flood = adjusted(&named("flood").fault, greedy).unwrap();
    assert_eq!(
        flood,
        Fault::Flood(Flood { clients: Some(2), per_s: Some(50), ..Flood::default() })
    );
    assert_eq!(adjusted(&flood, adjust()), Err("TARGET"));
}

#[test]
fn a_flood_comes_to_where_all_users_do() {
    let injection = of(&Fault::Flood(Flood::default())).unwrap();
    let [Act::Flood { node, addresses, clients: 1, per_s: 300, asked }] = injection.acts.as_slice()
    else {
        panic!("{:?}", injection.acts);
    };
    assert_eq!((node.as_str(), addresses.len(), asked), ("cdn-1", 1, &Asked::literally("/cart")));
    assert!(!injection.hold);
}
