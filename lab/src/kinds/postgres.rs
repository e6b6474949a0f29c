//! `postgres`: one server, or a cluster under Patroni.

use std::net::Ipv4Addr;

use super::{Context, DATABASE, POSTGRES_PORT, blank, password, patroni, scram};
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::{Database, Postgres, Replication};
use crate::spec::slots::Duty;

/// A database node.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &Postgres,
) -> NodeSpec {
    let mut node = blank(context, place, "postgres", "postgres");
    node.data = Some("/data".into());
    node.env.insert("SHOP_SECRET".into(), scram::secret(context.secret, DATABASE));
    let database = &kind.database;
    for (variable, name) in [("DATABASE_USER", &database.user), ("DATABASE_NAME", &database.name)] {
        if name != DATABASE {
            node.env.insert(variable.into(), name.clone());
        }
    }
    node.priority = 2;
    match &kind.coordination {
        Some(etcd) if of_tier(places, &place.tier).count() > 1 => {
            // Its own zone's member first: the loss of another zone then does not touch it.
            let mut etcd: Vec<&Place> = of_tier(places, etcd).collect();
            etcd.sort_by_key(|p| p.zone != place.zone);
            let etcd = etcd.iter().map(|p| p.address).collect();
            clustered(context, &mut node, places, place, kind, etcd);
        }
        _ => single(context, &mut node),
    }
    node.files.extend(first_sql(database));
    node
}

/// What is run once in a new database: extensions by the superuser, the rest by its owner.
fn first_sql(database: &Database) -> Option<ConfigFile> {
    let create = |name: &String| format!("CREATE EXTENSION IF NOT EXISTS \"{name}\" CASCADE;\n");
    let mut sql: String = database.extensions.iter().map(create).collect();
    if !database.first_sql.is_empty() {
        sql += &format!("SET ROLE \"{}\";\n{}\n", database.user, database.first_sql);
    }
    (!sql.is_empty()).then(|| ConfigFile { path: "/etc/lab/first.sql".into(), content: sql })
}

/// What says that a whole tier works.
pub(super) fn probe(places: &[Place], place: &Place, kind: &Postgres) -> Probe {
    let count = |duty| {
        let nodes = with_duty(places, &place.tier, duty).count();
        u16::try_from(nodes).unwrap_or(u16::MAX)
    };
    let (members, replicas) = (count(Duty::Member), count(Duty::Replica));
    if kind.coordination.is_none() || members + replicas < 2 {
        return Probe::Tcp { port: POSTGRES_PORT };
    }
    // A synchronous standby is chosen among the members, never among the replicas.
    let synchronous = kind.replication == Replication::Synchronous && members > 1;
    Probe::PatroniCluster { members, replicas, synchronous }
}

fn single(context: &Context<'_>, node: &mut NodeSpec) {
    node.command = vec!["lab-postgres".into(), "single".into()];
    node.files = vec![
        ConfigFile { path: "/etc/lab/postgresql.conf".into(), content: SINGLE_CONF.into() },
        ConfigFile {
            path: "/etc/lab/pg_hba.conf".into(),
            content: format!(
                "local all all trust\n\
                 host all all 127.0.0.1/32 scram-sha-256\n\
                 host all all {} scram-sha-256\n",
                context.subnet.cidr()
            ),
        },
    ];
    node.probe = Probe::Tcp { port: POSTGRES_PORT };
}

/// Durable by default: fsync, full-page writes and synchronous commit stay on.
const SINGLE_CONF: &str = "listen_addresses = '*'
unix_socket_directories = '/tmp'
shared_buffers = 64MB
max_connections = 100
logging_collector = off
log_min_messages = warning
tcp_user_timeout = 5000
";

fn clustered(
    context: &Context<'_>,
    node: &mut NodeSpec,
    places: &[Place],
    place: &Place,
    kind: &Postgres,
    etcd: Vec<Ipv4Addr>,
) {
    let members: Vec<&Place> = with_duty(places, &place.tier, Duty::Member).collect();
    let first = members
        .iter()
        .find(|m| kind.primary.as_ref().is_none_or(|zone| *zone == m.zone))
        .or(members.first());
    let input = patroni::PatroniInput {
        scope: place.tier.clone(),
        name: place.name.clone(),
        address: place.address,
        etcd,
        subnet: context.subnet,
        replication: kind.replication,
        replica: place.duty == Duty::Replica,
        first_primary: first.is_some_and(|first| first.name == place.name),
        superuser_password: password(context.secret, "postgres"),
        replication_password: password(context.secret, "replicator"),
        rewind_password: password(context.secret, "rewinder"),
    };
    node.command = vec!["lab-postgres".into(), "patroni".into()];
    node.files = vec![ConfigFile {
        path: "/etc/lab/patroni.yml".into(),
        content: patroni::patroni_yml(&input),
    }];
    node.probe = probe(places, place, kind);
}
