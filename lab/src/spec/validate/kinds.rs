//! What each kind of tier demands.

mod capacity;
mod cdn;
mod container;
mod dns;
mod front;
mod front_door;
mod gateway;
mod managed;
mod messaging;
mod redis;
mod releases;

use super::{Check, HTTP_KINDS, Point, nodes};
use crate::spec::model::{Database, Kind, Postgres, Tier};
use crate::spec::path::Path;

impl<'a> Check<'a> {
    /// The rules of the tier's own kind.
    pub(super) fn kind(&mut self, path: &Path, name: &str, tier: &'a Tier) {
        match &tier.kind {
            Kind::Box(kind) => {
                self.named(path, "database", kind.database.as_deref(), &["postgres"]);
            }
            Kind::Service(kind) => {
                self.service(path, name, tier, kind);
                self.messaging(path, name, kind);
            }
            Kind::LoadBalancer(kind) => {
                self.tier_named(&path.key("targets"), &kind.targets, &HTTP_KINDS);
                self.answers(&path.key("targets"), &kind.targets);
            }
            Kind::ApiGateway(kind) => self.api_gateway(path, name, kind),
            Kind::Postgres(kind) => self.postgres(path, name, tier, kind),
            Kind::Etcd(_) => self.etcd(path, name, tier),
            Kind::Redis(kind) => self.redis(path, name, kind),
            Kind::Aws(kind) => self.aws(path, name, kind),
            Kind::DatabaseProxy(kind) => self.database_proxy(path, name, kind),
            Kind::Cdn(kind) => self.cdn(path, name, kind),
            Kind::Dns(kind) => self.dns(path, kind),
            Kind::Container(kind) => self.container(path, name, tier, kind),
        }
    }

    /// The tier that a field names, if it does.
    fn named(
        &mut self,
        path: &Path,
        field: &str,
        name: Option<&str>,
        kinds: &[&str],
    ) -> Option<&'a Tier> {
        self.tier_named(&path.key(field), name?, kinds)
    }

    fn postgres(&mut self, path: &Path, name: &str, tier: &Tier, kind: &Postgres) {
        let nodes = nodes(tier);
        match &kind.coordination {
            Some(store) => {
                self.tier_named(&path.key("coordination"), store, &["etcd"]);
            }
            None if nodes > 1 => {
                let message = format!(
                    "tier `{name}` has {nodes} postgres nodes and no `coordination`: \
                     a postgres tier has one primary, and nothing would decide which"
                );
                let stores = self.of_kinds(&["etcd"]);
                let problem = self.at_key(path, message).found(&format!("{nodes} nodes"));
                let problem =
                    problem.allowed("one node, or `coordination` with a tier of kind etcd");
                self.report(match stores.first() {
                    Some(store) => problem.help(format!("write `coordination: {store}`")),
                    None => problem,
                });
            }
            None if !kind.replicas.is_empty() => {
                let message = format!(
                    "tier `{name}` has replicas and no `coordination`: nothing would tell them \
                     which node is the primary that they follow"
                );
                let problem = self.at_key(&path.key("replicas"), message).found("replicas");
                self.report(problem.allowed("`coordination` with a tier of kind etcd"));
            }
            None => {}
        }
        for zone in kind.replicas.keys() {
            self.zone_named(&path.key("replicas").key(zone), zone, Point::Key);
        }
        if let Some(zone) = &kind.primary {
            self.primary(path, name, tier, zone);
        }
        if let Some(capacity) = &kind.capacity {
            self.capacity(path, name, tier, capacity);
        }
        self.database(&path.key("database"), &kind.database);
        if kind.shards != 1 {
            let message = format!(
                "tier `{name}` has {} shards, which is not yet supported by this version",
                kind.shards
            );
            let problem = self.at_value(&path.key("shards"), message);
            self.report(problem.found(&kind.shards.to_string()).allowed("1"));
        }
    }

    /// Names that PostgreSQL and the proxy before it take as they are, and that are not taken.
    fn database(&mut self, path: &Path, kind: &Database) {
        const TAKEN: [&str; 6] =
            ["postgres", "replicator", "rewinder", "template0", "template1", "pgbouncer"];
        let fits = |text: &str, more: &str| {
            let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c);
            text.len() <= 63
                && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                && text.chars().all(rest)
        };
        for (field, name) in [("name", &kind.name), ("user", &kind.user)] {
            if fits(name, "_") && !TAKEN.contains(&&**name) && !name.starts_with("pg_") {
                continue;
            }
            let message = format!("`{name}` cannot be the `{field}` of a database");
            let problem = self.at_value(&path.key(field), message).found(name);
            self.report(problem.allowed(
                "lower-case letters, digits and `_`, beginning with a letter; none of PostgreSQL's own",
            ));
        }
        for (index, name) in kind.extensions.iter().enumerate().filter(|(_, n)| !fits(n, "_-")) {
            let place = path.key("extensions").index(index);
            let problem = self.at_value(&place, "this is no name of an extension").found(name);
            self.report(problem.allowed("a name such as pg_trgm or uuid-ossp"));
        }
    }

    fn primary(&mut self, path: &Path, name: &str, tier: &Tier, zone: &str) {
        if tier.zones.contains_key(zone) {
            return;
        }
        let several = zone.contains([',', ' ', '+', '&']);
        let known = self.zones().is_some_and(|zones| zones.contains(&zone));
        let message = match (several, known) {
            (true, _) => {
                format!("a postgres tier has one primary, and `{zone}` is more than one zone")
            }
            (_, true) => {
                format!("the primary of tier `{name}` is in zone `{zone}`, where it has no node")
            }
            (_, false) => {
                format!("the primary of tier `{name}` is in zone `{zone}`, which does not exist")
            }
        };
        let problem = self.at_value(&path.key("primary"), message).found(zone);
        self.report(problem.one_of(zone, tier.zones.keys().map(String::as_str)));
    }

    fn etcd(&mut self, path: &Path, name: &str, tier: &Tier) {
        let nodes = nodes(tier);
        if nodes % 2 == 1 || nodes == 0 {
            return;
        }
        let message = format!(
            "tier `{name}` has {nodes} etcd members, an even number: it survives no more losses \
             than {} would",
            nodes - 1
        );
        let problem = self.at_key(&path.key("zones"), message).found(&nodes.to_string());
        self.report(problem.allowed("an odd number of members: 1, 3, 5"));
    }
}
