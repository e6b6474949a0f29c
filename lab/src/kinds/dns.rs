//! `dns`: PowerDNS, with the program beside it that knows what is healthy.

use std::net::SocketAddrV4;

use super::cdn::EDGE_PATH;
use super::load_balancer::STATUS_PORT;
use super::{Context, WEB_PORT, blank, port_of};
use crate::dns::{CheckConfig, DnsConfig, DnsTarget, NameServer};
use crate::plan::layout::{Place, with_duty};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::{Dns, Kind, Stage};
use crate::spec::slots::Duty;

/// Port on which name servers answer, over UDP and TCP: they run without privileges, so not 53.
pub const DNS_PORT: u16 = 5353;
/// Where the program beside PowerDNS finds its configuration.
const CONFIG_PATH: &str = "/etc/lab/dns.json";
/// Where PowerDNS looks for its own.
const CONFIG_FOLDER: &str = "/etc/lab";
/// What runs lies here.
const FOLDER: &str = "/tmp/lab-dns";
/// Time-outs do not become shorter than this, however time is scaled: on a machine that does everything
/// else as well, shorter ones would tell of the machine.
const SHORTEST_TIMEOUT_MS: f64 = 300.0;

/// A name server.
pub(super) fn node(context: &Context<'_>, places: &[Place], place: &Place, kind: &Dns) -> NodeSpec {
    let mut node = blank(context, place, "dns", "dns");
    let config = config(context.stage, places, place, kind);
    node.command = vec!["lab".into(), "dns".into(), "--config".into(), CONFIG_PATH.into()];
    node.files = vec![
        ConfigFile {
            path: CONFIG_PATH.into(),
            content: serde_json::to_string_pretty(&config).unwrap_or_default(),
        },
        ConfigFile { path: format!("{CONFIG_FOLDER}/pdns.conf"), content: pdns_conf() },
    ];
    node.probe = probe();
    node.priority = 5;
    node
}

/// PowerDNS answers for the name.
pub(super) fn probe() -> Probe {
    Probe::Http { port: STATUS_PORT, path: "/healthz".into() }
}

/// What the program beside PowerDNS is told.
fn config(stage: &Stage, places: &[Place], place: &Place, kind: &Dns) -> DnsConfig {
    let domain = kind.name.split_once('.').map_or("", |(_, domain)| domain);
    let port = stage.tiers.get(&kind.targets).map_or(WEB_PORT, |t| port_of(&t.kind));
    let target = |p: &Place| DnsTarget {
        name: p.name.clone(),
        address: SocketAddrV4::new(p.address, port),
        weight: kind.weights.get(&p.zone).copied().unwrap_or(1),
        primary: kind.primary.as_ref() == Some(&p.zone),
    };
    let server =
        |p: &Place| NameServer { name: format!("{}.{domain}", p.name), address: p.address };
    let check = &kind.health_check;
    let scaled = |ms: u64| ms as f64 / stage.time_scale;
    DnsConfig {
        name: kind.name.clone(),
        domain: domain.to_owned(),
        servers: with_duty(places, &place.tier, Duty::Member).map(server).collect(),
        policy: kind.policy,
        ttl_s: ttl_s(stage, kind),
        targets: with_duty(places, &kind.targets, Duty::Member).map(target).collect(),
        check: CheckConfig {
            path: health_path(stage, &kind.targets),
            checkers: check.checkers,
            interval_ms: scaled(u64::from(check.interval_s) * 1000).max(1.0) as u64,
            threshold: check.threshold,
            connect_timeout_ms: scaled(check.connect_timeout_ms).max(SHORTEST_TIMEOUT_MS) as u64,
            answer_timeout_ms: scaled(check.answer_timeout_ms).max(SHORTEST_TIMEOUT_MS) as u64,
        },
        port: DNS_PORT,
        status_port: STATUS_PORT,
        folder: FOLDER.into(),
        command: vec!["pdns_server".into(), format!("--config-dir={CONFIG_FOLDER}")],
    }
}

/// How long an answer may be kept here, in seconds.
pub(super) fn ttl_s(stage: &Stage, kind: &Dns) -> u32 {
    (f64::from(kind.ttl_s) / stage.time_scale).ceil() as u32
}

