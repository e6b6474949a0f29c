//! The rules of front doors, name servers and capacity units: one mistake in each test.

use super::errors_of;
use super::tiers::BASE;
use crate::spec::parse;

/// The base with one line more after another.
fn after(line: &str, more: &str) -> String {
    assert_eq!(BASE.matches(line).count(), 1, "`{line}` is not in the base exactly once");
    BASE.replace(line, &format!("{line}{more}"))
}

fn door(fields: &str) -> String {
    after("    bucket: shop\n", &format!("    front_door: {{{fields}}}\n"))
}

fn dns(fields: &str) -> String {
    after("tiers:\n", &format!("  dns: {{kind: dns, zones: [a, b], {fields}}}\n"))
}

fn capacity(fields: &str) -> String {
    after("    replicas: [c]\n", &format!("    capacity: {{{fields}}}\n"))
}

fn valid(text: &str) {
    parse(text, "s.yaml").unwrap_or_else(|e| panic!("{e}"));
}

/// Each text is wrong, and its message has these words.
fn wrong(all: &[(String, &str)]) {
    for (text, words) in all {
        let errors = errors_of(text);
        assert!(errors.contains(words), "`{words}` is not in:\n{errors}");
        assert_eq!(errors.matches("s.yaml:").count(), 1, "{errors}");
    }
}

#[test]
fn front_doors() {
    valid(&door("client_rate: {limit: 60, window_s: 60, action: count}, status: 429"));
    valid(&door(
        "rules: {path_traversal: block, sql_injection: count}, blocked_paths: [/internal/*]",
    ));
    wrong(&[
        (door("status: 404"), "allowed: 403 or 429"),
        (door("client_rate: {limit: 9}"), "allowed: a whole number from 10 to 2000000"),
        (door("client_rate: {}"), "has no field `limit`"),
        (door("methods: [get]"), "`get` is not a method"),
        (door("blocked_paths: [internal]"), "`internal` is not a path to block"),
        (door("blocked_paths: ['/a{b']"), "is not a path to block"),
        (door("rules: {sql_injection: drop}"), "allowed: block, count"),
        (door("rules: {sqlinjection: block}"), "did you mean `sql_injection`?"),
    ]);
}

#[test]
fn name_servers() {
    valid(&dns("targets: cdn"));
    valid(&dns("targets: web, policy: failover, primary: b, ttl_s: 5, name: www.shop.test"));
    valid(&dns("targets: cdn, policy: weighted, weights: {a: 3}"));
    wrong(&[
        (
            dns("targets: db"),
            "of kind postgres, not load-balancer or api-gateway or service or box or cdn",
        ),
        (dns("targets: cdn, name: shop"), "`shop` is not a name in a zone"),
        (dns("targets: cdn, name: Shop.lab"), "`Shop.lab` is not a name in a zone"),
        (dns("targets: cdn, policy: failover"), "the policy `failover` needs a `primary`"),
        (dns("targets: cdn, primary: z"), "unknown zone `z`"),
        (dns("targets: cdn, weights: {z: 1}"), "unknown zone `z`"),
        (dns("targets: cdn, health_check: {interval_s: 20}"), "allowed: 10 or 30"),
    ]);
    let without = BASE.replace("tiers:\n", "tiers:\n  dns: {kind: dns, targets: cdn}\n");
    assert!(errors_of(&without).contains("has no field `zones`"));
}

#[test]
fn a_name_server_and_an_edge_cache_can_be_killed_when_they_are_named() {
    let kill = |tier: &str| {
        let fault = format!(
            "experiments: {{e: {{expect: survives, fault: {{fault: kill-task{tier}}}}}}}\n"
        );
        dns("targets: cdn").replace("experiments: {}\n", &fault)
    };
    valid(&kill(", tier: cdn"));
    valid(&kill(", tier: dns, zone: b"));
    valid(&kill(""));
    assert!(errors_of(&kill(", tier: db")).contains("of kind postgres"));
}

#[test]
fn capacity_units() {
    valid(&capacity("min: 1, max: 1"));
    valid(&capacity("min: 0.5, max: 128, memory_mib_per_unit: 320"));
    wrong(&[
        (capacity("min: 2, max: 1.5"), "has a `max` that is less than its `min`"),
        (capacity("min: 1, max: 1.25"), "`max` is between two steps"),
        (capacity("min: 0.25, max: 2"), "0.5"),
        (capacity("min: 1, max: 129"), "128"),
        (capacity("min: 0.5, max: 2"), "is 96 MiB of memory"),
        (
            capacity("min: 1, max: 2")
                .replace("    capacity", "    size: {cpus: 1, memory_mib: 512}\n    capacity"),
            "has a `size` and a `capacity`",
        ),
    ]);
}
