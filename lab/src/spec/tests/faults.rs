//! Faults that do not fit the stage: one mistake in each test, and what the user reads.

use insta::assert_snapshot;

use super::errors_of;
use super::tiers::BASE;
use crate::spec::parse;

/// The base with one experiment of this fault, and what is wrong with it.
fn with_fault(text: &str, fault: &str) -> String {
    let experiment = format!("experiments: {{e: {{expect: survives, fault: {fault}}}}}\n");
    text.replace("experiments: {}\n", &experiment)
}

fn errors(fault: &str) -> String {
    errors_of(&with_fault(BASE, fault))
}

/// The same on a base that was changed in one place.
fn errors_after(from: &str, to: &str, fault: &str) -> String {
    assert_eq!(BASE.matches(from).count(), 1, "`{from}` is not in the base exactly once");
    errors_of(&with_fault(&BASE.replace(from, to), fault))
}

const NO_CACHE: (&str, &str) =
    ("  cache:\n    kind: redis\n    zones: [a, b]\n    sentinels: [a, b, c]\n", "");

#[test]
fn faults_that_fit_are_valid() {
    let text = BASE.replace("edges:\n", "faultable_edges: true\nedges:\n");
    for fault in [
        "{fault: kill-replica, zone: c}",
        "replica-lag",
        "connection-storm",
        "{fault: connection-storm, tier: db}",
        "kill-cache",
        "{fault: kill-sentinel, zone: c, mode: terminated}",
        "flush-cache",
        "origin-down",
        "{fault: outage, service: s3}",
        "{fault: slow-edge, from: web, to: proxy}",
        "{fault: cut-edge, from: cdn, to: aws}",
        "{fault: reset-edge, from: web, to: db}",
        "flash-crowd",
        "{fault: flash-crowd, requests: 5000, path: \"/products?page=2\", signed_in: true}",
    ] {
        parse(&with_fault(&text, fault), "s.yaml").unwrap_or_else(|e| panic!("{fault}: {e}"));
    }
}

fn without_replicas(fault: &str) -> String {
    let text = BASE.replace("    replicas: [c]\n", "").replace("  - {from: web, to: db}\n", "");
    errors_of(&with_fault(&text, fault))
}