/// What says that a node works: an edge node answers for itself, and looks at what is behind it with
/// means of its own; a load balancer has the health checks of its targets.
fn health_path(stage: &Stage, tier: &str) -> String {
    match stage.tiers.get(tier).map(|t| &t.kind) {
        Some(Kind::Cdn(_)) => EDGE_PATH.into(),
        Some(Kind::Service(service)) => service.health.clone(),
        Some(Kind::Container(kind)) => kind.health.clone().unwrap_or_else(|| "/".into()),
        Some(Kind::LoadBalancer(balancer)) => health_path(stage, &balancer.targets),
        _ => "/healthz".into(),
    }
}

/// PowerDNS keeps nothing itself: what it was told a moment ago may not be true any more.
fn pdns_conf() -> String {
    let socket = format!("unix:path={FOLDER}/backend.sock,timeout=2000");
    [
        ("launch", "remote"),
        ("remote-connection-string", socket.as_str()),
        ("local-address", "0.0.0.0"),
        ("local-port", &DNS_PORT.to_string()),
        ("socket-dir", FOLDER),
        ("cache-ttl", "0"),
        ("query-cache-ttl", "0"),
        ("negquery-cache-ttl", "0"),
        ("zone-cache-refresh-interval", "0"),
        ("receiver-threads", "1"),
        ("distributor-threads", "2"),
        ("disable-syslog", "yes"),
        ("daemon", "no"),
        ("guardian", "no"),
        ("write-pid", "no"),
        ("version-string", "anonymous"),
        ("security-poll-suffix", ""),
        ("loglevel", "4"),
    ]
    .map(|(name, value)| format!("{name}={value}\n"))
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::names;
    use crate::plan::layout::{Subnet, places};
    use crate::spec::model::DnsPolicy;

    const STAGE: &str = "
stage: named
title: A stage with a name
users: 1000
intent: For tests.
time_scale: 20
regions: [{name: eu, zones: [a, b]}]
tiers:
  dns: {kind: dns, targets: cdn, zones: [a, b], policy: failover, primary: b, weights: {a: 3}}
  cdn: {kind: cdn, origins: {pages: lb}, zones: [a, b]}
  lb: {kind: load-balancer, targets: web, zones: [a]}
  web: {kind: service, zones: [a], health: /alive}
traffic: {entry: cdn, rate_per_s: 50}
objectives: {availability_percent: 99, p99_ms: 250, rto_ms: 5000}
experiments: {}
";

    fn stage() -> Stage {
        crate::spec::parse(STAGE, "s.yaml").unwrap()
    }

    fn config_of(stage: &Stage) -> DnsConfig {
        let places = places(stage, Subnet(10, 77));
        let Kind::Dns(kind) = &stage.tiers["dns"].kind else { panic!() };
        config(stage, &places, &places[0], kind)
    }

    #[test]
    fn the_name_stands_for_the_edge_nodes_in_scaled_time() {
        let config = config_of(&stage());
        assert_eq!((config.name.as_str(), config.domain.as_str()), ("shop.lab", "lab"));
        let targets: Vec<_> =
            config.targets.iter().map(|t| (t.address.to_string(), t.weight, t.primary)).collect();
        let wanted = [("10.77.1.11:8080".into(), 3, false), ("10.77.2.11:8080".into(), 1, true)];
        assert_eq!(targets, wanted);
        assert_eq!(config.servers[1].name, "dns-b1.lab");
        assert_eq!((config.policy, config.ttl_s), (DnsPolicy::Failover, 3));
        let check = &config.check;
        assert_eq!((check.path.as_str(), check.interval_ms, check.threshold), (EDGE_PATH, 1500, 3));
        assert_eq!((check.connect_timeout_ms, check.answer_timeout_ms), (300, 300));
    }

    #[test]
    fn what_has_no_cache_is_asked_for_what_the_tasks_say_of_themselves() {
        assert_eq!(health_path(&stage(), "lb"), "/alive");
    }

    #[test]
    fn traffic_asks_the_name_servers_of_its_entry() {
        let mut stage = stage();
        let at = places(&stage, Subnet(10, 77));
        let name = names(&stage, &at).unwrap();
        assert_eq!((name.name.as_str(), name.port), ("shop.lab", WEB_PORT));
        let servers: Vec<String> = name.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.77.1.10:5353", "10.77.2.10:5353"]);
        stage.traffic.entry = "lb".into();
        assert_eq!(names(&stage, &at), None, "the name stands for another tier");
    }

    #[test]
    fn power_dns_keeps_nothing() {
        let conf = pdns_conf();
        for cache in ["cache-ttl=0", "\nquery-cache-ttl=0", "negquery-cache-ttl=0"] {
            assert!(conf.contains(cache), "{conf}");
        }
    }
}
