//! Tests of the whole way from a text to a stage.

mod builds;
mod containers;
mod faults;
mod fields;
mod front;
mod machine;
mod memory;
mod messaging;
mod never_panics;
mod published;
mod releases;
mod rights;
mod scaling;
mod secure;
mod semantics;
mod services;
mod short_forms;
mod syntax;
mod tiers;
mod values;

use super::{SpecErrors, parse};

/// A valid stage that the tests spoil, one change at a time.
const BASE: &str = "\
stage: small
title: A small stage
users: 1000
intent: For tests.
regions:
  - name: eu
    zones: [a, b, c]
tiers:
  lb:
    kind: load-balancer
    targets: web
    zones: [a]
    publish: 8080
  web:
    kind: service
    database: db
    zones: [a, b]
  db:
    kind: postgres
    coordination: store
    replication: synchronous
    primary: a
    zones: {a: 1, b: 1}
  store:
    kind: etcd
    zones: [a, b, c]
edges:
  - {from: lb, to: web}
  - {from: web, to: db}
traffic:
  entry: lb
  rate_per_s: 50
objectives:
  availability_percent: 99
  p99_ms: 250
  rto_ms: 5000
experiments:
  kill-web:
    fault: kill-task
    expect: survives
  kill-db:
    faults:
      - {fault: kill-primary, mode: crash}
    expect: survives
";

/// The text of [`BASE`] with these replacements, each of which must match exactly once.
fn spoilt(changes: &[(&str, &str)]) -> String {
    let mut text = BASE.to_owned();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "`{from}` is not in the base exactly once");
        text = text.replace(from, to);
    }
    text
}

/// What is wrong with the spoilt text, as a user reads it.
fn errors(changes: &[(&str, &str)]) -> String {
    errors_of(&spoilt(changes))
}

fn errors_of(text: &str) -> String {
    let errors: SpecErrors = parse(text, "s.yaml").expect_err("the text has a mistake");
    assert!(!errors.problems().is_empty());
    for problem in errors.problems() {
        assert!(problem.line >= 1 && problem.column >= 1, "{problem:?}");
        assert!(problem.allowed.is_some() || problem.help.is_some(), "{problem:?}");
    }
    errors.to_string()
}

#[test]
fn the_base_is_valid() {
    parse(BASE, "s.yaml").unwrap();
}
