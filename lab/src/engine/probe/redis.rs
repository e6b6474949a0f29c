//! Readiness of a cache: what its servers say of themselves, and what that means.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ::redis::{AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, RedisResult};

use super::{PROBE_TIMEOUT, Ready};
use crate::plan::ports::{REDIS_PORT, SENTINEL_PORT};

/// Looks once at a data server.
pub(super) async fn data(address: Ipv4Addr, password: &str, replicas: u16) -> Ready {
    match replication(address, password).await {
        Ok(info) => judge_data(&info, replicas),
        Err(e) => Ready::NotYet(format!("Redis: {e}")),
    }
}

async fn replication(address: Ipv4Addr, password: &str) -> std::io::Result<String> {
    let mut info = ::redis::cmd("INFO");
    info.arg("replication");
    ask(address, REDIS_PORT, password, &info).await
}

/// A primary needs all its replicas, a replica its link.
fn judge_data(info: &str, replicas: u16) -> Ready {
    let value =
        |key: &str| info.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
    match value("role") {
        Some("master") => {
            let online = info.lines().filter(|line| line.contains("state=online")).count();
            if online == usize::from(replicas) {
                Ready::Yes
            } else {
                Ready::NotYet(format!("{online} of {replicas} replicas online"))
            }
        }
        Some("slave") if value("master_link_status") == Some("up") => Ready::Yes,
        Some("slave") => Ready::NotYet("the link to the primary is down".into()),
        _ => Ready::NotYet("Redis does not say its role".into()),
    }
}

/// What a data server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisRole {
    /// It takes writes.
    Primary {
        /// Replicas that follow it.
        replicas: u16,
    },
    /// It follows.
    Replica,
}

impl RedisRole {
    /// How many follow it, if it is a primary.
    pub fn replicas_of_primary(self) -> Option<u16> {
        match self {
            Self::Primary { replicas } => Some(replicas),
            Self::Replica => None,
        }
    }
}

/// Asks a data server what it is.
///
/// # Errors
/// It does not answer, or not with its role.
pub async fn role(address: Ipv4Addr, password: &str) -> std::io::Result<RedisRole> {
    let info = replication(address, password).await?;
    read_role(&info).ok_or_else(|| std::io::Error::other("Redis does not say its role"))
}

fn read_role(info: &str) -> Option<RedisRole> {
    if info.lines().any(|l| l.trim() == "role:slave") {
        return Some(RedisRole::Replica);
    }
    let online = info.lines().filter(|l| l.contains("state=online")).count();
    let replicas = u16::try_from(online).unwrap_or(u16::MAX);
    info.lines().any(|l| l.trim() == "role:master").then_some(RedisRole::Primary { replicas })
}

/// Looks once at all Sentinels of a tier.
pub(super) async fn sentinels(name: &str, nodes: &[Ipv4Addr], replicas: u16) -> Ready {
    let asked = nodes.iter().map(|node| async move {
        let view = view(*node, name).await;
        (*node, view)
    });
    let mut views = Vec::new();
    for (node, view) in futures::future::join_all(asked).await {
        match view {
            Ok(view) => views.push(view),
            Err(e) => return Ready::NotYet(format!("Sentinel {node}: {e}")),
        }
    }
    judge_sentinels(&views, nodes.len(), replicas)
}

/// What one Sentinel knows of the tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct View {
    primary: String,
    flags: String,
    other_sentinels: String,
    replicas: String,
    /// Replicas that it would not promote: they have not had the primary's data yet.
    unfit: Vec<String>,
}

async fn view(node: Ipv4Addr, name: &str) -> std::io::Result<View> {
    let mut known = ::redis::cmd("SENTINEL");
    known.arg("MASTER").arg(name);
    let fields: Fields = ask(node, SENTINEL_PORT, "", &known).await?;
    let mut replicas = ::redis::cmd("SENTINEL");
    replicas.arg("REPLICAS").arg(name);
    let replicas: Vec<Fields> = ask(node, SENTINEL_PORT, "", &replicas).await?;
    Ok(read_view(&fields, &replicas))
}

/// Names and values as a Sentinel lists them.
type Fields = BTreeMap<String, String>;

fn read_view(fields: &Fields, replicas: &[Fields]) -> View {
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let is_unfit = |replica: &&Fields| replica.get("slave-priority").is_some_and(|p| p == "0");
    let unfit = replicas.iter().filter(is_unfit);
    View {
        primary: field("ip"),
        flags: field("flags"),
        other_sentinels: field("num-other-sentinels"),
        replicas: field("num-slaves"),
        unfit: unfit.filter_map(|replica| replica.get("ip").cloned()).collect(),
    }
}

