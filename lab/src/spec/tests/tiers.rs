//! The rules of caches, managed services, proxies and edge caches: one mistake in each test.

use insta::assert_snapshot;

use super::errors_of;
use crate::spec::parse;

/// A valid stage with one tier of each of these kinds.
pub(super) const BASE: &str = "\
stage: edge
title: A stage with an edge
users: 1000
intent: For tests.
regions:
  - name: eu
    zones: [a, b, c]
tiers:
  cdn:
    kind: cdn
    origins: {pages: web, assets: aws}
    bucket: shop
    rules:
      - {path: /assets/*, origin: assets}
      - {path: /products*, ttl_s: 2}
  web:
    kind: service
    database: proxy
    cache: cache
    aws: aws
    carts: dynamodb
    assets_bucket: shop
    zones: [a, b]
  proxy:
    kind: database-proxy
    database: db
    zones: [a, b]
  db:
    kind: postgres
    coordination: store
    zones: [a, b]
    replicas: [c]
  store:
    kind: etcd
    zones: [a, b, c]
  cache:
    kind: redis
    zones: [a, b]
    sentinels: [a, b, c]
  aws:
    kind: aws
    services: {s3: localstack, dynamodb: ministack}
edges:
  - {from: cdn, to: web}
  - {from: cdn, to: aws}
  - {from: web, to: proxy}
  - {from: web, to: db}
  - {from: web, to: cache}
  - {from: proxy, to: db}
traffic:
  entry: cdn
  rate_per_s: 50
objectives:
  availability_percent: 99
  p99_ms: 250
  rto_ms: 5000
experiments: {}
";

fn errors(from: &str, to: &str) -> String {
    assert_eq!(BASE.matches(from).count(), 1, "`{from}` is not in the base exactly once");
    errors_of(&BASE.replace(from, to))
}

#[test]
fn the_base_is_valid() {
    parse(BASE, "s.yaml").unwrap();
}

#[test]
fn even_sentinels() {
    assert_snapshot!(errors("sentinels: [a, b, c]", "sentinels: {a: 1, b: 3}"), @r"
    s.yaml:39:5: tier `cache` has 4 Sentinels, an even number: they agree on a new primary after no more losses than 3 would
      allowed: an odd number of Sentinels: 3, 5
    ");
}

#[test]
fn lone_sentinel() {
    assert_snapshot!(errors("sentinels: [a, b, c]", "sentinels: [a]"), @r"
    s.yaml:39:5: tier `cache` has 1 Sentinel: without it nobody would fail over
      allowed: an odd number of Sentinels: 3, 5
    ");
}

#[test]
fn no_sentinels() {
    assert_snapshot!(errors("    sentinels: [a, b, c]\n", ""), @r"
    s.yaml:36:3: tier `cache` (kind redis) has no field `sentinels`
      allowed: a map of name to a whole number from 1 to 99; or a list of words
    ");
}

#[test]
fn sentinel_in_unknown_zone() {
    assert_snapshot!(errors("sentinels: [a, b, c]", "sentinels: [a, b, z]"), @r"
    s.yaml:39:23: unknown zone `z` in `tiers.cache.sentinels[2]`
      allowed: a, b, c
    ");
}

#[test]
fn emulator_without_the_service() {
    assert_snapshot!(errors("dynamodb: ministack", "dynamodb: localstack"), @r"
    s.yaml:42:42: `localstack` does not have `dynamodb`: it is not in its free package
      allowed: ministack
    ");
}

#[test]
fn unknown_managed_service() {
    assert_snapshot!(errors("dynamodb: ministack", "dynamo: ministack"), @r"
    s.yaml:42:32: unknown field `dynamo` in `tiers.aws.services`
      allowed: apigateway, cloudwatch, cognito, dynamodb, eventbridge, kinesis, lambda, route53, s3, secretsmanager, ses, sns, sqs, stepfunctions
      did you mean `dynamodb`?
    ");
}

#[test]
fn unknown_emulator() {
    assert_snapshot!(errors("dynamodb: ministack", "dynamodb: moto"), @r"
    s.yaml:42:42: `moto` is not a value of `tiers.aws.services.dynamodb`
      allowed: localstack, ministack
    ");
}

#[test]
fn no_service_at_all() {
    assert_snapshot!(errors("{s3: localstack, dynamodb: ministack}", "{}"), @r"
    s.yaml:11:35: `assets` needs `s3`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `s3`
    s.yaml:21:12: `carts: dynamodb` needs `dynamodb`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `dynamodb`
    s.yaml:22:20: `assets_bucket` needs `s3`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `s3`
    s.yaml:42:5: tier `aws` has no service
      allowed: at least one service, such as `s3: localstack`
    ");
}

#[test]
fn regional_services_have_no_zone() {
    assert_snapshot!(errors("    kind: aws\n", "    kind: aws\n    zones: [a]\n"), @r"
    s.yaml:42:5: unknown field `zones` in tier `aws` (kind aws)
      allowed: kind, needs, note, publish, size, region, services
    ");
}

#[test]
fn unknown_region() {
    assert_snapshot!(errors("    kind: aws\n", "    kind: aws\n    region: us\n"), @r"
    s.yaml:42:13: unknown region `us` in tier `aws`
      allowed: eu
    ");
}

#[test]
fn zones_are_needed_elsewhere() {
    assert_snapshot!(errors("    zones: [a, b]\n    sentinels", "    sentinels"), @r"
    s.yaml:36:3: tier `cache` (kind redis) has no field `zones`
      allowed: a map of name to a whole number from 1 to 99; or a list of words
    ");
}

#[test]
fn carts_without_a_table_to_keep_them() {
    assert_snapshot!(errors("    aws: aws\n    carts: dynamodb\n    assets_bucket: shop\n", "    carts: dynamodb\n"), @r"
    s.yaml:20:12: `carts: dynamodb` needs `dynamodb`, and no tier of kind aws is named
      allowed: a tier of kind aws whose `services` has `dynamodb`
    ");
}

#[test]
fn cache_of_the_wrong_kind() {
    assert_snapshot!(errors("    cache: cache\n", "    cache: db\n"), @r"
    s.yaml:19:12: `tiers.web.cache` names tier `db`, which is of kind postgres, not redis
      allowed: cache
    ");
}

#[test]
fn proxy_for_a_primary_that_nobody_knows() {
    assert_snapshot!(errors("    coordination: store\n    zones: [a, b]\n    replicas: [c]\n", "    zones: [a]\n"), @r"
    s.yaml:26:15: the proxy `proxy` follows the primary of `db`, which has no `coordination`: nobody says who the primary is
      allowed: a postgres tier with `coordination`
    s.yaml:45:5: tier `web` does not call tier `db`
      allowed: an edge to proxy, cache, aws
    ");
}

#[test]
fn edge_between_tiers_that_do_not_call_each_other() {
    assert_snapshot!(errors("{from: web, to: cache}", "{from: proxy, to: cache}"), @r"
    s.yaml:48:5: tier `proxy` does not call tier `cache`
      allowed: an edge to db
    ");
}

#[test]
fn edge_from_a_tier_that_calls_nobody() {
    assert_snapshot!(errors("{from: web, to: cache}", "{from: store, to: cache}"), @r"
    s.yaml:48:5: tier `store` does not call tier `cache`
      allowed: no edge from it: its definition names no other tier
    ");
}

#[test]
fn edge_against_a_call() {
    assert_snapshot!(errors("{from: web, to: cache}", "{from: cache, to: web}"), @r"
    s.yaml:48:5: tier `web` calls `cache` (its `cache` says so), and this edge says the opposite
      allowed: from `web` to `cache`
    ");
}

#[test]
fn edge_to_a_database_that_only_the_proxy_calls() {
    assert_snapshot!(errors("    replicas: [c]\n", ""), @r"
    s.yaml:46:5: tier `web` does not call tier `db`
      allowed: an edge to proxy, cache, aws
    ");
}

#[test]
fn assets_without_a_bucket() {
    assert_snapshot!(errors("    bucket: shop\n", ""), @r"
    s.yaml:11:27: tier `cdn` has an origin `assets` and no `bucket`
      allowed: `bucket`: where the objects are
    ");
}

#[test]
fn assets_that_are_no_origin() {
    assert_snapshot!(errors(", assets: aws}", "}"), @r"
    s.yaml:14:35: tier `cdn` has no origin `assets`
      allowed: pages, or `assets` among the `origins`
    s.yaml:45:5: tier `cdn` does not call tier `aws`
      allowed: an edge to web
    ");
}

#[test]
fn path_that_is_more_than_a_path() {
    assert_snapshot!(errors("path: /products*", "path: \"/a; } location /b\""), @r"
    s.yaml:15:16: `/a; } location /b` is not a path of a rule
      allowed: `/`, then letters, digits and `/._~-`, and perhaps `*` at the end
    ");
}

#[test]
fn path_with_a_star_in_the_middle() {
    assert_snapshot!(errors("path: /products*", "path: /a*/b"), @r"
    s.yaml:15:16: `/a*/b` is not a path of a rule
      allowed: `/`, then letters, digits and `/._~-`, and perhaps `*` at the end
    ");
}