#[test]
fn replica_of_a_database_that_has_none() {
    assert_snapshot!(without_replicas("kill-replica"), @r"
    s.yaml:55:44: `kill-replica` hits a read replica, and tier `db` has none
      allowed: a postgres tier with `replicas`
    ");
}

#[test]
fn lag_of_replicas_that_are_not_there() {
    assert_snapshot!(without_replicas("{fault: replica-lag, tier: db}"), @r"
    s.yaml:55:44: `replica-lag` hits a read replica, and tier `db` has none
      allowed: a postgres tier with `replicas`
    ");
}

#[test]
fn replica_in_an_unknown_zone() {
    assert_snapshot!(errors("{fault: kill-replica, zone: z}"), @r"
    s.yaml:57:72: unknown zone `z` in `experiments.e.fault.zone`
      allowed: a, b, c
    ");
}

#[test]
fn storm_on_what_is_no_database() {
    assert_snapshot!(errors("{fault: connection-storm, tier: cache}"), @r"
    s.yaml:57:76: `experiments.e.fault.tier` names tier `cache`, which is of kind redis, not database-proxy or postgres
      allowed: proxy, db
    ");
}

#[test]
fn cache_fault_without_a_cache() {
    let (from, to) = NO_CACHE;
    let text = BASE.replace(from, to).replace("    cache: cache\n", "");
    let text = text.replace("  - {from: web, to: cache}\n", "");
    assert_snapshot!(errors_of(&with_fault(&text, "kill-cache")), @r"
    s.yaml:51:44: `kill-cache` hits a tier of kind redis, and the stage has none
      allowed: faults for the kinds of this stage: aws, cdn, database-proxy, etcd, postgres, service
    ");
    assert_snapshot!(errors_of(&with_fault(&text, "flush-cache")), @r"
    s.yaml:51:44: `flush-cache` hits a tier of kind redis, and the stage has none
      allowed: faults for the kinds of this stage: aws, cdn, database-proxy, etcd, postgres, service
    ");
}

#[test]
fn cache_fault_that_could_mean_two() {
    let (from, _) = NO_CACHE;
    let two = format!("{from}{}", from.replace("  cache:", "  other:"));
    assert_snapshot!(errors_after(from, &two, "flush-cache"), @r"
    s.yaml:61:44: `flush-cache` could hit more than one tier: name it with `tier`
      allowed: cache, other
    ");
}

#[test]
fn origin_of_what_is_no_edge_cache() {
    assert_snapshot!(errors("{fault: origin-down, tier: web}"), @r"
    s.yaml:57:71: `experiments.e.fault.tier` names tier `web`, which is of kind service, not cdn
      allowed: cdn
    ");
}

#[test]
fn outage_of_a_service_that_the_tier_does_not_have() {
    assert_snapshot!(errors("{fault: outage, service: s4}"), @r"
    s.yaml:57:69: tier `aws` has no service `s4`
      allowed: s3, dynamodb
      did you mean `s3`?
    ");
    assert_snapshot!(errors("{fault: outage, service: sqs}"), @r"
    s.yaml:57:69: tier `aws` has no service `sqs`
      allowed: s3, dynamodb
    ");
}

#[test]
fn outage_where_nothing_is_managed() {
    assert_snapshot!(errors("{fault: outage, tier: db, service: s3}"), @r"
    s.yaml:57:66: `experiments.e.fault.tier` names tier `db`, which is of kind postgres, not aws
      allowed: aws
    ");
}

#[test]
fn edge_that_is_not_there() {
    assert_snapshot!(errors("{fault: slow-edge, from: web, to: store}"), @r"
    s.yaml:57:44: no edge leads from `web` to `store`
      allowed: an edge of the stage with `faultable: true`
    ");
}

#[test]
fn edge_from_an_unknown_tier() {
    assert_snapshot!(errors("{fault: cut-edge, from: wep, to: db}"), @r"
    s.yaml:57:68: unknown tier `wep` in `experiments.e.fault.from`
      allowed: cdn, web, proxy, db, store, cache, aws
      did you mean `web`?
    ");
}

#[test]
fn edge_without_a_network_proxy() {
    assert_snapshot!(errors("{fault: cut-edge, from: web, to: proxy}"), @r"
    s.yaml:57:44: no network proxy stands between `web` and `proxy`
      allowed: an edge of the stage with `faultable: true`
    ");
}

#[test]
fn crowd_for_what_is_no_path() {
    assert_snapshot!(errors("{fault: flash-crowd, path: products}"), @r"
    s.yaml:57:71: `products` is not what one can ask a web server for
      allowed: `/`, then what may stand in a URL, without blanks and `#`
    ");
    assert_snapshot!(errors(r#"{fault: flash-crowd, path: "/a b"}"#), @r"
    s.yaml:57:71: `/a b` is not what one can ask a web server for
      allowed: `/`, then what may stand in a URL, without blanks and `#`
    ");
    assert_snapshot!(errors(r##"{fault: flash-crowd, path: "/a#b"}"##), @r"
    s.yaml:57:71: `/a#b` is not what one can ask a web server for
      allowed: `/`, then what may stand in a URL, without blanks and `#`
    ");
    assert_snapshot!(errors(r#"{fault: flash-crowd, path: "/ HTTP/1.1\r\nX: y"}"#), @r"
    s.yaml:57:71: `/ HTTP/1.1\r\nX: y` is not what one can ask a web server for
      allowed: `/`, then what may stand in a URL, without blanks and `#`
    ");
}

#[test]
fn crowd_of_nobody_or_too_many() {
    assert_snapshot!(errors("{fault: flash-crowd, requests: 0}"), @r"
    s.yaml:57:75: `experiments.e.fault.requests` is 0, which is out of range
      allowed: a whole number from 1 to 5000
    ");
    assert_snapshot!(errors("{fault: flash-crowd, requests: 5001}"), @r"
    s.yaml:57:75: `experiments.e.fault.requests` is 5001, which is out of range
      allowed: a whole number from 1 to 5000
    ");
}

#[test]
fn crowd_that_cannot_sign_in() {
    let own = "{fault: flash-crowd, signed_in: true}";
    assert_snapshot!(errors_after("    kind: service\n", "    kind: service\n    image: mine\n", own), @r"
    s.yaml:58:44: nobody can sign in: no tier runs the lab's own application
      allowed: a `workload`; or a box, or a service with `image: app`
    ");
    let anybody = BASE.replace("    kind: service\n", "    kind: service\n    image: mine\n");
    parse(&with_fault(&anybody, "flash-crowd"), "s.yaml").unwrap();
}

#[test]
fn tier_that_is_called_like_network_proxies() {
    let edge = "  - {from: web, to: cache}\n";
    let faultable = "  - {from: web, to: cache}\n  - {from: web, to: aws, faultable: true}\n";
    let taken = BASE
        .replace(edge, faultable)
        .replace("  store:\n", "  web-net:\n    kind: etcd\n    zones: [c]\n  store:\n");
    assert_snapshot!(errors_of(&taken), @r"
    s.yaml:33:3: `web-net` is what the network proxies of tier `web` are called, through which its faultable edges lead
      allowed: a name of which `web-net` is not the beginning
    ");
    parse(&taken.replace(", faultable: true", ""), "s.yaml").unwrap();
}

#[test]
fn node_that_is_called_like_a_network_proxy() {
    let text = BASE
        .replace("    zones: [a, b, c]\ntiers", "    zones: [a, b, c, net-a]\ntiers")
        .replace(
            "assets_bucket: shop\n    zones: [a, b]\n",
            "assets_bucket: shop\n    zones: [a, net-a]\n",
        )
        .replace("{from: web, to: proxy}", "{from: web, to: proxy, faultable: true}");
    assert_snapshot!(errors_of(&text), @r"
    s.yaml:16:3: `web-net-a1` is what the network proxies of tier `web` are called, through which its faultable edges lead
      allowed: a name of which `web-net` is not the beginning
    ");
}
