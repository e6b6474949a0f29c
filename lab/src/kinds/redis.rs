//! `redis`: data servers that follow a primary asynchronously, and the Sentinels that agree on who
//! that is.

use super::address::{Order, addresses};
use super::{Context, blank, password};
use crate::plan::layout::{Place, with_duty};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::plan::ports::{REDIS_PORT, SENTINEL_PORT};
use crate::spec::model::Redis;
use crate::spec::slots::Duty;

/// A data server or a Sentinel.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &Redis,
) -> NodeSpec {
    let mut node = blank(context, place, "redis", "redis");
    let (word, path, content) = match place.duty {
        Duty::Sentinel => {
            ("sentinel", "/etc/lab/sentinel.conf", sentinel_conf(context, places, place, kind))
        }
        _ => ("data", "/etc/lab/redis.conf", redis_conf(context, place, kind)),
    };
    node.command = vec!["lab-redis".into(), word.into()];
    node.files = vec![ConfigFile { path: path.into(), content }];
    node.env.insert("DOWN_AFTER_MS".into(), kind.down_after_ms.to_string());
    if place.duty == Duty::Member {
        let near = Order::Near;
        let sentinels = addresses(
            (context.stage, places),
            place,
            &place.tier,
            Duty::Sentinel,
            SENTINEL_PORT,
            near,
        );
        let sentinels: Vec<String> = sentinels.iter().map(ToString::to_string).collect();
        let first = first_primary(places, place).address.to_string();
        let members = with_duty(places, &place.tier, Duty::Member);
        let peers = members.filter(|p| p.name != place.name);
        let peers: Vec<String> = peers.map(|p| format!("{}:{REDIS_PORT}", p.address)).collect();
        for (name, value) in [
            ("SENTINELS", sentinels.join(" ")),
            ("PEERS", peers.join(" ")),
            ("CACHE_NAME", place.tier.clone()),
            ("FIRST_PRIMARY", first),
            ("OWN_ADDRESS", place.address.to_string()),
        ] {
            node.env.insert(name.into(), value);
        }
    }
    node.data = Some("/data".into());
    node.probe = probe(context.secret, places, place);
    node.priority = 2;
    node
}

/// A data server works when it has its data and its link; a Sentinel when all of them agree.
pub(super) fn probe(secret: &str, places: &[Place], place: &Place) -> Probe {
    let members = with_duty(places, &place.tier, Duty::Member).count();
    let replicas = u16::try_from(members.saturating_sub(1)).unwrap_or(u16::MAX);
    match place.duty {
        Duty::Sentinel => Probe::Sentinels {
            name: place.tier.clone(),
            sentinels: with_duty(places, &place.tier, Duty::Sentinel).map(|p| p.address).collect(),
            replicas,
        },
        _ => Probe::Redis { password: cache_password(secret, &place.tier), replicas },
    }
}

/// The password of a cache.
pub fn cache_password(secret: &str, tier: &str) -> String {
    password(secret, &format!("redis/{tier}"))
}

fn first_primary<'a>(places: &'a [Place], place: &'a Place) -> &'a Place {
    with_duty(places, &place.tier, Duty::Member).next().unwrap_or(place)
}

/// Appended to once a second, so that a restart loses at most that much. A replica is sent the data
/// without the usual wait of 5 s for others that might want it too, and a link that is silent for
/// 5 s is dead. The eviction policy is the documented default of a managed cache: only keys with an
/// expiry are evicted.
fn redis_conf(context: &Context<'_>, place: &Place, kind: &Redis) -> String {
    let password = cache_password(context.secret, &place.tier);
    format!(
        "bind 0.0.0.0\nport {REDIS_PORT}\ndir /data\nappendonly yes\nappendfsync everysec\n\
         save \"\"\nrequirepass {password}\nmasterauth {password}\nmaxmemory {memory}mb\n\
         maxmemory-policy volatile-lru\nreplica-announce-ip {own}\nrepl-diskless-sync-delay 0\n\
         repl-ping-replica-period 1\nrepl-timeout 5\nrepl-backlog-size 16mb\ntcp-keepalive 10\n",
        memory = kind.maxmemory_mib,
        own = place.address,
    )
}

/// What the Sentinels would find out about each other and about the replicas in their first seconds
/// stands in the file from the beginning: their ids are derived from the lab's secret.
///
/// `failover-timeout` decides how long a Sentinel waits before it tries again, or lets another try,
/// after a fail-over that did not come about: twice this, 6 minutes by default.
fn sentinel_conf(context: &Context<'_>, places: &[Place], place: &Place, kind: &Redis) -> String {
    let name = &place.tier;
    let sentinels: Vec<&Place> = with_duty(places, name, Duty::Sentinel).collect();
    let primary = first_primary(places, place);
    let quorum = sentinels.len() / 2 + 1;
    let id = |p: &Place| sentinel_id(context.secret, &p.name);
    let mut conf = format!(
        "bind 0.0.0.0\nport {SENTINEL_PORT}\nprotected-mode no\ndir /data\n\
         sentinel myid {id}\nsentinel announce-ip {own}\n\
         sentinel monitor {name} {primary} {REDIS_PORT} {quorum}\n\
         sentinel auth-pass {name} {password}\n\
         sentinel down-after-milliseconds {name} {down_after}\n\
         sentinel failover-timeout {name} 5000\nsentinel parallel-syncs {name} 1\n",
        id = id(place),
        own = place.address,
        primary = primary.address,
        password = cache_password(context.secret, name),
        down_after = kind.down_after_ms,
    );
    for replica in with_duty(places, name, Duty::Member).filter(|p| p.name != primary.name) {
        conf += &format!("sentinel known-replica {name} {} {REDIS_PORT}\n", replica.address);
    }
    for other in sentinels.into_iter().filter(|p| p.name != place.name) {
        let line = format!("{} {SENTINEL_PORT} {}", other.address, id(other));
        conf += &format!("sentinel known-sentinel {name} {line}\n");
    }
    conf
}

/// 40 hexadecimal digits, as Sentinel wants them.
fn sentinel_id(secret: &str, node: &str) -> String {
    let half = |n: u8| password(secret, &format!("sentinel-id/{node}/{n}"));
    half(1).chars().chain(half(2).chars()).take(40).collect()
}