/// All Sentinels name the same primary, which is alive, know each other and every replica, and would
/// promote each.
fn judge_sentinels(views: &[View], sentinels: usize, replicas: u16) -> Ready {
    let mut primaries: Vec<&str> = views.iter().map(|v| v.primary.as_str()).collect();
    primaries.dedup();
    if primaries.len() != 1 {
        let list = primaries.join(", ");
        return Ready::NotYet(format!("the Sentinels do not agree on the primary: {list}"));
    }
    let others = sentinels.saturating_sub(1).to_string();
    for view in views {
        if view.flags != "master" {
            return Ready::NotYet(format!("a Sentinel calls the primary {}", view.flags));
        }
        if view.other_sentinels != others {
            let known = &view.other_sentinels;
            return Ready::NotYet(format!("a Sentinel knows {known} of {others} others"));
        }
        if view.replicas != replicas.to_string() {
            let known = &view.replicas;
            return Ready::NotYet(format!("a Sentinel knows {known} of {replicas} replicas"));
        }
        if let Some(replica) = view.unfit.first() {
            return Ready::NotYet(format!("a Sentinel would not promote {replica} yet"));
        }
    }
    Ready::Yes
}

/// Asks one question on a connection of its own, which ends with the answer.
async fn ask<T: FromRedisValue>(
    address: Ipv4Addr,
    port: u16,
    password: &str,
    command: &Cmd,
) -> std::io::Result<T> {
    let exchange = async {
        let target = ConnectionAddr::Tcp(address.to_string(), port);
        let mut info = ::redis::IntoConnectionInfo::into_connection_info(target)?;
        let mut login = info.redis_settings().clone().set_skip_set_lib_name();
        if !password.is_empty() {
            login = login.set_password(password);
        }
        info = info.set_redis_settings(login);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PROBE_TIMEOUT))
            .set_response_timeout(None);
        let client = Client::open(info)?;
        let mut open = client.get_multiplexed_async_connection_with_config(&config).await?;
        let answer: RedisResult<T> = command.query_async(&mut open).await;
        answer
    };
    match tokio::time::timeout(PROBE_TIMEOUT, exchange).await {
        Ok(answer) => answer.map_err(std::io::Error::other),
        Err(_) => Err(std::io::Error::other("no answer in time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(text: &str) -> Ready {
        Ready::NotYet(text.into())
    }

    #[test]
    fn a_primary_needs_its_replicas_and_a_replica_its_link() {
        let primary = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
                       slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n\
                       slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0\r\n";
        assert_eq!(judge_data(primary, 1), Ready::Yes);
        assert_eq!(judge_data(primary, 2), no("1 of 2 replicas online"));
        let replica = |link| format!("role:slave\r\nmaster_link_status:{link}\r\n");
        assert_eq!(judge_data(&replica("up"), 1), Ready::Yes);
        assert_eq!(judge_data(&replica("down"), 1), no("the link to the primary is down"));
        assert_eq!(judge_data("", 0), no("Redis does not say its role"));
    }

    #[test]
    fn a_role_is_read() {
        let primary = "role:master\r\nslave0:ip=10.0.0.2,port=6379,state=online\r\n";
        assert_eq!(read_role(primary), Some(RedisRole::Primary { replicas: 1 }));
        assert_eq!(read_role("role:slave\r\nmaster_link_status:up\r\n"), Some(RedisRole::Replica));
        assert_eq!(read_role(""), None);
    }

    #[test]
    fn sentinels_agree_and_know_everybody() {
        let fields = [
            ("name", "c"),
            ("ip", "10.0.0.1"),
            ("flags", "master"),
            ("num-slaves", "1"),
            ("num-other-sentinels", "2"),
        ];
        let fields = fields.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        let replica = |priority: &str| {
            Fields::from(
                [("ip", "10.0.0.2"), ("slave-priority", priority)]
                    .map(|(n, v)| (n.into(), v.into())),
            )
        };
        let view = read_view(&fields, &[replica("100")]);
        let all = vec![view.clone(); 3];
        assert_eq!(judge_sentinels(&all, 3, 1), Ready::Yes);
        assert_eq!(judge_sentinels(&all, 3, 2), no("a Sentinel knows 1 of 2 replicas"));
        assert_eq!(judge_sentinels(&all, 4, 1), no("a Sentinel knows 2 of 3 others"));
        let other = View { primary: "10.0.0.2".into(), ..view.clone() };
        assert_eq!(
            judge_sentinels(&[view.clone(), other], 3, 1),
            no("the Sentinels do not agree on the primary: 10.0.0.1, 10.0.0.2")
        );
        assert_eq!(
            judge_sentinels(&[read_view(&fields, &[replica("0")])], 3, 1),
            no("a Sentinel would not promote 10.0.0.2 yet")
        );
        let down = View { flags: "master,s_down".into(), ..view };
        assert_eq!(
            judge_sentinels(&[down], 3, 1),
            no("a Sentinel calls the primary master,s_down")
        );
    }
}
