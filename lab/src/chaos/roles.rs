//! What a node is at this moment, read from the component itself.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::probe;
use crate::plan::layout::{Place, of_tier};
use crate::spec::model::{Kind, Name, Stage};

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
pub async fn read_roles(stage: &Stage, places: &[Place]) -> Roles {
    let mut roles = Roles::new();
    for (name, tier) in &stage.tiers {
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
