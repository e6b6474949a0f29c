//! What the demo application is told about queues, topics, buses and mail.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::{Context, aws};
use crate::plan::QueueAt;
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::spec::model::{Acknowledge, Events, Job, Kind, Mail, Service, Stage, Worker};
use crate::spec::slots::Duty;

/// The queues that workers take.
pub fn queues(stage: &Stage, places: &[Place]) -> Vec<QueueAt> {
    let found = stage.queues().into_iter().filter_map(|queue| {
        let Kind::Aws(aws) = &stage.tiers.get(queue.aws)?.kind else { return None };
        let node = with_duty(places, queue.aws, Duty::Emulator(aws.services.sqs?)).next()?;
        let port = super::port_of(&stage.tiers.get(queue.tier)?.kind);
        let workers = of_tier(places, queue.tier).map(|p| SocketAddrV4::new(p.address, port));
        let others = stage.tiers.iter().filter(|(name, tier)| {
            let Kind::Service(service) = &tier.kind else { return false };
            *name != queue.tier && (service.worker.is_some() || service.events.is_some())
        });
        let others = others.map(|(name, tier)| {
            let port = super::port_of(&tier.kind);
            of_tier(places, name).map(move |p| SocketAddrV4::new(p.address, port))
        });
        Some(QueueAt {
            name: queue.worker.queue.clone(),
            tier: queue.tier.to_owned(),
            node: node.name.clone(),
            at: SocketAddrV4::new(node.address, aws::AWS_PORT),
            region: aws::region_of(stage, node),
            workers: workers.collect(),
            others: others.flatten().collect(),
        })
    });
    found.collect()
}

/// The endpoints of the tier with queues, where it is not the one with the other services: each
/// service has its own variable, and what the other tier says stays.
pub(super) fn endpoints(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &Service,
) -> BTreeMap<String, String> {
    let tier = kind.messaging.as_ref().filter(|tier| kind.aws.as_ref() != Some(tier));
    tier.map(|tier| aws::env(context, places, place, tier)).unwrap_or_default()
}

/// Settings of the demo application.
pub(super) fn env(context: &Context<'_>, kind: &Service) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    if let Some(events) = &kind.events {
        let queues = context.stage.queues();
        let worker = queues.iter().map(|q| q.worker).find(|w| w.queue == events.queue);
        env.extend(published(events, worker));
    }
    if let Some(worker) = &kind.worker {
        env.extend(taken(worker));
    }
    if kind.mail == Mail::Inline {
        env.extend(named([("MAIL", "ses"), ("MAIL_INLINE", "on")]));
    }
    env
}

/// Whoever comes first makes the queue, so all are told the same of it.
fn published(events: &Events, worker: Option<&Worker>) -> BTreeMap<String, String> {
    let mut env = named([("ORDER_EVENTS", "on"), ("EVENTS_QUEUE", &events.queue)]);
    env.extend(events.topic.iter().map(|topic| ("EVENTS_TOPIC".to_owned(), topic.clone())));
    env.extend(worker.map(queue).unwrap_or_default());
    env
}

fn taken(worker: &Worker) -> BTreeMap<String, String> {
    let mut env = named([
        ("ROLE", "worker"),
        ("EVENTS_QUEUE", &worker.queue),
        ("WORKER_CONCURRENCY", &worker.concurrency.to_string()),
        ("WORKER_ACK", if worker.acknowledge == Acknowledge::Before { "before" } else { "after" }),
        ("WORKER_DEDUPE", if worker.dedupe { "on" } else { "off" }),
    ]);
    env.extend(match worker.job {
        Job::Mail => named([("MAIL", "ses")]),
        Job::Record => named([("WORKER_JOB", "record")]),
    });
    let named = [
        ("EVENTS_TOPIC", &worker.topic),
        ("EVENTS_BUS", &worker.bus),
        ("WORKER_ANNOUNCE", &worker.announce),
    ];
    env.extend(named.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v.clone()?))));
    env.extend(queue(worker));
    env
}

fn queue(worker: &Worker) -> BTreeMap<String, String> {
    named([
        ("QUEUE_VISIBILITY_S", &worker.visibility_s.to_string()),
        ("QUEUE_MAX_RECEIVES", &worker.max_receives.to_string()),
    ])
}

fn named<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}
