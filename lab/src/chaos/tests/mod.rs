//! What faults mean on two small stages.

mod crowd;
mod messages;
mod name;
mod origin;
mod resolve;
mod services;

use crate::chaos::{Role, Roles};
use crate::plan::layout::{self, Place, Subnet};
use crate::spec;
use crate::spec::model::Stage;

/// Everything in one box.
pub(super) fn boxed() -> Stage {
    parsed(
        "tiers:
  box: {kind: box, zones: [a]}
traffic: {entry: box, rate_per_s: 10}
",
    )
}

/// Two tiers of tasks in two zones, a cluster with its coordination store, and one lone server.
pub(super) fn zoned() -> Stage {
    parsed(
        "tiers:
  lb: {kind: load-balancer, targets: web, zones: [a]}
  web: {kind: service, database: db, zones: {a: 2, b: 2}}
  batch: {kind: service, database: db, zones: [b]}
  db: {kind: postgres, coordination: db-etcd, zones: [a, b]}
  db-etcd: {kind: etcd, zones: [a, b, c]}
  log: {kind: postgres, zones: [c]}
edges:
  - {from: lb, to: web}
  - {from: web, to: db}
  - {from: batch, to: db}
  - {from: db, to: db-etcd}
traffic: {entry: lb, rate_per_s: 10}
",
    )
}

fn parsed(tail: &str) -> Stage {
    let head = "stage: test
title: t
users: 1
intent: i
regions: [{name: eu, zones: [a, b, c, d]}]
objectives: {availability_percent: 99, p99_ms: 500, rto_ms: 5000}
experiments: {}
";
    spec::parse(&format!("{head}{tail}"), "test.yaml").unwrap_or_else(|e| panic!("{e}"))
}

pub(super) fn places(stage: &Stage) -> Vec<Place> {
    layout::places(stage, Subnet(10, 77))
}

/// The primary of `db` in zone b: not the first node, so that "the first" is no right answer.
pub(super) fn roles() -> Roles {
    [("db-a1", Role::SyncStandby), ("db-b1", Role::Primary), ("log-c1", Role::Primary)]
        .map(|(node, role)| (node.to_owned(), role))
        .into()
}
