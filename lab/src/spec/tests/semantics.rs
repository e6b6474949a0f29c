//! References, counts and ranges: one mistake in each test, and what the user reads.

use insta::assert_snapshot;

use super::errors;

#[test]
fn unknown_zone_in_a_list() {
    assert_snapshot!(errors(&[("    zones: [a, b]\n", "    zones: [a, z]\n")]), @r"
    s.yaml:17:16: unknown zone `z` in `tiers.web.zones[1]`
      allowed: a, b, c
    ");
}

#[test]
fn unknown_zone_in_a_map() {
    assert_snapshot!(errors(&[("{a: 1, b: 1}", "{a: 1, z: 1}")]), @r"
    s.yaml:23:19: unknown zone `z` in `tiers.db.zones.z`
      allowed: a, b, c
    ");
}

#[test]
fn zone_in_two_regions() {
    assert_snapshot!(errors(&[("    zones: [a, b, c]\ntiers", "    zones: [a, b, c]\n  - name: us\n    zones: [a]\ntiers")]), @r"
    s.yaml:9:13: zone `a` is there twice; first in region `eu`
      allowed: zone names that are unique across regions
    ");
}

#[test]
fn region_twice() {
    assert_snapshot!(errors(&[("    zones: [a, b, c]\ntiers", "    zones: [a, b, c]\n  - name: eu\n    zones: [d]\ntiers")]), @r"
    s.yaml:8:11: region `eu` is there twice; first as region 1
      allowed: each region once
    ");
}

#[test]
fn unknown_target() {
    assert_snapshot!(errors(&[("targets: web", "targets: wbe")]), @r"
    s.yaml:11:14: unknown tier `wbe` in `tiers.lb.targets`
      allowed: web
      did you mean `web`?
    ");
}

#[test]
fn target_of_the_wrong_kind() {
    assert_snapshot!(errors(&[("targets: web", "targets: db")]), @r"
    s.yaml:11:14: `tiers.lb.targets` names tier `db`, which is of kind postgres, not service or box or container
      allowed: web
    ");
}

#[test]
fn target_is_itself() {
    assert_snapshot!(errors(&[("targets: web", "targets: lb")]), @r"
    s.yaml:11:14: `tiers.lb.targets` names tier `lb`, which is of kind load-balancer, not service or box or container
      allowed: web
    ");
}

#[test]
fn unknown_database() {
    assert_snapshot!(errors(&[("database: db", "database: dbs")]), @r"
    s.yaml:16:15: unknown tier `dbs` in `tiers.web.database`
      allowed: db
      did you mean `db`?
    ");
}

#[test]
fn database_of_the_wrong_kind() {
    assert_snapshot!(errors(&[("database: db", "database: lb")]), @r"
    s.yaml:16:15: `tiers.web.database` names tier `lb`, which is of kind load-balancer, not postgres or database-proxy
      allowed: db
    ");
}

#[test]
fn unknown_coordination() {
    assert_snapshot!(errors(&[("coordination: store", "coordination: stor")]), @r"
    s.yaml:20:19: unknown tier `stor` in `tiers.db.coordination`
      allowed: store
      did you mean `store`?
    ");
}

#[test]
fn coordination_of_the_wrong_kind() {
    assert_snapshot!(errors(&[("coordination: store", "coordination: web")]), @r"
    s.yaml:20:19: `tiers.db.coordination` names tier `web`, which is of kind service, not etcd
      allowed: store
    ");
}

#[test]
fn cluster_without_coordination() {
    assert_snapshot!(errors(&[("    coordination: store\n", "")]), @r"
    s.yaml:18:3: tier `db` has 2 postgres nodes and no `coordination`: a postgres tier has one primary, and nothing would decide which
      allowed: one node, or `coordination` with a tier of kind etcd
      help: write `coordination: store`
    ");
}

#[test]
fn primary_in_unknown_zone() {
    assert_snapshot!(errors(&[("primary: a", "primary: z")]), @r"
    s.yaml:22:14: the primary of tier `db` is in zone `z`, which does not exist
      allowed: a, b
    ");
}

#[test]
fn primary_where_no_node_is() {
    assert_snapshot!(errors(&[("primary: a", "primary: c")]), @r"
    s.yaml:22:14: the primary of tier `db` is in zone `c`, where it has no node
      allowed: a, b
    ");
}

#[test]
fn two_primaries_in_one_word() {
    assert_snapshot!(errors(&[("primary: a", "primary: a, b")]), @r"
    s.yaml:22:14: a postgres tier has one primary, and `a, b` is more than one zone
      allowed: a, b
    ");
}

#[test]
fn sharded() {
    assert_snapshot!(errors(&[("primary: a", "primary: a\n    shards: 2")]), @r"
    s.yaml:23:13: tier `db` has 2 shards, which is not yet supported by this version
      allowed: 1
    ");
}

#[test]
fn federated() {
    assert_snapshot!(errors(&[("edges:", "federation: {users: db, forum: dbb}\nedges:")]), @r"
    s.yaml:27:1: `federation` is not yet supported by this version
      allowed: no federation: remove the field
    s.yaml:27:32: unknown tier `dbb` in `federation.forum`
      allowed: db
      did you mean `db`?
    ");
}

#[test]
fn even_etcd() {
    assert_snapshot!(errors(&[("  store:\n    kind: etcd\n    zones: [a, b, c]", "  store:\n    kind: etcd\n    zones: [a, b]")]), @r"
    s.yaml:26:5: tier `store` has 2 etcd members, an even number: it survives no more losses than 1 would
      allowed: an odd number of members: 1, 3, 5
    ");
}

#[test]
fn colliding_node_names() {
    assert_snapshot!(errors(&[("  store:\n", "  web-b:\n    kind: service\n    zones: [a]\n  store:\n"), ("    zones: [a, b]\n", "    zones: [a, b-a]\n"), ("    zones: [a, b, c]\ntiers", "    zones: [a, b, c, b-a]\ntiers"), ("fault: kill-task", "fault: {fault: kill-task, tier: web}")]), @r"
    s.yaml:26:13: tier `web` has a node `web-b-a1` already, and this one would be a second
      allowed: names of tiers and zones whose nodes (`tier-zoneN`) differ
    ");
}

#[test]
fn ports_overlap() {
    assert_snapshot!(errors(&[("    database: db", "    database: db\n    publish: 8079")]), @r"
    s.yaml:17:14: tier `web` publishes ports 8079 to 8080, and tier `lb` port 8080
      allowed: ports that no other tier publishes, one for each node
    ");
}

#[test]
fn ports_beyond_the_last() {
    assert_snapshot!(errors(&[("    database: db", "    database: db\n    publish: 65535")]), @r"
    s.yaml:17:14: the nodes of tier `web` need ports 65535 to 65536
      allowed: ports up to 65535
    ");
}

#[test]
fn unknown_tier_in_an_edge() {
    assert_snapshot!(errors(&[("{from: web, to: db}", "{from: web, to: bd}")]), @r"
    s.yaml:29:21: unknown tier `bd` in `edges[1].to`
      allowed: lb, web, db, store
      did you mean `db`?
    ");
}

#[test]
fn edge_to_itself() {
    assert_snapshot!(errors(&[("{from: web, to: db}", "{from: web, to: web}")]), @r"
    s.yaml:29:21: the edge leads from tier `web` to itself
      allowed: an edge between two different tiers
    ");
}

#[test]
fn edge_twice() {
    assert_snapshot!(errors(&[("{from: web, to: db}", "{from: lb, to: web}")]), @r"
    s.yaml:29:5: the edge from `lb` to `web` is there twice; first as edge 1
      allowed: each edge once
    ");
}

#[test]
fn edge_the_wrong_way() {
    assert_snapshot!(errors(&[("{from: web, to: db}", "{from: db, to: web}")]), @r"
    s.yaml:29:5: tier `web` calls `db` (its `database` says so), and this edge says the opposite
      allowed: from `web` to `db`
    ");
}

#[test]
fn unknown_entry() {
    assert_snapshot!(errors(&[("entry: lb", "entry: bl")]), @r"
    s.yaml:31:10: unknown tier `bl` in `traffic.entry`
      allowed: lb, web
      did you mean `lb`?
    ");
}

#[test]
fn entry_of_the_wrong_kind() {
    assert_snapshot!(errors(&[("entry: lb", "entry: db")]), @r"
    s.yaml:31:10: `traffic.entry` names tier `db`, which is of kind postgres, not load-balancer or api-gateway or service or box or cdn or container
      allowed: lb, web
    ");
}

#[test]
fn unknown_tier_in_a_fault() {
    assert_snapshot!(errors(&[("mode: crash}", "mode: crash, tier: dbx}")]), @r"
    s.yaml:43:50: unknown tier `dbx` in `experiments.kill-db.faults[0].tier`
      allowed: db
      did you mean `db`?
    ");
}

#[test]
fn fault_on_the_wrong_kind() {
    assert_snapshot!(errors(&[("mode: crash}", "mode: crash, tier: web}")]), @r"
    s.yaml:43:50: `experiments.kill-db.faults[0].tier` names tier `web`, which is of kind service, not postgres or container
      allowed: db
    ");
}

#[test]
fn fault_on_the_wrong_kind_in_the_short_form() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: {fault: kill-task, tier: db}")]), @r"
    s.yaml:39:37: `experiments.kill-web.fault.tier` names tier `db`, which is of kind postgres, not service or box or container or cdn or dns or etcd
      allowed: web, store
    ");
}

#[test]
fn fault_with_nothing_to_hit() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: {fault: kill-process, process: app}")]), @r"
    s.yaml:39:12: `kill-process` hits a tier of kind box, and the stage has none
      allowed: faults for the kinds of this stage: etcd, load-balancer, postgres, service
    ");
}

#[test]
fn fault_with_more_than_one_to_hit() {
    assert_snapshot!(errors(&[("  store:\n", "  api:\n    kind: service\n    zones: [a]\n  store:\n")]), @r"
    s.yaml:42:12: `kill-task` could hit more than one tier: name it with `tier`
      allowed: web, api
    ");
}

#[test]
fn fault_in_unknown_zone() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: {fault: kill-task, zone: z}")]), @r"
    s.yaml:39:37: unknown zone `z` in `experiments.kill-web.fault.zone`
      allowed: a, b, c
    ");
}

#[test]
fn fault_in_a_zone_without_nodes() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: {fault: kill-task, zone: c}")]), @r"
    s.yaml:39:37: tier `web` has no node in zone `c`
      allowed: a, b
    ");
}

#[test]
fn process_that_is_not_in_the_box() {
    assert_snapshot!(errors(&[("    kind: service\n", "    kind: box\n"), ("fault: kill-task", "fault: {fault: kill-process, process: postgres}")]), @r"
    s.yaml:39:43: no process `postgres` runs in box `web`: its database is `db`
      allowed: nginx, app
      help: `kill-primary` with `tier: db` kills that database
    ");
}

#[test]
fn pause_without_a_standby() {
    assert_snapshot!(errors(&[("{a: 1, b: 1}", "{a: 1}"), ("{fault: kill-primary, mode: crash}", "pause-primary")]), @r"
    s.yaml:43:9: `pause-primary` needs a standby, and tier `db` has one node
      allowed: a tier with at least 2 nodes
    ");
}

#[test]
fn cut_without_a_standby() {
    assert_snapshot!(errors(&[("{a: 1, b: 1}", "{a: 1}"), ("{fault: kill-primary, mode: crash}", "cut-replication")]), @r"
    s.yaml:43:9: `cut-replication` needs a standby, and tier `db` has one node
      allowed: a tier with at least 2 nodes
    ");
}

#[test]
fn lose_unknown_zone() {
    assert_snapshot!(errors(&[("fault: kill-task", "fault: {fault: lose-zone, zone: z}")]), @r"
    s.yaml:39:37: unknown zone `z` in `experiments.kill-web.fault.zone`
      allowed: a, b, c
    ");
}

#[test]
fn lose_zone_without_nodes() {
    assert_snapshot!(errors(&[("    zones: [a, b, c]\ntiers", "    zones: [a, b, c, d]\ntiers"), ("fault: kill-task", "fault: {fault: lose-zone, zone: d}")]), @r"
    s.yaml:39:37: zone `d` has no node, so its loss breaks nothing
      allowed: a zone with nodes
    ");
}

#[test]
fn breaks_without_why() {
    assert_snapshot!(errors(&[("    fault: kill-task\n    expect: survives", "    fault: kill-task\n    expect: breaks")]), @r"
    s.yaml:40:13: experiment `kill-web` expects `breaks` and does not say why
      allowed: `breaks` with `why`: which promise breaks, and what it teaches
    ");
}

#[test]
fn breaks_with_an_empty_why() {
    assert_snapshot!(errors(&[("    fault: kill-task\n    expect: survives", "    fault: kill-task\n    expect: breaks\n    why: ' '")]), @r"
    s.yaml:40:13: experiment `kill-web` expects `breaks` and does not say why
      allowed: `breaks` with `why`: which promise breaks, and what it teaches
    ");
}

#[test]
fn replicas_that_nobody_tells_whom_to_follow() {
    assert_snapshot!(errors(&[("    coordination: store\n", "    replicas: [b]\n"), ("{a: 1, b: 1}", "{a: 1}"), ("{fault: kill-primary, mode: crash}", "kill-primary")]), @r"
    s.yaml:20:5: tier `db` has replicas and no `coordination`: nothing would tell them which node is the primary that they follow
      allowed: `coordination` with a tier of kind etcd
    ");
}

#[test]
fn replica_in_unknown_zone() {
    assert_snapshot!(errors(&[("primary: a", "primary: a\n    replicas: [b, z]")]), @r"
    s.yaml:23:19: unknown zone `z` in `tiers.db.replicas[1]`
      allowed: a, b, c
    ");
}

#[test]
fn replica_whose_name_another_node_has() {
    assert_snapshot!(errors(&[("  store:\n", "  db-replica:\n    kind: service\n    zones: [c]\n  store:\n"), ("primary: a", "primary: a\n    replicas: [c]"), ("fault: kill-task", "fault: {fault: kill-task, tier: web}")]), @r"
    s.yaml:27:13: tier `db` has a node `db-replica-c1` already, and this one would be a second
      allowed: names of tiers and zones whose nodes (`tier-zoneN`) differ
    ");
}
