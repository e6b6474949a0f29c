//! What a node is at this moment, read from the component itself.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::probe;
use crate::kinds;
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::spec::model::{Kind, Name, Stage};
use crate::spec::slots::Duty;

/// What a node is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes the writes.
    Primary,
    /// Has every acknowledged commit.
    SyncStandby,
    /// Follows, perhaps behind.
    Replica,
}

impl Role {
    /// The spelling in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::SyncStandby => "standby (sync)",
            Self::Replica => "replica",
        }
    }
}

/// Node name to role; a node without a role, or one that nobody knows of, is absent.
pub type Roles = BTreeMap<Name, Role>;

/// Longest wait for one Patroni.
const ASK_TIMEOUT: Duration = Duration::from_millis(800);

/// Asks the database tiers who is who. Any member of a cluster may answer; the answer with the most
/// members in a role wins, so that one isolated member does not speak for the cluster.
pub async fn read_roles(stage: &Stage, places: &[Place], secret: &str) -> Roles {
    let mut roles = Roles::new();
    for (name, tier) in &stage.tiers {
        if let Kind::Redis(_) = &tier.kind {
            roles.extend(cache_roles(places, name, secret).await);
        }
        let Kind::Postgres(_) = &tier.kind else { continue };
        let nodes: Vec<&Place> = of_tier(places, name).collect();
        if let [only] = nodes.as_slice() {
            roles.insert(only.name.clone(), Role::Primary);
            continue;
        }
        let asked = nodes.iter().map(|p| probe::members_of(p.address, ASK_TIMEOUT));
        let answers = futures::future::join_all(asked).await;
        let best =
            answers.into_iter().flatten().map(|members| known(&members)).max_by_key(Vec::len);
        roles.extend(best.unwrap_or_default());
    }
    roles
}

/// Asks the data servers of a cache. A server that was the primary before a fail-over and has not
/// heard of it may still say so: of several the one with the most replicas is believed.
async fn cache_roles(places: &[Place], tier: &str, secret: &str) -> Roles {
    let password = kinds::cache_password(secret, tier);
    let nodes: Vec<&Place> = with_duty(places, tier, Duty::Member).collect();
    let asked = nodes.iter().map(|p| probe::redis_role(p.address, &password));
    let answers = futures::future::join_all(asked).await;
    let found: Vec<_> =
        nodes.iter().zip(answers).filter_map(|(p, role)| Some((p, role.ok()?))).collect();
    let primary = found.iter().filter_map(|(p, role)| Some((role.replicas_of_primary()?, &p.name)));
    let primary = primary.max_by_key(|(replicas, _)| *replicas).map(|(_, name)| name.clone());
    found
        .iter()
        .map(|(p, _)| {
            let is_primary = primary.as_ref() == Some(&p.name);
            (p.name.clone(), if is_primary { Role::Primary } else { Role::Replica })
        })
        .collect()
}

fn known(members: &[probe::Member]) -> Vec<(Name, Role)> {
    members
        .iter()
        .filter_map(|m| {
            let role = match (m.role.as_str(), m.state.as_str()) {
                ("leader", "running") => Role::Primary,
                ("sync_standby", "streaming") => Role::SyncStandby,
                ("replica", "streaming") => Role::Replica,
                _ => return None,
            };
            Some((m.name.clone(), role))
        })
        .collect()
}
