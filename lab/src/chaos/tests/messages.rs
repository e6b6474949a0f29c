//! What faults of queues, messages and workers hit.

use std::time::Duration;

use super::{places, roles};
use crate::chaos::{Act, Injection, ResolveError, offers, resolve};
use crate::plan::layout::Place;
use crate::spec::model::{
    DuplicateDelivery, Fault, KillWorker, Outage, PoisonMessage, QueueOutage, Stage, Toxic,
};
use crate::spec::slots::Duty;

fn stage() -> Stage {
    crate::spec::load("stage-1m").unwrap().0
}

fn awake(stage: &Stage) -> Vec<Place> {
    places(stage).into_iter().filter(|p| p.duty != Duty::Reserve || p.tier != "api").collect()
}

fn resolved(fault: &Fault) -> Result<Injection, ResolveError> {
    let stage = stage();
    resolve(fault, &stage, &awake(&stage), &places(&stage), &roles(), 7)
}

#[test]
fn an_outage_of_the_queues_hits_their_emulator_and_no_other() {
    let injection = resolved(&Fault::QueueOutage(QueueOutage::default())).unwrap();
    assert_eq!(injection.acts, [Act::Silence { node: "queues-ministack".into() }]);
    assert!(injection.hold);
    let mail = Outage { tier: None, service: "ses".into(), for_ms: None };
    assert_eq!(resolved(&Fault::Outage(mail)).unwrap().nodes, ["aws-localstack"]);
}

#[test]
fn one_tier_alone_is_cut_off_where_its_calls_pass() {
    let from = |tier: &str| {
        let from = Some(tier.to_owned());
        resolved(&Fault::QueueOutage(QueueOutage { from, ..Default::default() })).unwrap()
    };
    // Behind network proxies their routes to the queues are cut, and those to the mail service not.
    let mailer = from("mailer");
    assert_eq!(mailer.nodes, ["mailer-net-a1", "mailer-net-b1"]);
    assert!(mailer.routes().iter().all(|r| r.toxic == Toxic::Cut && r.route.contains("queues")));
    assert_eq!(mailer.duration, Duration::from_secs(10));
    // Without one the queues drop what comes from any of its tasks, also those that begin meanwhile.
    let api = from("api");
    assert!(api.hold && api.nodes == ["queues-ministack"], "{api:?}");
    let [Act::Cut { peers, .. }] = api.acts.as_slice() else { panic!("{api:?}") };
    let all: Vec<_> = places(&stage()).into_iter().filter(|p| p.tier == "api").collect();
    assert!(all.iter().any(|p| p.duty == Duty::Reserve));
    assert_eq!(*peers, all.iter().map(|p| p.address).collect::<Vec<_>>());
}

#[test]
fn messages_are_those_of_the_mailers_unless_a_tier_is_named() {
    let duplicate = |tier: Option<&str>| {
        let tier = tier.map(str::to_owned);
        let fault = Fault::DuplicateDelivery(DuplicateDelivery { tier, for_ms: None });
        let acts = resolved(&fault).unwrap().acts;
        let [Act::Duplicate { node, queue }] = acts.as_slice() else { panic!("{acts:?}") };
        assert_eq!(node, "queues-ministack");
        (queue.name.clone(), queue.workers.len())
    };
    assert_eq!(duplicate(None), ("order-mail".into(), 2));
    assert_eq!(duplicate(Some("feed")), ("order-feed".into(), 4));
    let none = Fault::KillWorker(KillWorker { tier: Some("web".into()), for_ms: None });
    assert!(matches!(resolved(&none), Err(ResolveError::Tier { .. })));
}

#[test]
fn bad_messages_are_given_the_time_to_become_dead_letters() {
    let fault = Fault::PoisonMessage(PoisonMessage { messages: Some(2), ..Default::default() });
    let injection = resolved(&fault).unwrap();
    assert!(matches!(injection.acts.as_slice(), [Act::Spoil { messages: 2, .. }]));
    let worker = stage().queue_of(None).unwrap().worker.clone();
    let dead_after = u64::from(worker.visibility_s) * u64::from(worker.max_receives);
    assert!(injection.duration > Duration::from_secs(dead_after));
    assert!(!injection.hold);
}

#[test]
fn all_workers_of_a_tier_are_hunted_and_may_be_replaced_meanwhile() {
    let injection = resolved(&Fault::KillWorker(KillWorker::default())).unwrap();
    assert_eq!(injection.nodes, ["mailer-a1", "mailer-b1"]);
    assert!(!injection.hold, "the control plane starts them again");
    let [Act::Hunt { nodes, seed: 7, .. }] = injection.acts.as_slice() else {
        panic!("{injection:?}")
    };
    assert_eq!(*nodes, injection.nodes);
}

#[test]
fn only_a_stage_with_workers_offers_these_faults() {
    let names = |stage: &Stage| -> Vec<String> {
        let all = offers(stage).into_iter().map(|o| o.name);
        all.filter(|n| {
            ["queue-outage", "duplicate-delivery", "poison-message", "kill-worker"]
                .contains(&n.as_str())
        })
        .collect()
    };
    assert_eq!(names(&stage()).len(), 4);
    assert!(names(&super::zoned()).is_empty());
}
