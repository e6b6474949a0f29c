//! A flash crowd: whom it asks, and for what.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{boxed, places, roles, zoned};
use crate::chaos::{Act, Injection, resolve};
use crate::spec::model::{Fault, FlashCrowd, Stage};
use crate::spec::workload::Asked;

fn of(stage: &Stage, crowd: FlashCrowd) -> Injection {
    resolve(&Fault::FlashCrowd(crowd), stage, &places(stage), &places(stage), &roles(), 1).unwrap()
}

fn at(address: [u8; 4]) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(address), 8080)
}

#[test]
fn it_asks_the_entry_for_one_object_a_thousand_times() {
    let injection = of(&zoned(), FlashCrowd::default());
    let wanted = Act::Crowd {
        node: "lb-a1".into(),
        addresses: vec![at([10, 77, 1, 10])],
        requests: 1000,
        asked: Asked::literally("/products/1"),
        signed_in: false,
        cold: false,
    };
    assert_eq!(injection.acts, [wanted]);
    assert_eq!(injection.nodes, ["lb-a1"]);
    assert!(!injection.hold, "the nodes are not hurt");
    assert!(injection.duration > crate::chaos::crowd::PATIENCE, "who waits is not sent away");
}

#[test]
fn it_asks_every_node_of_the_entry_for_what_the_stage_says() {
    let stage = crate::spec::load("stage-10k").unwrap().0;
    let given = FlashCrowd {
        requests: Some(7),
        path: Some("/posts".into()),
        signed_in: true,
        ..FlashCrowd::default()
    };
    let wanted = Act::Crowd {
        node: "lb-a1".into(),
        addresses: vec![at([10, 77, 1, 10]), at([10, 77, 2, 10])],
        requests: 7,
        asked: Asked::literally("/posts"),
        signed_in: true,
        cold: false,
    };
    assert_eq!(of(&stage, given).acts, [wanted]);
    assert_eq!(of(&boxed(), FlashCrowd::default()).nodes, ["box-a1"]);
}

#[test]
fn an_entry_without_nodes_cannot_be_asked() {
    let stage = zoned();
    let places: Vec<_> = places(&stage).into_iter().filter(|p| p.tier != "lb").collect();
    let fault = Fault::FlashCrowd(FlashCrowd::default());
    let error = resolve(&fault, &stage, &places, &places, &roles(), 1).unwrap_err();
    assert_eq!(error.to_string(), "the entry `lb` has no node to ask");
}

#[test]
fn guests_ask_for_what_no_edge_cache_can_have_and_others_for_an_operation() {
    let stage = crate::spec::load("stage-100k").unwrap().0;
    let operation = Some("browse".into());
    for (signed_in, wanted) in [(false, true), (true, false)] {
        let crowd = FlashCrowd { operation: operation.clone(), signed_in, ..FlashCrowd::default() };
        let injection = of(&stage, crowd);
        let [Act::Crowd { asked, cold, .. }] = injection.acts.as_slice() else { panic!("a crowd") };
        assert_eq!((asked, *cold), (&Asked::Operation("browse".into()), wanted));
    }
}
