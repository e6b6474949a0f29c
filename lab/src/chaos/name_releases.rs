//! Names of the faults that are releases.

use super::name::Offer;
use crate::spec::model::{DeployRelease, Fault, Name, Release, Stage};
use crate::spec::releases::released;

/// A deploy and a bad one, of the first tier that has such releases.
pub(super) fn of_releases(stage: &Stage) -> Vec<Offer> {
    let flags = "TIER --release";
    let deployable = |bad: bool| {
        released(stage).find_map(|(tier, service)| {
            let others =
                service.releases.iter().filter(|(r, _)| Some(*r) != service.release.as_ref());
            let wanted = |(_, release): &(&Name, &Release)| release.defect.is_some() == bad;
            let release = others.clone().find(wanted).map(|(release, _)| release.clone())?;
            Some(DeployRelease { tier: Some(tier.clone()), release })
        })
    };
    let good = deployable(false).map(|fault| Offer {
        name: "deploy".into(),
        what: format!("another release takes over, and is taken back ({})", fault.release),
        flags,
        fault: Fault::Deploy(fault),
    });
    let bad = deployable(true).map(|fault| Offer {
        name: "bad-deploy".into(),
        what: format!("the same with a bad one, rolled back by itself ({})", fault.release),
        flags,
        fault: Fault::BadDeploy(fault),
    });
    good.into_iter().chain(bad).collect()
}
