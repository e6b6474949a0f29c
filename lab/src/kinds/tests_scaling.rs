//! What a scaling group becomes: tasks in reserve, targets of the load balancers, and what the control
//! plane is told of it.

use super::tests_growth::{env, file, node, nodes_of, stage};
use crate::control::{CONFIG_PATH, ControlConfig};
use crate::plan::node::NodeSpec;
use crate::spec::model::Stage;
use crate::spec::releases::as_deployed;

#[test]
fn a_group_has_a_reserve_that_load_balancers_know_and_the_control_plane_runs() {
    let nodes = nodes_of(&stage("stage-500k"));
    let tasks = || nodes.iter().filter(|n| n.tier == "web");
    let reserve: Vec<&str> = tasks().filter(|n| n.reserve).map(|n| n.name.as_str()).collect();
    assert_eq!((tasks().count(), reserve.len()), (16, 10));
    assert!(!node(&nodes, "web-a3").reserve && node(&nodes, "web-a4").reserve, "{reserve:?}");
    assert_eq!(env(node(&nodes, "web-a1"), "DRAIN_MS"), Some("2000"));
    let targets = file(node(&nodes, "lb-a1"), super::load_balancer::CONFIG_PATH);
    assert!(tasks().all(|n| targets.contains(&n.address.to_string())), "{targets}");
    assert!(targets.contains("\"interval_ms\": 500"), "the provider's time is scaled");

    let config: ControlConfig =
        serde_json::from_str(file(node(&nodes, "control"), CONFIG_PATH)).unwrap();
    let [group] = config.groups.as_slice() else { panic!("{:?}", config.groups) };
    assert_eq!((group.tier.as_str(), group.min, group.scaling.max), ("web", 6, 16));
    assert_eq!((group.time_scale, group.balancers.len()), (20.0, 2));
    let watched = config.nodes.iter().find(|n| n.name == "web-b8").unwrap();
    assert!(watched.reserve && watched.zone == "b", "{watched:?}");
    let cloudwatch = config.cloudwatch.unwrap();
    assert_eq!(cloudwatch.address, node(&nodes, "aws-localstack").address);
}

#[test]
fn a_tier_of_functions_is_run_by_the_control_plane_in_the_stages_time() {
    let mut stage = stage("stage-1m");
    let config = |stage: &Stage| -> ControlConfig {
        serde_json::from_str(file(node(&nodes_of(stage), "control"), CONFIG_PATH)).unwrap()
    };
    let of_stage = config(&stage);
    assert_eq!(of_stage.entry_tier(), "cdn");
    let [feed] = of_stage.functions.as_slice() else { panic!("{:?}", of_stage.functions) };
    assert_eq!((&*feed.queue.tier, &*feed.queue.name), ("feed", "order-feed"));
    assert_eq!((feed.max, feed.each, feed.idle_ms), (4, 10, 15_000));
    stage.time_scale *= 3.0;
    assert_eq!(config(&stage).functions[0].idle_ms, 5000);
    stage.traffic.entry = "nobody".into();
    assert_eq!(config(&stage).entry_tier(), "");
}

#[test]
fn a_stage_without_groups_has_no_reserve() {
    let nodes = nodes_of(&stage("stage-100k"));
    assert!(nodes.iter().all(|n| !n.reserve));
    let config: ControlConfig =
        serde_json::from_str(file(node(&nodes, "control"), CONFIG_PATH)).unwrap();
    assert!(config.groups.is_empty() && config.cloudwatch.is_none());
}

#[test]
fn a_task_is_what_its_release_makes_it() {
    let stage = stage("stage-500k");
    let deployed =
        |release: &str| as_deployed(&stage, &[("web".to_owned(), release.to_owned())].into());
    let first = nodes_of(&stage);
    let slow = nodes_of(&deployed("v2-slow"));
    let (before, after) = (node(&first, "web-a1"), node(&slow, "web-a1"));
    assert_eq!((before.release.as_deref(), env(before, "DEFECT")), (Some("v1"), None));
    assert_eq!((env(after, "RELEASE"), env(after, "DEFECT")), (Some("v2-slow"), Some("slow")));
    assert_eq!(before.holder_hash(), after.holder_hash());
    let others = |nodes: &[NodeSpec]| -> Vec<String> {
        nodes.iter().filter(|n| n.tier != "web").map(NodeSpec::hash).collect()
    };
    assert_eq!(others(&first), others(&slow), "nobody else notices, the control plane included");
    assert_eq!(nodes_of(&deployed("v9")), first, "an unknown release changes nothing");
}
