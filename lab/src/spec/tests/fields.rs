//! Fields and their words: one mistake in each test, and what the user reads.

use insta::assert_snapshot;

use super::errors;

#[test]
fn unknown_field() {
    assert_snapshot!(errors(&[("replication:", "replicaton:")]), @r"
    s.yaml:21:5: unknown field `replicaton` in tier `db` (kind postgres)
      allowed: kind, needs, note, publish, size, zones, capacity, coordination, database, primary, replicas, replication, shards
      did you mean `replication`?
    ");
}

#[test]
fn unknown_field_far_from_all() {
    assert_snapshot!(errors(&[("    replication: synchronous", "    colour: red")]), @r"
    s.yaml:21:5: unknown field `colour` in tier `db` (kind postgres)
      allowed: kind, needs, note, publish, size, zones, capacity, coordination, database, primary, replicas, replication, shards
    ");
}

#[test]
fn field_of_another_kind() {
    assert_snapshot!(errors(&[("    database: db", "    database: db\n    coordination: store")]), @r"
    s.yaml:17:5: unknown field `coordination` in tier `web` (kind service)
      allowed: kind, needs, note, publish, size, zones, assets_bucket, aws, build, bulkhead, cache, cap_add, cap_drop, capacity_per_s, carts, command, database, deploy, entrypoint, env, env_file, events, files, habits, health, image, mail, messaging, port, release, releases, request_slots, scaling, upstream, user, volumes, worker
      help: `coordination` is a field of kind postgres
    ");
}

#[test]
fn unknown_kind() {
    assert_snapshot!(errors(&[("kind: postgres", "kind: postgers")]), @r"
    s.yaml:19:11: unknown kind `postgers` in tier `db`
      allowed: box, service, load-balancer, api-gateway, postgres, etcd, redis, aws, database-proxy, cdn, dns, container
      did you mean `postgres`?
    ");
}

#[test]
fn no_kind() {
    assert_snapshot!(errors(&[("    kind: postgres\n", "")]), @r"
    s.yaml:18:3: tier `db` has no `kind`
      allowed: box, service, load-balancer, api-gateway, postgres, etcd, redis, aws, database-proxy, cdn, dns, container
    ");
}

#[test]
fn misspelt_kind_key() {
    assert_snapshot!(errors(&[("    kind: postgres\n", "    knd: postgres\n")]), @r"
    s.yaml:19:5: unknown field `knd` in tier `db`
      allowed: kind
      did you mean `kind`?
      help: the values of `kind` are: box, service, load-balancer, api-gateway, postgres, etcd, redis, aws, database-proxy, cdn, dns, container
    ");
}

#[test]
fn unknown_word() {
    assert_snapshot!(errors(&[("replication: synchronous", "replication: synchronus")]), @r"
    s.yaml:21:18: `synchronus` is not a value of `tiers.db.replication`
      allowed: synchronous, asynchronous
      did you mean `synchronous`?
    ");
}

#[test]
fn unknown_fault() {
    assert_snapshot!(errors(&[("fault: kill-primary", "fault: kill-primray")]), @r"
    s.yaml:43:17: unknown fault `kill-primray` in fault 1 of experiment `kill-db`
      allowed: kill-process, kill-task, kill-share, deploy, bad-deploy, stop-control-plane, kill-primary, pause-primary, cut-replication, lose-zone, kill-replica, replica-lag, connection-storm, kill-cache, kill-sentinel, flush-cache, origin-down, outage, queue-outage, duplicate-delivery, poison-message, kill-worker, slow-edge, slow-dependency, cut-edge, reset-edge, flash-crowd, flood, spike
      did you mean `kill-primary`?
    ");
}

#[test]
fn unknown_bare_fault() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: kill-tsk")]), @r"
    s.yaml:39:12: `kill-tsk` is not a value of `experiments.kill-web.fault`
      allowed: kill-task, kill-share, stop-control-plane, kill-primary, pause-primary, cut-replication, lose-zone, kill-replica, replica-lag, connection-storm, kill-cache, kill-sentinel, flush-cache, origin-down, queue-outage, duplicate-delivery, poison-message, kill-worker, slow-dependency, flash-crowd, flood, spike
      did you mean `kill-task`?
    ");
}

#[test]
fn bare_fault_that_needs_more() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: kill-process")]), @r"
    s.yaml:39:12: `kill-process` is not a value of `experiments.kill-web.fault`
      allowed: kill-task, kill-share, stop-control-plane, kill-primary, pause-primary, cut-replication, lose-zone, kill-replica, replica-lag, connection-storm, kill-cache, kill-sentinel, flush-cache, origin-down, queue-outage, duplicate-delivery, poison-message, kill-worker, slow-dependency, flash-crowd, flood, spike
    ");
}

#[test]
fn missing_field() {
    assert_snapshot!(errors(&[("  rto_ms: 5000\n", "")]), @r"
    s.yaml:33:1: `objectives` has no field `rto_ms`
      allowed: a whole number from 0 to 600000
    ");
}

#[test]
fn misspelt_fault_key() {
    assert_snapshot!(errors(&[("fault: kill-task", "falt: kill-task")]), @r"
    s.yaml:39:5: unknown field `falt` in experiment `kill-web`
      allowed: expect, fault, faults, objectives, settle_ms, why
      did you mean `fault`?
    ");
}

#[test]
fn name_of_an_experiment_too_long() {
    assert_snapshot!(errors(&[("  kill-web:", "  kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk:")]), @r"
    s.yaml:38:3: `kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk` is not a name
      allowed: lower-case letters, digits and `-`, beginning with a letter, at most 40 characters
    ");
}

#[test]
fn misspelt_required_field() {
    assert_snapshot!(errors(&[("    targets: web", "    target: web")]), @r"
    s.yaml:11:5: unknown field `target` in tier `lb` (kind load-balancer)
      allowed: kind, needs, note, publish, size, zones, health_check, targets
      did you mean `targets`?
    ");
}

#[test]
fn missing_top_level_field() {
    assert_snapshot!(errors(&[("users: 1000\n", "")]), @r"
    s.yaml:1:1: the stage has no field `users`
      allowed: a whole number, at least 1
    ");
}
