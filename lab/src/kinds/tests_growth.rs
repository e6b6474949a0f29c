//! What becomes of the built-in stages: names, addresses, environment, configuration.

use std::collections::BTreeMap;

use super::{Context, PublishMode, nodes};
use crate::plan::layout::{Subnet, places};
use crate::plan::node::{NodeSpec, Probe};
use crate::spec::load;
use crate::spec::model::Stage;

const SECRET: &str = "secret";

/// Without network proxies, so that what each node is told is the address of the other.
pub(super) fn stage(name: &str) -> Stage {
    let mut stage = load(name).unwrap().0;
    stage.faultable_edges = false;
    stage
}

pub(super) fn nodes_of(stage: &Stage) -> Vec<NodeSpec> {
    nodes(&Context {
        lab: "lab",
        stage,
        subnet: Subnet(10, 77),
        secret: SECRET,
        images: &BTreeMap::new(),
        publish: PublishMode::AsDeclared,
    })
}

pub(super) fn node<'a>(nodes: &'a [NodeSpec], name: &str) -> &'a NodeSpec {
    nodes.iter().find(|n| n.name == name).unwrap()
}

pub(super) fn file<'a>(node: &'a NodeSpec, path: &str) -> &'a str {
    &node.files.iter().find(|f| f.path == path).unwrap().content
}

pub(super) fn env<'a>(node: &'a NodeSpec, name: &str) -> Option<&'a str> {
    node.env.get(name).map(String::as_str)
}

