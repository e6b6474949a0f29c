//! Of many who miss the same value in the application's cache at the same moment: how many asked the
//! database for it?
//!
//! Each task that serves them may load it once. It takes clients that no edge cache answers: those who
//! are signed in. Nobody promised it of a stage without a cache, so there a crowd that was sent by hand
//! is not held against it.

use crate::journal::CrowdAnswered;
use crate::spec::model::{Kind, Service, Stage, Tier};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::crowds::{Shown, judged, unanswered};
use super::plural;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let serving = serving(case.stage);
    if case.since_up && !serving.is_some_and(has_cache) {
        return None;
    }
    let allowed = serving.map_or(0, |tier| tier.zones.values().map(|n| u32::from(*n)).sum());
    judged(case, Check::CacheStampede, true, |crowd| loaded(crowd, allowed))
}

fn loaded(crowd: &CrowdAnswered, allowed: u32) -> Shown {
    let begun = format!(
        "{} signed-in requests for a value that no cache had: {} from the database",
        crowd.asked,
        plural(crowd.loads as usize, "load")
    );
    if crowd.loads > allowed {
        return (Part::Fail, format!("{begun}, {allowed} allowed"));
    }
    if let Some(unanswered) = unanswered(crowd) {
        return (Part::Fail, format!("{begun}, and only {unanswered}"));
    }
    match crowd.loads {
        0 => (Part::Inconclusive, format!("{begun}: somebody had loaded it before")),
        _ => (Part::Pass, format!("{begun}, {allowed} allowed")),
    }
}

/// The tier that serves what enters the stage: the one behind its edge cache, its load balancers and a
/// web tier that only passes on. No tier is passed twice on that way, so it ends.
fn serving(stage: &Stage) -> Option<&Tier> {
    let mut name = &stage.traffic.entry;
    for _ in 0..stage.tiers.len() {
        let tier = stage.tiers.get(name)?;
        name = match &tier.kind {
            Kind::Cdn(cdn) => &cdn.origins.pages,
            Kind::LoadBalancer(balancer) => &balancer.targets,
            Kind::ApiGateway(gateway) => &gateway.upstream,
            Kind::Service(Service { upstream: Some(upstream), .. }) => upstream,
            _ => return Some(tier),
        };
    }
    None
}

fn has_cache(tier: &Tier) -> bool {
    matches!(&tier.kind, Kind::Service(service) if service.cache.is_some())
}
