//! Patroni's configuration.
//!
//! Every component is named by its IPv4 address: resolving the name of a dead container goes through
//! Docker's DNS to the outside and costs seconds in the middle of a fail-over.

use std::net::Ipv4Addr;

use crate::plan::layout::Subnet;
use crate::spec::model::Replication;

/// What the configuration of one member depends on.
#[derive(Clone, Debug)]
pub struct PatroniInput {
    /// Name of the cluster: the tier.
    pub scope: String,
    /// Name of the member: the node.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Addresses of the etcd members in order of preference. The one in the member's own zone comes
    /// first: then the loss of another zone never takes away the one that it is connected to.
    pub etcd: Vec<Ipv4Addr>,
    /// The lab's network, from which connections are accepted.
    pub subnet: Subnet,
    /// How standbys follow.
    pub replication: Replication,
    /// Whether this member only serves reads: it follows asynchronously and is never promoted.
    pub replica: bool,
    /// Whether this member makes the cluster. Exactly one does, and so becomes the first primary;
    /// the others wait for it.
    pub first_primary: bool,
    /// Of the role `postgres`.
    pub superuser_password: String,
    /// Of the role `replicator`, by which standbys follow.
    pub replication_password: String,
    /// Of the role `rewinder`, by which pg_rewind reads the new primary.
    pub rewind_password: String,
}

/// The file `patroni.yml` of one member.
pub fn patroni_yml(input: &PatroniInput) -> String {
    let bootstrap = if input.first_primary { bootstrap(input.replication) } else { String::new() };
    let tags = if input.replica { REPLICA_TAGS } else { "" };
    [member(input).as_str(), tags, &bootstrap, &server(input)].concat()
}

/// No commit waits for a read replica, and it never becomes the primary, not even when no other
/// member is left: it may lack what was acknowledged.
const REPLICA_TAGS: &str = "tags:
  nofailover: true
  nosync: true
";

/// `use_proxies` keeps the etcd members in the order given; without it Patroni asks etcd for the
/// list and takes them in random order.
fn member(input: &PatroniInput) -> String {
    let hosts: Vec<String> = input.etcd.iter().map(|a| format!("{a}:2379")).collect();
    format!(
        r#"scope: {scope}
name: {name}
log:
  deduplicate_heartbeat_logs: true
restapi:
  listen: 0.0.0.0:8008
  connect_address: {address}:8008
etcd3:
  hosts: [{hosts}]
  use_proxies: true
"#,
        scope = input.scope,
        name = input.name,
        address = input.address,
        hosts = hosts.join(", "),
    )
}

/// How the cluster is made, and the settings that it keeps in etcd from then on. A member without
/// this section never makes one.
///
/// - `ttl`, `loop_wait` and `retry_timeout` are the smallest that Patroni accepts
///   (`loop_wait + 2 x retry_timeout <= ttl`, ttl at least 20).
/// - A crashed primary gives its lease up at once (`primary_start_timeout: 0`) when a standby can
///   take over.
/// - With synchronous replication only a node that holds every acknowledged commit is promoted; a
///   lone primary goes on accepting writes (not strict). fsync and synchronous_commit stay on.
/// - A standby that is silently gone is noticed after `wal_sender_timeout`, until when commits wait
///   for it; it reports every second.
/// - `wal_keep_size` lets one that was away for minutes catch up or rewind; `max_slot_wal_keep_size`
///   keeps one that never returns from filling the disk.
fn bootstrap(replication: Replication) -> String {
    let synchronous = replication == Replication::Synchronous;
    format!(
        r#"bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    primary_start_timeout: 0
    maximum_lag_on_failover: 16777216
    synchronous_mode: {synchronous}
    synchronous_mode_strict: false
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters:
        fsync: "on"
        synchronous_commit: "on"
        full_page_writes: "on"
        max_connections: 100
        shared_buffers: 64MB
        max_wal_size: 512MB
        wal_keep_size: 256MB
        max_slot_wal_keep_size: 1GB
        wal_level: replica
        hot_standby: "on"
        max_wal_senders: 10
        max_replication_slots: 10
        wal_sender_timeout: 3s
        wal_receiver_timeout: 3s
        wal_receiver_status_interval: 1s
        wal_retrieve_retry_interval: 200ms
        tcp_user_timeout: 5000
  post_init: lab-post-init
"#
    )
}

