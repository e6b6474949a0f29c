//! Patroni's configuration.

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
    /// Addresses of the etcd members.
    pub etcd: Vec<Ipv4Addr>,
    /// The lab's network, from which connections are accepted.
    pub subnet: Subnet,
    /// How standbys follow.
    pub replication: Replication,
    /// Of the role `postgres`, which pg_rewind uses too.
    pub superuser_password: String,
    /// Of the role `replicator`.
    pub replication_password: String,
}

/// The file `patroni.yml` of one member.
///
/// `ttl`, `loop_wait` and `retry_timeout` are the smallest that Patroni accepts
/// (`loop_wait + 2 x retry_timeout <= ttl`, ttl at least 20). A crashed primary gives its lease up
/// at once (`primary_start_timeout: 0`) when a standby can take over. With synchronous replication
/// only a node that holds every acknowledged commit is promoted; a lone primary goes on accepting
/// writes (not strict). fsync and synchronous_commit stay on. A standby that is silently gone is
/// noticed after `wal_sender_timeout`, until when commits wait for it.
pub fn patroni_yml(input: &PatroniInput) -> String {
    let hosts: Vec<String> = input.etcd.iter().map(|a| format!("{a}:2379")).collect();
    let synchronous = input.replication == Replication::Synchronous;
    format!(
        r#"scope: {scope}
name: {name}
restapi:
  listen: 0.0.0.0:8008
  connect_address: {address}:8008
etcd3:
  hosts: [{hosts}]
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    primary_start_timeout: 0
    maximum_lag_on_failover: 16777216
    synchronous_mode: {synchronous}
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
        wal_level: replica
        hot_standby: "on"
        max_wal_senders: 10
        max_replication_slots: 10
        wal_sender_timeout: 3s
        wal_receiver_timeout: 3s
        wal_retrieve_retry_interval: 200ms
        tcp_user_timeout: 5000
  method: seed
  seed:
    command: lab-seed bootstrap
    no_params: true
  post_bootstrap: lab-post-bootstrap
postgresql:
  listen: 0.0.0.0:5432
  connect_address: {address}:5432
  data_dir: /data/pgdata
  bin_dir: /usr/lib/postgresql/17/bin
  pgpass: /tmp/pgpass
  use_unix_socket: true
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  authentication:
    superuser: {{username: postgres, password: "{superuser}"}}
    replication: {{username: replicator, password: "{replicator}"}}
    rewind: {{username: postgres, password: "{superuser}"}}
  create_replica_methods: [seed, basebackup]
  seed:
    command: lab-seed replica
  basebackup:
    checkpoint: fast
  parameters:
    unix_socket_directories: /tmp
    logging_collector: "off"
    log_min_messages: warning
  pg_hba:
    - local all all trust
    - host all all 127.0.0.1/32 scram-sha-256
    - host all all {subnet} scram-sha-256
    - host replication replicator {subnet} scram-sha-256
"#,
        scope = input.scope,
        name = input.name,
        address = input.address,
        hosts = hosts.join(", "),
        superuser = input.superuser_password,
        replicator = input.replication_password,
        subnet = input.subnet.cidr(),
    )
}
