//! Deploys whose marker somebody has taken away: known by what they leave, tasks of two releases in a tier
//! or shares at its load balancers.

use std::collections::{BTreeMap, BTreeSet};

use super::DeployError;
use super::balancers::Balancers;
use super::settle::Settle;
use super::site::{Containers, Site};
use crate::engine::{Engine, markers::markers_among};
use crate::plan::main_name;
use crate::plan::releases::release_of;
use crate::spec::model::Name;
use crate::spec::releases::released;
use crate::spec::slots::Duty;

/// Ends deploys that are not on record: each tier runs again what most of its tasks have. Returns the tiers
/// with what was found, in words.
///
/// # Errors
/// Docker refuses, or the tasks that shall serve do not become healthy.
pub async fn recover_unmarked(engine: &Engine) -> Result<Vec<(Name, String)>, DeployError> {
    let Some(site) = Site::find(engine).await? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for tier in released(site.stage()).map(|(name, _)| name) {
        let containers = engine.containers().await?;
        let order = site.scene(&containers).as_it_is(tier)?;
        let balancers = Balancers::new(&order.balancers);
        let others = others(&containers, engine.lab(), &order.all, &order.from);
        let weighted = balancers.any_weighted().await;
        if others.is_empty() && !weighted || is_on_record(engine, tier).await? {
            continue;
        }
        let keep = serving(&site, &containers, tier, &order.all, &order.from);
        Settle { site: &site, order: &order, release: &order.from, keep: &keep }
            .carry_out()
            .await?;
        found.push((tier.clone(), words(&order.from, &others)));
    }
    Ok(found)
}

/// Whether a deploy, or a fault that is one, is written down for a tier.
async fn is_on_record(engine: &Engine, tier: &str) -> Result<bool, DeployError> {
    let containers = engine.containers().await?;
    let of_fault = |m: &crate::engine::Marker| m.released.as_ref().is_some_and(|(t, _)| t == tier);
    let deploy = crate::engine::deploys::deploy_among(containers.values())?;
    Ok(deploy.is_some() || markers_among(containers.values())?.iter().any(of_fault))
}

/// The releases of tasks that have another one than `release`.
fn others(containers: &Containers, lab: &str, all: &[Name], release: &str) -> BTreeSet<String> {
    let of = |node: &Name| release_of(containers.get(&main_name(lab, node))?);
    let releases = all.iter().filter_map(of).filter(|r| *r != release);
    releases.map(str::to_owned).collect()
}

/// The tasks that shall serve: the tier's least, and who serves with the right release besides.
fn serving(
    site: &Site,
    containers: &Containers,
    tier: &str,
    all: &[Name],
    release: &str,
) -> Vec<Name> {
    let right: BTreeMap<Name, Name> = site.running(containers, all).into_iter().collect();
    let least = site.of_duty(tier, Duty::Member);
    let serves = |n: &&Name| least.contains(n) || right.get(*n).is_some_and(|r| r == release);
    all.iter().filter(serves).cloned().collect()
}

fn words(release: &str, others: &BTreeSet<String>) -> String {
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    match others.as_slice() {
        [] => format!("shares of a deploy ({release} runs)"),
        _ => format!("a half-done deploy of {} ({release} runs again)", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::observed::{ObservedContainer, Part, State};
    use crate::plan::releases::{LABEL_RELEASE, LABEL_TIER, deployed};

    fn task(release: &str) -> ObservedContainer {
        let labels = [(LABEL_TIER, "web"), (LABEL_RELEASE, release)];
        ObservedContainer {
            id: String::new(),
            node: String::new(),
            part: Part::Main,
            spec: String::new(),
            state: State::Running,
            ports: Vec::new(),
            image: String::new(),
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            closely: Default::default(),
        }
    }

    #[test]
    fn a_half_done_deploy_is_known_by_its_tasks() {
        let all: Vec<Name> = ["web-a1", "web-a2", "web-a3"].map(Name::from).into();
        let lab = |releases: [&str; 3]| -> Containers {
            let named = all.iter().zip(releases);
            named.map(|(node, r)| (main_name("lab", node), task(r))).collect()
        };
        let mixed = lab(["v1", "v1", "v2"]);
        let release = deployed(&mixed).remove("web").unwrap();
        let left = others(&mixed, "lab", &all, &release);
        assert_eq!(words(&release, &left), "a half-done deploy of v2 (v1 runs again)");
        assert!(others(&lab(["v2", "v2", "v2"]), "lab", &all, "v2").is_empty());
    }
}