#[test]
fn path_twice() {
    assert_snapshot!(errors("path: /products*", "path: /assets/*"), @r"
    s.yaml:15:16: there is a rule for `/assets/*` already
      allowed: each path once
    ");
}

#[test]
fn header_that_is_more_than_a_name() {
    assert_snapshot!(errors("    bucket: shop\n", "    bucket: shop\n    personal_headers: [\"a;b\"]\n"), @r"
    s.yaml:13:24: `a;b` is not the name of a header
      allowed: letters, digits and `-`, such as Authorization
    ");
}

/// The callers' own networks lead there what Sentinels name; but only where the edge itself says so.
#[test]
fn an_edge_to_a_cache_is_faultable_when_it_says_so_itself() {
    let faultable = |from: &str, to: &str| {
        let stage = parse(&BASE.replace(from, to), "s.yaml").unwrap();
        let edge = stage.edges.iter().find(|e| e.to == "cache").unwrap().clone();
        crate::spec::edges::is_faultable(&stage, &edge)
    };
    assert!(faultable("{from: web, to: cache}", "{from: web, to: cache, faultable: true}"));
    assert!(!faultable("edges:\n", "faultable_edges: true\nedges:\n"));
}

#[test]
fn all_edges_that_can_are_faultable_when_the_stage_says_so() {
    let text = BASE
        .replace("edges:\n", "faultable_edges: true\nedges:\n")
        .replace("{from: cdn, to: aws}", "{from: cdn, to: aws, faultable: false}");
    let stage = parse(&text, "s.yaml").unwrap();
    let faultable: Vec<_> = stage
        .edges
        .iter()
        .filter(|e| crate::spec::edges::is_faultable(&stage, e))
        .map(|e| format!("{}-{}", e.from, e.to))
        .collect();
    assert_eq!(faultable, ["cdn-web", "web-proxy", "web-db", "proxy-db"]);
}
