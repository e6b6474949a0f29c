//! Nodes that are too small to work.

use super::{BASE, errors_of, spoilt};
use crate::spec::parse;

fn sized(line: &str, mib: u32) -> String {
    let size = format!("{line}\n    size: {{cpus: 0.5, memory_mib: {mib}}}");
    spoilt(&[(line, &size)])
}

#[test]
fn a_database_in_32_mib() {
    insta::assert_snapshot!(errors_of(&sized("    primary: a", 32)), @r"
    s.yaml:23:35: each node of tier `db` is to have 32 MiB of memory, in which PostgreSQL under Patroni cannot work
      allowed: at least 160
    ");
}

#[test]
fn every_kind_has_its_least() {
    let store = "  store:\n    kind: etcd";
    insta::assert_snapshot!(errors_of(&sized(store, 32)), @r"
    s.yaml:26:35: each node of tier `store` is to have 32 MiB of memory, in which etcd cannot work
      allowed: at least 64
    ");
    let lone = "stage: one\ntitle: One\nusers: 1\nintent: For tests.\nregions: [{name: eu, zones: [a]}]\n\
                tiers:\n  box:\n    kind: box\n    zones: [a]\n    size: {cpus: 1, memory_mib: 64}\n\
                traffic: {entry: box, rate_per_s: 1}\n\
                objectives: {availability_percent: 99, p99_ms: 100, rto_ms: 1000}\nexperiments: {}\n";
    insta::assert_snapshot!(errors_of(lone), @r"
    s.yaml:10:33: each node of tier `box` is to have 64 MiB of memory, in which a box with PostgreSQL cannot work
      allowed: at least 128
    ");
    let emulators = "  aws:\n    kind: aws\n    services: {s3: localstack, dynamodb: ministack}\n    \
                     size: {cpus: 1, memory_mib: 128}\nedges:";
    insta::assert_snapshot!(errors_of(&spoilt(&[("edges:", emulators)])), @r"
    s.yaml:30:33: each node of tier `aws` is to have 128 MiB of memory, in which LocalStack cannot work
      allowed: at least 256
    ");
}

#[test]
fn what_is_enough_is_taken_and_nobody_knows_of_an_image_of_ones_own() {
    let own = "    kind: service\n    image: theirs\n    size: {cpus: 1, memory_mib: 32}";
    for text in [
        sized("    primary: a", 160),
        sized("  store:\n    kind: etcd", 64),
        sized("    targets: web", 32),
        spoilt(&[("    kind: service", own)]),
        BASE.to_owned(),
    ] {
        parse(&text, "s.yaml").unwrap_or_else(|e| panic!("{e}"));
    }
}
