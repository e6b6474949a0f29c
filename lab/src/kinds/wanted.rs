//! What the demo application makes at the managed services of a stage, by its names.
//!
//! Whoever publishes subscribes its own queue before the first message. The others must have subscribed
//! theirs by then: a topic or a bus keeps nothing for whoever comes later.

use std::net::SocketAddrV4;

use super::aws::{AWS_PORT, region_of};
use crate::plan::layout::{Place, with_duty};
use crate::plan::{Resource, Wanted};
use crate::spec::model::{Carts, Kind, Service, Stage};
use crate::spec::slots::Duty;

/// The application's name of the table of carts, and the variable that changes it.
const CARTS_TABLE: (&str, &str) = ("CARTS_TABLE", "carts");

/// Everything that must be there before the stage has users. Nothing is known of images of others.
pub fn wanted(stage: &Stage, places: &[Place]) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let services = stage.tiers.values().filter_map(|tier| match &tier.kind {
        Kind::Service(service) if service.is_ours() => Some(service),
        _ => None,
    });
    for service in services {
        for (tier, name, resource) in of_service(service) {
            let found = at(stage, places, tier, name).map(|(place, at)| Wanted {
                node: place.name.clone(),
                at,
                region: region_of(stage, place),
                resource,
            });
            wanted.extend(found.filter(|one| !wanted.contains(one)));
        }
    }
    wanted
}

/// The `aws` tier, the service of it, and what is made there.
fn of_service(service: &Service) -> Vec<(&str, &'static str, Resource)> {
    let mut all = Vec::new();
    if let (Some(worker), Some(tier)) = (&service.worker, service.messages()) {
        let queue = || worker.queue.clone();
        all.push((tier, "sqs", Resource::Queue { name: queue() }));
        all.push((tier, "sqs", Resource::Queue { name: format!("{}-dead", worker.queue) }));
        let topic = worker.topic.iter().cloned();
        all.extend(
            topic.map(|topic| (tier, "sns", Resource::Subscription { topic, queue: queue() })),
        );
        let bus = worker.bus.iter().cloned();
        all.extend(bus.map(|bus| (tier, "eventbridge", Resource::Rule { bus, queue: queue() })));
    }
    if let Some(tier) = service.aws.as_deref() {
        let bucket = service.assets_bucket.iter().cloned();
        all.extend(bucket.map(|name| (tier, "s3", Resource::Bucket { name })));
        if service.carts == Carts::Dynamodb {
            let (variable, usual) = CARTS_TABLE;
            let name = service.env.get(variable).map_or(usual, String::as_str).to_owned();
            all.push((tier, "dynamodb", Resource::Table { name }));
        }
    }
    all
}

/// The emulator of a service, and where it answers itself: the tool passes no network proxy.
fn at<'a>(
    stage: &Stage,
    places: &'a [Place],
    tier: &'a str,
    service: &str,
) -> Option<(&'a Place, SocketAddrV4)> {
    let Kind::Aws(kind) = &stage.tiers.get(tier)?.kind else { return None };
    let (_, emulator) = kind.services.used().into_iter().find(|(name, _)| *name == service)?;
    let place = with_duty(places, tier, Duty::Emulator(emulator)).next()?;
    Some((place, SocketAddrV4::new(place.address, AWS_PORT)))
}
