use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::layout::Subnet;
use super::node::{NodeSpec, Probe};
use super::observed::{
    Closely, LABEL_IMAGE, Observed, ObservedContainer, ObservedNetwork, Part, State,
};
use super::{Desired, Plan, holder_name, main_name, plan};

fn node(name: &str, priority: u8) -> NodeSpec {
    NodeSpec { priority, ..NodeSpec::for_tests(name) }
}

fn desired() -> Desired {
    let nodes = vec![node("web-a1", 3), node("db-a1", 2)];
    Desired { lab: "lab".into(), nodes, images: BTreeMap::new() }
}

fn network() -> ObservedNetwork {
    ObservedNetwork {
        id: "n".into(),
        name: "lab.network".into(),
        stage: "s".into(),
        definition: "d".into(),
        stage_json: "{}".into(),
        subnet: Subnet(10, 77),
        secret: "x".into(),
    }
}

/// The lab exactly as `desired` wants it.
fn settled() -> Observed {
    settled_as(&desired())
}

fn settled_as(desired: &Desired) -> Observed {
    let mut observed = Observed { network: Some(network()), ..Default::default() };
    for node in &desired.nodes {
        for (name, part) in [
            (holder_name("lab", &node.name), Part::Holder),
            (main_name("lab", &node.name), Part::Main),
        ] {
            let container = ObservedContainer {
                id: name.clone(),
                node: node.name.clone(),
                part,
                spec: node.hash(),
                state: State::Running,
                ports: vec![],
                image: String::new(),
                labels: BTreeMap::new(),
                closely: Closely::default(),
            };
            observed.containers.insert(name, container);
        }
    }
    observed
}

fn set(observed: &mut Observed, container: &str, state: State) {
    observed.containers.get_mut(container).unwrap().state = state;
}

fn text(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|s| format!("{} [{}] after {:?}", s.operation, s.cause, s.after))
        .collect()
}

fn planned(observed: &Observed) -> Vec<String> {
    text(&plan(&desired(), observed))
}

