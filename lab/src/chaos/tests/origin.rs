//! An edge cache without its origin: cut off where its requests really go.

use super::{places, roles};
use crate::chaos::{Act, Injection, resolve};
use crate::spec::model::{Fault, OriginDown, Stage, Toxic};

fn of(stage: &Stage) -> Injection {
    let fault = Fault::OriginDown(OriginDown::default());
    resolve(&fault, stage, &places(stage), &places(stage), &roles(), 1).unwrap()
}

#[test]
fn behind_a_network_proxy_its_edge_to_the_pages_is_cut_and_the_one_to_the_assets_is_not() {
    let stage = crate::spec::load("stage-100k").unwrap().0;
    let injection = of(&stage);
    assert!(!injection.acts.is_empty());
    for act in &injection.acts {
        let Act::Poison { node, poisoned } = act else { panic!("{act:?}") };
        assert_eq!((node.as_str(), poisoned.toxic), ("cdn-net-1", Toxic::Cut));
        assert!(poisoned.route.contains("lb"), "{}", poisoned.route);
    }
}

#[test]
fn without_one_the_packets_between_the_two_are_dropped() {
    let mut stage = crate::spec::load("stage-100k").unwrap().0;
    stage.faultable_edges = false;
    for edge in &mut stage.edges {
        edge.faultable = None;
    }
    let injection = of(&stage);
    let [Act::Cut { node, peers }] = injection.acts.as_slice() else { panic!("{injection:?}") };
    assert_eq!((node.as_str(), peers.len()), ("cdn-1", 2));
    assert!(injection.hold);
}
