//! A stage with the releases that run in it at this moment.

use std::collections::BTreeMap;

use super::model::{Kind, Name, Release, Service, Stage};

/// Tier to release.
pub type Deployed = BTreeMap<Name, Name>;

/// The stage with what was deployed since it was started: what should be. A release that the stage
/// does not know changes nothing.
pub fn as_deployed(stage: &Stage, deployed: &Deployed) -> Stage {
    let mut stage = stage.clone();
    for (tier, release) in deployed {
        if let Some(Kind::Service(service)) = stage.tiers.get_mut(tier).map(|t| &mut t.kind)
            && service.releases.contains_key(release)
        {
            service.release = Some(release.clone());
        }
    }
    stage
}

/// The tiers of a stage that have releases.
pub fn released(stage: &Stage) -> impl Iterator<Item = (&Name, &Service)> {
    stage.tiers.iter().filter_map(|(name, tier)| match &tier.kind {
        Kind::Service(service) if !service.releases.is_empty() => Some((name, service)),
        _ => None,
    })
}

/// The service as its current release makes it.
pub fn effective(service: &Service) -> Service {
    let mut own = service.clone();
    if let Some((_, Release { image, env, habits, defect })) = service.current() {
        own.image = image.clone().unwrap_or(own.image);
        own.habits = habits.clone().map_or(own.habits, Box::new);
        own.env.extend(env.iter().map(|(k, v)| (k.clone(), v.clone())));
        own.env.extend(defect.map(|defect| ("DEFECT".into(), defect.as_str().into())));
    }
    own
}