/// Everything that tells lines of a list apart: name, zone, address.
fn listed(stage: &Stage) -> String {
    let line = |n: &NodeSpec| format!("{} [{}] {}", n.name, n.zone, n.address);
    nodes_of(stage).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn nodes_of_stage_10k() {
    insta::assert_snapshot!(listed(&stage("stage-10k")), @r"
    lb-a1 [a] 10.77.1.10
    lb-b1 [b] 10.77.2.10
    web-a1 [a] 10.77.1.11
    web-a2 [a] 10.77.1.12
    web-a3 [a] 10.77.1.13
    web-b1 [b] 10.77.2.11
    web-b2 [b] 10.77.2.12
    web-b3 [b] 10.77.2.13
    db-a1 [a] 10.77.1.14
    db-b1 [b] 10.77.2.14
    db-replica-b1 [b] 10.77.2.15
    db-replica-c1 [c] 10.77.3.10
    db-etcd-a1 [a] 10.77.1.15
    db-etcd-b1 [b] 10.77.2.16
    db-etcd-c1 [c] 10.77.3.11
    control [] 10.77.250.10
    ");
}

#[test]
fn nodes_of_stage_100k() {
    insta::assert_snapshot!(listed(&stage("stage-100k")), @r"
    cdn-1 [] 10.77.250.11
    lb-a1 [a] 10.77.1.10
    lb-b1 [b] 10.77.2.10
    web-a1 [a] 10.77.1.11
    web-a2 [a] 10.77.1.12
    web-a3 [a] 10.77.1.13
    web-b1 [b] 10.77.2.11
    web-b2 [b] 10.77.2.12
    web-b3 [b] 10.77.2.13
    db-proxy-a1 [a] 10.77.1.14
    db-proxy-b1 [b] 10.77.2.14
    db-a1 [a] 10.77.1.15
    db-b1 [b] 10.77.2.15
    db-replica-b1 [b] 10.77.2.16
    db-replica-c1 [c] 10.77.3.10
    db-etcd-a1 [a] 10.77.1.16
    db-etcd-b1 [b] 10.77.2.17
    db-etcd-c1 [c] 10.77.3.11
    cache-a1 [a] 10.77.1.17
    cache-b1 [b] 10.77.2.18
    cache-sentinel-a1 [a] 10.77.1.18
    cache-sentinel-b1 [b] 10.77.2.19
    cache-sentinel-c1 [c] 10.77.3.12
    aws-localstack [] 10.77.200.10
    aws-ministack [] 10.77.200.11
    control [] 10.77.250.10
    ");
}

#[test]
fn no_address_is_given_twice() {
    for name in ["stage-1", "stage-100", "stage-1k", "stage-10k", "stage-100k"] {
        let mut all: Vec<_> = nodes_of(&stage(name)).iter().map(|n| n.address).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "{name}");
    }
}

#[test]
fn writes_have_every_possible_primary_and_reads_the_nearest_replica() {
    let nodes = nodes_of(&stage("stage-10k"));
    let address = |name: &str| format!("{}:5432", node(&nodes, name).address);
    let hosts = format!("{},{}", address("db-a1"), address("db-b1"));
    let (b, c) = (address("db-replica-b1"), address("db-replica-c1"));
    for (task, replicas) in [("web-a1", [&b, &c]), ("web-b3", [&b, &c])] {
        let task = node(&nodes, task);
        assert_eq!(env(task, "DATABASE_HOSTS"), Some(hosts.as_str()));
        assert_eq!(
            env(task, "REPLICA_HOSTS"),
            Some(replicas.map(String::as_str).join(",").as_str())
        );
        assert_eq!(env(task, "DATABASE_PROXY"), None);
    }
    let mut stage = stage("stage-10k");
    if let crate::spec::model::Kind::Postgres(db) = &mut stage.tiers["db"].kind {
        db.replicas = [("a".to_owned(), 1), ("b".to_owned(), 1)].into_iter().collect();
    }
    let nodes = nodes_of(&stage);
    let first = |task: &str| env(node(&nodes, task), "REPLICA_HOSTS").unwrap()[..9].to_owned();
    assert_eq!(
        [first("web-a1"), first("web-b1")],
        ["10.77.1.1".to_owned(), "10.77.2.1".to_owned()]
    );
}

#[test]
fn only_replicas_are_tagged_and_all_nodes_wait_for_the_whole_cluster() {
    let nodes = nodes_of(&stage("stage-10k"));
    for (name, replica) in [("db-a1", false), ("db-b1", false), ("db-replica-c1", true)] {
        let node = node(&nodes, name);
        assert_eq!(
            file(node, "/etc/lab/patroni.yml").contains("nofailover: true"),
            replica,
            "{name}"
        );
        let whole = Probe::PatroniCluster { members: 2, replicas: 2, synchronous: true };
        assert_eq!(node.probe, whole);
    }
    let bootstraps = |n: &&NodeSpec| {
        n.kind == "postgres" && file(n, "/etc/lab/patroni.yml").contains("bootstrap:")
    };
    let makers: Vec<&str> = nodes.iter().filter(bootstraps).map(|n| n.name.as_str()).collect();
    assert_eq!(makers, ["db-a1"]);
}

#[test]
fn a_service_is_told_of_everything_that_it_calls() {
    let nodes = nodes_of(&stage("stage-100k"));
    let told: BTreeMap<&str, &str> = node(&nodes, "web-b1")
        .env
        .iter()
        .filter(|(k, _)| {
            ["DATABASE", "REPLICA", "CACHE", "AWS", "CARTS", "ASSETS"]
                .iter()
                .any(|p| k.starts_with(p))
        })
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    insta::assert_yaml_snapshot!(told, @r#"
    ASSETS_BUCKET: shop-assets
    AWS_ACCESS_KEY_ID: test
    AWS_DEFAULT_REGION: us-east-1
    AWS_ENDPOINT_URL: "http://10.77.200.10:4566"
    AWS_ENDPOINT_URL_DYNAMODB: "http://10.77.200.11:4566"
    AWS_ENDPOINT_URL_S3: "http://10.77.200.10:4566"
    AWS_REGION: us-east-1
    AWS_SECRET_ACCESS_KEY: 5ab0b24d54b82754dd738bce
    CACHE: "on"
    CACHE_NAME: cache
    CACHE_PASSWORD: 8b5a279c62b342e7885e318f
    CACHE_SENTINELS: "10.77.2.19:26379,10.77.1.18:26379,10.77.3.12:26379"
    CARTS: dynamodb
    DATABASE_HOSTS: "10.77.2.14:6432,10.77.1.14:6432"
    DATABASE_NAME: shop
    DATABASE_PASSWORD: 8514878314b4770f3769e336
    DATABASE_PROXY: "on"
    DATABASE_USER: shop
    REPLICA_HOSTS: "10.77.2.16:5432,10.77.3.10:5432"
    "#);
}

#[test]
fn the_cache_in_files() {
    let nodes = nodes_of(&stage("stage-100k"));
    insta::assert_snapshot!(file(node(&nodes, "cache-b1"), "/etc/lab/redis.conf"), @r#"
    bind 0.0.0.0
    port 6379
    dir /data
    appendonly yes
    appendfsync everysec
    save ""
    requirepass 8b5a279c62b342e7885e318f
    masterauth 8b5a279c62b342e7885e318f
    maxmemory 64mb
    maxmemory-policy volatile-lru
    replica-announce-ip 10.77.2.18
    repl-diskless-sync-delay 0
    repl-ping-replica-period 1
    repl-timeout 5
    repl-backlog-size 16mb
    tcp-keepalive 10
    "#);
    insta::assert_snapshot!(file(node(&nodes, "cache-sentinel-b1"), "/etc/lab/sentinel.conf"), @r"
    bind 0.0.0.0
    port 26379
    protected-mode no
    dir /data
    sentinel myid aa84265a317638a40622df181aa8904a009fc382
    sentinel announce-ip 10.77.2.19
    sentinel monitor cache 10.77.1.17 6379 2
    sentinel auth-pass cache 8b5a279c62b342e7885e318f
    sentinel down-after-milliseconds cache 500
    sentinel failover-timeout cache 5000
    sentinel parallel-syncs cache 1
    sentinel known-replica cache 10.77.2.18 6379
    sentinel known-sentinel cache 10.77.1.18 26379 6e032ef41576fd9a1079752e1599f0424e0b8342
    sentinel known-sentinel cache 10.77.3.12 26379 7ce62a90e564ce8f88f67d12647e08e8b09bff23
    ");
    insta::assert_yaml_snapshot!(node(&nodes, "cache-b1").env, @r#"
    CACHE_NAME: cache
    DOWN_AFTER_MS: "500"
    FIRST_PRIMARY: 10.77.1.17
    OWN_ADDRESS: 10.77.2.18
    PEERS: "10.77.1.17:6379"
    SENTINELS: "10.77.2.19:26379 10.77.1.18:26379 10.77.3.12:26379"
    "#);
}

#[test]
fn sentinels_call_each_other_by_the_ids_they_have() {
    let nodes = nodes_of(&stage("stage-100k"));
    let conf =
        |zone| file(node(&nodes, &format!("cache-sentinel-{zone}1")), "/etc/lab/sentinel.conf");
    let own = conf("a").lines().find_map(|l| l.strip_prefix("sentinel myid ")).unwrap();
    assert_eq!(own.len(), 40);
    assert!(conf("b").contains(own) && conf("c").contains(own));
    assert!(!conf("a").contains(&format!("26379 {own}")));
}

#[test]
fn the_proxy_in_files() {
    let nodes = nodes_of(&stage("stage-100k"));
    let proxy = node(&nodes, "db-proxy-a1");
    insta::assert_snapshot!(file(proxy, "/etc/lab/haproxy.cfg"), @r"
    global
        log stderr format raw local0 warning
        maxconn 4096
        hard-stop-after 1s
    defaults
        mode tcp
        log global
        option dontlog-normal
        retries 2
        timeout connect 200ms
        timeout check 500ms
        timeout client 30m
        timeout server 30m
    listen primary
        bind 127.0.0.1:5432
        option httpchk GET /primary
        http-check expect status 200
        option clitcpka
        option srvtcpka
        default-server inter 250ms fastinter 100ms fall 2 rise 1 on-marked-down shutdown-sessions
        server member-0 10.77.1.15:5432 check addr 10.77.1.15 port 8008
        server member-1 10.77.2.15:5432 check addr 10.77.2.15 port 8008
    backend pgbouncer
        server pgbouncer 127.0.0.1:6432 check inter 500ms rise 1 fall 2
    frontend health
        mode http
        timeout client 2s
        bind 0.0.0.0:8405
        monitor-uri /ready
        monitor fail if { nbsrv(primary) lt 1 }
        monitor fail if { nbsrv(pgbouncer) lt 1 }
    ");
    insta::assert_snapshot!(file(proxy, "/etc/lab/pgbouncer.ini"), @r"
    [databases]
    shop = host=127.0.0.1 port=5432 dbname=shop

    [pgbouncer]
    listen_addr = 0.0.0.0
    listen_port = 6432
    unix_socket_dir =
    auth_type = scram-sha-256
    auth_file = /etc/lab/users.txt
    pool_mode = transaction
    default_pool_size = 20
    max_client_conn = 1000
    max_prepared_statements = 200
    query_wait_timeout = 5
    server_login_retry = 0.2
    server_connect_timeout = 2
    server_check_delay = 0
    server_idle_timeout = 60
    tcp_keepalive = 1
    tcp_user_timeout = 5000
    ignore_startup_parameters = extra_float_digits
    log_connections = 0
    log_disconnections = 0
    stats_period = 600
    ");
    // With the servers' own secret of the password it can log in to them as its clients have.
    let secret = env(node(&nodes, "db-a1"), "SHOP_SECRET").unwrap();
    assert_eq!(file(proxy, "/etc/lab/users.txt"), format!("\"shop\" \"{secret}\"\n"));
}

#[test]
fn each_emulator_serves_what_the_stage_gives_it() {
    let nodes = nodes_of(&stage("stage-100k"));
    for (name, services) in [("aws-localstack", "s3"), ("aws-ministack", "dynamodb")] {
        let node = node(&nodes, name);
        assert_eq!(env(node, "SERVICES"), Some(services));
        assert_eq!((node.zone.as_str(), node.region.as_str()), ("", "eu"));
    }
}

#[test]
fn the_edge_asks_load_balancers_and_object_storage() {
    let nodes = nodes_of(&stage("stage-100k"));
    let conf = file(node(&nodes, "cdn-1"), "/etc/lab/cdn.conf");
    for name in ["lb-a1", "lb-b1"] {
        assert!(conf.contains(&format!("server {}:8080 ", node(&nodes, name).address)), "{conf}");
    }
    let storage = node(&nodes, "aws-localstack").address;
    assert!(conf.contains(&format!("server {storage}:4566 ")), "{conf}");
    assert!(conf.contains("proxy_pass http://assets/shop-assets/assets/;"), "{conf}");
}

#[test]
fn only_what_users_call_is_published() {
    for name in ["stage-10k", "stage-100k"] {
        let nodes = nodes_of(&stage(name));
        let published: Vec<(&str, u16)> =
            nodes.iter().filter_map(|n| Some((n.name.as_str(), n.publish?.host))).collect();
        match name {
            "stage-10k" => assert_eq!(published, [("lb-a1", 8080), ("lb-b1", 8081)]),
            _ => assert_eq!(published, [("cdn-1", 8080)]),
        }
    }
}

#[test]
fn a_running_lab_is_judged_by_the_probes_it_was_started_with() {
    for name in ["stage-1k", "stage-10k", "stage-100k"] {
        let stage = stage(name);
        let places = places(&stage, Subnet(10, 77));
        let nodes = nodes_of(&stage);
        for place in &places {
            let probe = super::probe(&stage, &places, place, SECRET);
            let node = node(&nodes, &place.name);
            if node.kind != "load-balancer" {
                assert_eq!(probe, node.probe, "{}", place.name);
            }
        }
    }
}