#[test]
fn from_nothing_everything_is_created_in_order_of_priority() {
    insta::assert_yaml_snapshot!(planned(&Observed::default()), @r#"
    - "create network [it does not exist] after []"
    - "create db-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create db-a1 (service) [it does not exist] after [0, 1]"
    - "create web-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create web-a1 (service) [it does not exist] after [0, 3]"
    - "await db-a1 [it was started] after [2]"
    - "await web-a1 [it was started] after [4]"
    "#);
}

fn needing(name: &str, tier: &str, needs: &[&str], probe: Probe) -> NodeSpec {
    let needs = needs.iter().map(|tier| (*tier).to_owned()).collect();
    NodeSpec { tier: tier.into(), needs, probe, ..node(name, 3) }
}

/// A database, a job that fills it, and a page that wants both.
fn waiting() -> Desired {
    let nodes = vec![
        needing("web-a1", "web", &["job"], Probe::Runs),
        needing("job-a1", "job", &["db"], Probe::Done),
        needing("db-a1", "db", &[], Probe::Runs),
    ];
    Desired { nodes, ..desired() }
}

#[test]
fn who_needs_others_begins_when_they_are_ready() {
    insta::assert_yaml_snapshot!(text(&plan(&waiting(), &Observed::default())), @r#"
    - "create network [it does not exist] after []"
    - "create db-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create db-a1 (service) [it does not exist] after [0, 1]"
    - "await db-a1 [it was started] after [2]"
    - "create job-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create job-a1 (service) [it does not exist] after [0, 4, 3]"
    - "await job-a1 [it was started] after [5]"
    - "create web-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create web-a1 (service) [it does not exist] after [0, 7, 6]"
    - "await web-a1 [it was started] after [8]"
    "#);
}

#[test]
fn a_job_that_has_ended_with_success_is_done_and_one_that_failed_is_run_again() {
    let mut observed = settled_as(&waiting());
    set(&mut observed, "lab.job-a1", State::Ended);
    assert_eq!(plan(&waiting(), &observed), Plan::default());
    set(&mut observed, "lab.job-a1", State::Stopped);
    set(&mut observed, "lab.web-a1", State::Stopped);
    insta::assert_yaml_snapshot!(text(&plan(&waiting(), &observed)), @r#"
    - "start lab.job-a1 [it is stopped] after []"
    - "await job-a1 [it was started] after [0]"
    - "start lab.web-a1 [it is stopped] after [1]"
    - "await web-a1 [it was started] after [2]"
    "#);
}

#[test]
fn a_settled_lab_needs_nothing() {
    assert_eq!(plan(&desired(), &settled()), Plan::default());
}

#[test]
fn only_the_removed_node_is_recreated() {
    let mut observed = settled();
    observed.containers.remove("lab.web-a1");
    insta::assert_yaml_snapshot!(planned(&observed), @r#"
    - "create web-a1 (service) [it does not exist] after []"
    - "await web-a1 [it was started] after [0]"
    "#);
}

#[test]
fn a_stopped_or_frozen_node_is_brought_back_as_it_is() {
    let mut observed = settled();
    set(&mut observed, "lab.web-a1", State::Stopped);
    set(&mut observed, "lab.db-a1", State::Paused);
    insta::assert_yaml_snapshot!(planned(&observed), @r#"
    - "wake lab.db-a1 [it is frozen] after []"
    - "start lab.web-a1 [it is stopped] after []"
    - "await db-a1 [it was started] after [0]"
    - "await web-a1 [it was started] after [1]"
    "#);
}

#[test]
fn a_node_that_was_never_started_may_lack_its_configuration_and_is_made_anew() {
    let mut observed = settled();
    set(&mut observed, "lab.web-a1", State::Created);
    set(&mut observed, "lab.db-a1.net", State::Created);
    set(&mut observed, "lab.db-a1", State::Created);
    insta::assert_yaml_snapshot!(planned(&observed), @r#"
    - "start lab.db-a1.net [it is stopped] after []"
    - "remove lab.db-a1 [it was never started] after []"
    - "create db-a1 (service) [it was never started] after [0, 1]"
    - "remove lab.web-a1 [it was never started] after []"
    - "create web-a1 (service) [it was never started] after [3]"
    - "await db-a1 [it was started] after [2]"
    - "await web-a1 [it was started] after [4]"
    "#);
}

#[test]
fn a_changed_node_and_one_without_its_network_are_made_anew() {
    let mut observed = settled();
    observed.containers.get_mut("lab.web-a1").unwrap().spec = "old".into();
    observed.containers.remove("lab.db-a1.net");
    insta::assert_yaml_snapshot!(planned(&observed), @r#"
    - "remove lab.db-a1 [its network is gone] after []"
    - "create db-a1 network (10.77.1.10) [its network is gone] after [0]"
    - "create db-a1 (service) [its network is gone] after [0, 1]"
    - "remove lab.web-a1 [its definition changed] after []"
    - "remove lab.web-a1.net [its definition changed] after []"
    - "create web-a1 network (10.77.1.10) [its definition changed] after [3, 4]"
    - "create web-a1 (service) [its definition changed] after [3, 4, 5]"
    - "await db-a1 [it was started] after [2]"
    - "await web-a1 [it was started] after [6]"
    "#);
}

#[test]
fn a_restarted_holder_takes_its_main_container_along() {
    let mut observed = settled();
    set(&mut observed, "lab.web-a1.net", State::Stopped);
    insta::assert_yaml_snapshot!(planned(&observed), @r#"
    - "start lab.web-a1.net [it is stopped] after []"
    - "remove lab.web-a1 [its network was restarted] after []"
    - "create web-a1 (service) [its network was restarted] after [0, 1]"
    - "await web-a1 [it was started] after [2]"
    "#);
}

#[test]
fn a_task_in_reserve_is_created_not_awaited_and_then_left_to_its_group() {
    let mut desired = desired();
    desired.nodes[0].reserve = true;
    insta::assert_yaml_snapshot!(text(&plan(&desired, &Observed::default())), @r#"
    - "create network [it does not exist] after []"
    - "create db-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create db-a1 (service) [it does not exist] after [0, 1]"
    - "create web-a1 network (10.77.1.10) [it does not exist] after [0]"
    - "create web-a1 (service, in reserve) [it does not exist] after [0, 3]"
    - "await db-a1 [it was started] after [2]"
    "#);
    let mut observed = settled();
    for container in observed.containers.values_mut().filter(|c| c.node == "web-a1") {
        container.spec = desired.nodes[0].hash();
    }
    for state in [State::Created, State::Ended, State::Running] {
        set(&mut observed, "lab.web-a1", state);
        assert_eq!(text(&plan(&desired, &observed)), Vec::<String>::new(), "{state:?}");
    }
    set(&mut observed, "lab.web-a1", State::Stopped);
    assert_eq!(
        text(&plan(&desired, &observed)),
        ["start lab.web-a1 [it is stopped] after []"],
        "it failed"
    );
}

#[test]
fn a_node_that_is_not_in_reserve_never_rests() {
    let mut observed = settled();
    set(&mut observed, "lab.web-a1", State::Ended);
    assert_eq!(planned(&observed)[0], "start lab.web-a1 [it is stopped] after []");
}

#[test]
fn what_the_stage_does_not_know_is_removed_but_fault_markers_stay() {
    let mut observed = settled();
    let mut stranger = observed.containers["lab.web-a1"].clone();
    stranger.node = "cache-a1".into();
    observed.containers.insert("lab.cache-a1".into(), stranger.clone());
    stranger.part = Part::Fault;
    stranger.node = String::new();
    observed.containers.insert("lab.fault.1".into(), stranger);
    insta::assert_yaml_snapshot!(planned(&observed), @r#"
    - "remove lab.cache-a1 [not in the stage] after []"
    "#);
}

#[test]
fn a_release_changes_a_task_and_not_its_network() {
    let released = |release: &str| {
        let env = [("RELEASE".to_owned(), release.to_owned())].into();
        NodeSpec { release: Some(release.into()), env, ..node("web-a1", 3) }
    };
    let (old, new) = (released("v1"), released("v2"));
    assert_ne!(old.hash(), new.hash());
    assert_eq!(old.holder_hash(), new.holder_hash());
    let moved = NodeSpec { address: Ipv4Addr::new(10, 77, 1, 11), ..new };
    assert_ne!(old.holder_hash(), moved.holder_hash(), "another address is another network");
    let without = node("web-a1", 3);
    assert_eq!(without.hash(), without.holder_hash());
}

fn started(observed: &mut Observed, container: &str, at: i64) {
    let closely = Closely { started_us: Some(at), ..Closely::default() };
    observed.containers.get_mut(container).unwrap().closely = closely;
}

#[test]
fn what_was_renamed_is_removed_and_the_node_made_anew() {
    let mut observed = settled();
    let web = observed.containers.remove("lab.web-a1").unwrap();
    observed.containers.insert("lab.renamed".into(), web);
    let anew = [
        "remove lab.renamed [it was renamed] after []",
        "create web-a1 (service) [it does not exist] after [0]",
        "await web-a1 [it was started] after [1]",
    ];
    assert_eq!(planned(&observed), anew);
}

#[test]
fn a_node_that_was_taken_out_of_the_network_is_made_anew_as_a_whole() {
    let mut observed = settled();
    let holder = observed.containers.get_mut("lab.web-a1.net").unwrap();
    holder.closely.attached = Some(true);
    assert_eq!(plan(&desired(), &observed), Plan::default());
    let holder = observed.containers.get_mut("lab.web-a1.net").unwrap();
    holder.closely.attached = Some(false);
    let steps = planned(&observed);
    assert_eq!(steps[0], "remove lab.web-a1 [it was taken out of the network] after []");
    assert_eq!(steps.len(), 5, "{steps:?}");
}

#[test]
fn a_component_that_is_older_than_its_network_is_made_anew() {
    let mut observed = settled();
    for (name, at) in [("lab.db-a1.net", 5), ("lab.db-a1", 6), ("lab.web-a1", 6)] {
        started(&mut observed, name, at);
    }
    assert_eq!(plan(&desired(), &observed), Plan::default(), "it is younger");
    started(&mut observed, "lab.web-a1.net", 7);
    for state in [State::Running, State::Paused] {
        set(&mut observed, "lab.web-a1", state);
        let anew = [
            "remove lab.web-a1 [its network was restarted] after []",
            "create web-a1 (service) [its network was restarted] after [0]",
            "await web-a1 [it was started] after [1]",
        ];
        assert_eq!(planned(&observed), anew);
    }
    set(&mut observed, "lab.web-a1", State::Stopped);
    assert_eq!(planned(&observed)[0], "start lab.web-a1 [it is stopped] after []");
}

#[test]
fn a_task_whose_image_was_built_anew_is_made_anew() {
    let mut observed = settled();
    let made = |observed: &mut Observed, container: &str, image: &str| {
        let labels = &mut observed.containers.get_mut(container).unwrap().labels;
        labels.insert(LABEL_IMAGE.into(), image.into());
    };
    made(&mut observed, "lab.web-a1", "sha256:old");
    let now = |image: &str| {
        let images = [("lab/app:1".to_owned(), image.to_owned())].into();
        text(&plan(&Desired { images, ..desired() }, &observed))
    };
    assert_eq!(now("sha256:old"), Vec::<String>::new(), "nobody knows what db-a1 was made from");
    let anew = [
        "remove lab.web-a1 [its image was built anew] after []",
        "create web-a1 (service) [its image was built anew] after [0]",
        "await web-a1 [it was started] after [1]",
    ];
    assert_eq!(now("sha256:new"), anew);
}

#[test]
fn who_does_not_answer_is_waited_for_and_told() {
    let mut observed = settled();
    observed.not_ready.insert("web-a1".into(), "GET /readyz answers 503".into());
    observed.not_ready.insert("db-a1".into(), "port 80 does not answer".into());
    set(&mut observed, "lab.db-a1", State::Stopped);
    let expected = [
        "start lab.db-a1 [it is stopped] after []",
        "await db-a1 [it was started] after [0]",
        "await web-a1 [it is not ready: GET /readyz answers 503] after []",
    ];
    assert_eq!(planned(&observed), expected);
}
