//! What the built-in stages become: every node with its image, configuration, environment and
//! readiness. A change here is a change of what runs, and recreates the nodes of running labs.

use std::collections::BTreeMap;

use super::{Context, PublishMode, nodes, password};
use crate::plan::layout::Subnet;
use crate::plan::node::NodeSpec;
use crate::spec;
use crate::spec::model::{GivenCapability, Kind, Stage};

/// Not the secret of any lab.
const SECRET: &str = "test-secret";

fn stage(name: &str) -> Stage {
    spec::load(name).unwrap_or_else(|e| panic!("{e}")).0
}

fn nodes_with(stage: &Stage, secret: &str, publish: PublishMode) -> Vec<NodeSpec> {
    let images = ["app", "box", "control", "etcd", "nginx", "postgres"]
        .map(|name| (name.to_owned(), format!("lab/{name}:test")));
    nodes(&Context {
        lab: "lab",
        stage,
        subnet: Subnet(10, 77),
        secret,
        images: &BTreeMap::from(images),
        publish,
    })
}

fn nodes_of(name: &str) -> Vec<NodeSpec> {
    nodes_with(&stage(name), SECRET, PublishMode::AsDeclared)
}

#[test]
fn nodes_of_stage_1() {
    insta::assert_yaml_snapshot!(nodes_of("stage-1"));
}

#[test]
fn nodes_of_stage_100() {
    insta::assert_yaml_snapshot!(nodes_of("stage-100"));
}

#[test]
fn nodes_of_stage_1k() {
    insta::assert_yaml_snapshot!(nodes_of("stage-1k"));
}

#[test]
fn passwords_follow_from_the_secret_and_the_secret_itself_is_told_to_no_node() {
    for name in ["stage-1", "stage-100", "stage-1k"] {
        let text = |secret: &str| {
            serde_json::to_string(&nodes_with(&stage(name), secret, PublishMode::AsDeclared))
                .unwrap()
        };
        assert!(!text(SECRET).contains(SECRET), "{name}");
        if name != "stage-1" {
            assert!(text(SECRET).contains(&password(SECRET, "shop")), "{name}");
            assert_ne!(text(SECRET), text("another"), "{name}");
        }
    }
    assert_ne!(password(SECRET, "shop"), password(SECRET, "postgres"));
}

#[test]
fn names_and_addresses_are_unique_and_the_control_plane_comes_last() {
    for name in ["stage-1", "stage-100", "stage-1k"] {
        let nodes = nodes_of(name);
        let unique = |of: fn(&NodeSpec) -> String| {
            nodes.iter().map(of).collect::<std::collections::BTreeSet<_>>().len() == nodes.len()
        };
        assert!(unique(|n| n.name.clone()) && unique(|n| n.address.to_string()), "{name}");
        assert_eq!(nodes.last().map(|n| n.kind.as_str()), Some("control"), "{name}");
        // Whoever holds Docker's socket holds the machine.
        let with_binds = nodes.iter().filter(|n| !n.binds.is_empty()).count();
        assert_eq!(with_binds, 1, "{name}");
    }
}

#[test]
fn published_ports_follow_the_stage_or_the_user() {
    let published = |mode| {
        let nodes = nodes_with(&stage("stage-1k"), SECRET, mode);
        nodes.iter().filter_map(|n| n.publish).map(|p| p.host).collect::<Vec<_>>()
    };
    assert_eq!(published(PublishMode::AsDeclared), [8080, 8081]);
    assert_eq!(published(PublishMode::From(9000)), [9000, 9001]);
    assert_eq!(published(PublishMode::From(0)), [0, 0]);
}

#[test]
fn exactly_one_member_of_a_cluster_makes_it_the_one_in_the_zone_that_the_stage_names() {
    let mut stage = stage("stage-1k");
    for zone in ["a", "b"] {
        if let Some(crate::spec::model::Kind::Postgres(kind)) =
            stage.tiers.get_mut("db").map(|t| &mut t.kind)
        {
            kind.primary = Some(zone.into());
        }
        let nodes = nodes_with(&stage, SECRET, PublishMode::AsDeclared);
        let makers: Vec<&str> = nodes
            .iter()
            .filter(|n| n.files.iter().any(|f| f.content.contains("bootstrap:")))
            .map(|n| n.zone.as_str())
            .collect();
        assert_eq!(makers, [zone]);
    }
}

#[test]
fn an_image_of_ones_own_has_what_docker_gives_and_ours_have_nothing() {
    let mut stage = stage("stage-1k");
    let ours = nodes_with(&stage, SECRET, PublishMode::AsDeclared);
    assert!(ours.iter().all(|n| n.capabilities() == (Vec::new(), vec!["ALL".to_owned()])));
    let Kind::Service(web) = &mut stage.tiers["web"].kind else { panic!() };
    web.image = "theirs".into();
    web.cap_drop = vec![GivenCapability::NetRaw];
    web.user = Some("app".into());
    let nodes = nodes_with(&stage, SECRET, PublishMode::AsDeclared);
    let theirs = nodes.iter().find(|n| n.tier == "web").unwrap();
    assert_eq!(theirs.capabilities(), (Vec::new(), vec!["NET_RAW".to_owned()]));
    assert_eq!(theirs.user(), Some("app"));
    let others = nodes.iter().filter(|n| n.tier != "web");
    assert!(others.into_iter().all(|n| n.rights.is_none()), "and the rest stays as it was");
}
