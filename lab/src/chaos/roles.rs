//! What a node is at this moment, read from the component itself.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;

use crate::engine::{Engine, probe};
use crate::kinds;
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::plan::main_name;
use crate::spec::model::{Container, Kind, Name, RoleQuestion, Stage};
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
/// Longest wait for one command in somebody else's container.
const EXEC_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the database tiers who is who. Any member of a cluster may answer; the answer with the most
/// members in a role wins, so that one isolated member does not speak for the cluster.
pub async fn read_roles(engine: &Engine, stage: &Stage, places: &[Place], secret: &str) -> Roles {
    let mut roles = Roles::new();
    for (name, tier) in &stage.tiers {
        if let Kind::Redis(_) = &tier.kind {
            roles.extend(cache_roles(places, name, secret).await);
        }
        if let Kind::Container(Container { roles: Some(question), .. }) = &tier.kind {
            roles.extend(asked(engine, places, name, question).await);
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

/// Asks each node of somebody else's tier with its own command.
async fn asked(
    engine: &Engine,
    places: &[Place],
    tier: &str,
    question: &RoleQuestion,
) -> Vec<(Name, Role)> {
    let nodes: Vec<&Place> = with_duty(places, tier, Duty::Member).collect();
    let ask = |place: &Place| {
        let container = main_name(engine.lab(), &place.name);
        async move {
            let command: Vec<&str> = question.exec.iter().map(String::as_str).collect();
            let answer = engine.exec(&container, &command);
            match tokio::time::timeout(EXEC_TIMEOUT, answer).await {
                Ok(Ok(answer)) if answer.code == 0 => Some(answer.output),
                _ => None,
            }
        }
    };
    let answers = futures::future::join_all(nodes.iter().map(|p| ask(p))).await;
    let role = |(place, answer): (&&Place, Option<String>)| {
        Some((place.name.clone(), meant(question, &answer?)?))
    };
    nodes.iter().zip(answers).filter_map(role).collect()
}

/// What an answer means; nothing where it fits neither expression.
fn meant(question: &RoleQuestion, answer: &str) -> Option<Role> {
    let answer = answer.trim();
    // A stage file with an expression that cannot be read is refused.
    let fits = |expression: &str| Regex::new(expression).is_ok_and(|r| r.is_match(answer));
    match &question.replica {
        _ if fits(&question.primary) => Some(Role::Primary),
        Some(replica) => fits(replica).then_some(Role::Replica),
        None => Some(Role::Replica),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn question(primary: &str, replica: Option<&str>) -> RoleQuestion {
        let replica = replica.map(str::to_owned);
        RoleQuestion { exec: vec!["ask".into()], primary: primary.into(), replica }
    }

    #[test]
    fn an_answer_is_read_by_what_it_fits() {
        let told = question("^0$", Some("^1$"));
        let both = ["0\n", " 1 ", "10", "", "ERROR 2002"].map(|answer| meant(&told, answer));
        let (primary, replica) = (Some(Role::Primary), Some(Role::Replica));
        assert_eq!(both, [primary, replica, None, None, None]);
        let one = question("(?m)^role:leader$", None);
        assert_eq!(meant(&one, "id:1\nrole:leader\n"), primary);
        assert_eq!(meant(&one, "id:1\nrole:follower\n"), replica, "anything else");
    }
}