/// The member's own server. `initdb` and `pg_isready` are scripts of the image: one unpacks its seed,
/// the other gives a starting server half a second before it says no. A standby comes from the same
/// seed while the cluster is new, and from a base backup later. The seed has checksums, so pg_rewind
/// needs no `wal_log_hints`; a member that it cannot mend is copied afresh. Patroni asks its own server
/// for its history through a replication connection to 127.0.0.1.
fn server(input: &PatroniInput) -> String {
    format!(
        r#"postgresql:
  listen: 0.0.0.0:5432
  connect_address: {address}:5432
  data_dir: /data/pgdata
  bin_dir: /usr/lib/postgresql/17/bin
  bin_name:
    initdb: /usr/local/bin/lab-initdb
    pg_isready: /usr/local/bin/lab-pg-isready
  pgpass: /tmp/pgpass
  use_unix_socket: true
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  authentication:
    superuser: {{username: postgres, password: "{superuser}"}}
    replication: {{username: replicator, password: "{replicator}"}}
    rewind: {{username: rewinder, password: "{rewinder}"}}
  create_replica_methods: [seed, basebackup]
  seed:
    command: lab-replica-from-seed
  basebackup:
    checkpoint: fast
  parameters:
    unix_socket_directories: /tmp
    logging_collector: "off"
    log_min_messages: warning
  pg_hba:
    - local all all trust
    - host all,replication all 127.0.0.1/32 scram-sha-256
    - host all all {subnet} scram-sha-256
    - host replication replicator {subnet} scram-sha-256
"#,
        address = input.address,
        superuser = input.superuser_password,
        replicator = input.replication_password,
        rewinder = input.rewind_password,
        subnet = input.subnet.cidr(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> PatroniInput {
        PatroniInput {
            scope: "db".into(),
            name: "db-a1".into(),
            address: Ipv4Addr::new(10, 9, 1, 11),
            etcd: vec![Ipv4Addr::new(10, 9, 1, 10), Ipv4Addr::new(10, 9, 2, 10)],
            subnet: Subnet(10, 9),
            replication: Replication::Synchronous,
            replica: false,
            first_primary: true,
            superuser_password: "s".into(),
            replication_password: "r".into(),
            rewind_password: "w".into(),
        }
    }

    #[test]
    fn the_first_primary() {
        insta::assert_snapshot!(patroni_yml(&input()));
    }

    #[test]
    fn no_other_member_can_make_the_cluster() {
        let other = patroni_yml(&PatroniInput { first_primary: false, ..input() });
        assert!(!other.contains("bootstrap"), "{other}");
        assert!(other.contains("\npostgresql:\n"), "{other}");
    }

    #[test]
    fn a_read_replica_is_neither_promoted_nor_waited_for() {
        let tags = "\ntags:\n  nofailover: true\n  nosync: true\n";
        let replica = PatroniInput { replica: true, first_primary: false, ..input() };
        assert!(patroni_yml(&replica).contains(tags), "{}", patroni_yml(&replica));
        assert!(!patroni_yml(&input()).contains("tags:"));
    }

    #[test]
    fn replication_decides_whether_a_commit_waits_for_the_standby() {
        let asynchronous = PatroniInput { replication: Replication::Asynchronous, ..input() };
        for (input, expected) in [(input(), "true"), (asynchronous, "false")] {
            let yml = patroni_yml(&input);
            assert!(yml.contains(&format!("\n    synchronous_mode: {expected}\n")), "{yml}");
        }
    }
}
