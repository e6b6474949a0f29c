//! Types and limits of values: one mistake in each test, and what the user reads.

use insta::assert_snapshot;

use super::errors;

#[test]
fn text_for_a_number() {
    assert_snapshot!(errors(&[("rate_per_s: 50", "rate_per_s: fifty")]), @r"
    s.yaml:32:15: `traffic.rate_per_s` is the text `fifty`
      allowed: a whole number from 1 to 20000
    ");
}

#[test]
fn quoted_number() {
    assert_snapshot!(errors(&[("rate_per_s: 50", "rate_per_s: \"50\"")]), @r#"
    s.yaml:32:15: `traffic.rate_per_s` is the text "50"
      allowed: a whole number from 1 to 20000
      help: remove the quotes
    "#);
}

#[test]
fn number_for_text() {
    assert_snapshot!(errors(&[("intent: For tests.", "intent: 42")]), @r#"
    s.yaml:4:9: `intent` is the number 42
      allowed: text
      help: put it in quotes to make it text: "42"
    "#);
}

#[test]
fn negative_number() {
    assert_snapshot!(errors(&[("users: 1000", "users: -1")]), @r"
    s.yaml:3:8: `users` is -1, which is out of range
      allowed: a whole number, at least 1
    ");
}

#[test]
fn fraction_for_a_whole_number() {
    assert_snapshot!(errors(&[("users: 1000", "users: 1.5")]), @r"
    s.yaml:3:8: `users` is the number 1.5
      allowed: a whole number, at least 1
    ");
}

#[test]
fn number_too_large_for_any_type() {
    assert_snapshot!(errors(&[("users: 1000", "users: 99999999999999999999999999999999999999999999")]), @r"
    s.yaml:3:8: `users` is 99999999999999999999999999999999999999999999, which is out of range
      allowed: a whole number, at least 1
    ");
}

#[test]
fn list_for_a_map() {
    assert_snapshot!(errors(&[("tiers:\n  lb:", "tiers:\n  lb: [a]\n  lb2:")]), @r"
    s.yaml:9:7: tier `lb` is a list
      allowed: a map of fields
    ");
}

#[test]
fn map_for_a_list() {
    assert_snapshot!(errors(&[("    zones: [a, b, c]\ntiers", "    zones: {a: 1}\ntiers")]), @r"
    s.yaml:7:12: `regions[0].zones` is a map
      allowed: a list of names
    ");
}

#[test]
fn word_for_zones() {
    assert_snapshot!(errors(&[("    zones: [a, b]\n", "    zones: a\n")]), @r"
    s.yaml:17:12: `tiers.web.zones` is the text `a`
      allowed: a map of name to a whole number from 1 to 99; or a list of words
    ");
}

#[test]
fn empty_value() {
    assert_snapshot!(errors(&[("    coordination: store", "    coordination:")]), @r"
    s.yaml:20:5: `tiers.db.coordination` is empty
      allowed: text
      help: give it a value, or remove the line
    ");
}

#[test]
fn empty_list() {
    assert_snapshot!(errors(&[("    zones: [a, b]\n", "    zones: []\n")]), @r"
    s.yaml:17:5: `tiers.web.zones` is empty
      allowed: at least one entry
    ");
}

#[test]
fn zero_nodes() {
    assert_snapshot!(errors(&[("{a: 1, b: 1}", "{a: 1, b: 0}")]), @r"
    s.yaml:23:22: `tiers.db.zones.b` is 0, which is out of range
      allowed: a whole number from 1 to 99
    ");
}

#[test]
fn primary_in_place_of_a_count() {
    assert_snapshot!(errors(&[("{a: 1, b: 1}", "{a: primary, b: primary}")]), @r"
    s.yaml:23:16: `tiers.db.zones.a` is the text `primary`
      allowed: a whole number from 1 to 99
      help: a postgres tier has one primary: name its zone in `primary`, and give each zone a number of nodes
    s.yaml:23:28: `tiers.db.zones.b` is the text `primary`
      allowed: a whole number from 1 to 99
      help: a postgres tier has one primary: name its zone in `primary`, and give each zone a number of nodes
    ");
}

#[test]
fn repeated_key() {
    assert_snapshot!(errors(&[("traffic:\n", "traffic:\n  entry: web\n")]), @r"
    s.yaml:32:3: `entry` is given twice in `traffic`; the first is on line 31
      allowed: each field once
    ");
}

#[test]
fn two_primaries_as_list() {
    assert_snapshot!(errors(&[("primary: a", "primary: [a, b]")]), @r"
    s.yaml:22:14: `tiers.db.primary` is a list: a postgres tier has one primary
      allowed: one name, not several
    ");
}

#[test]
fn two_primaries_as_map() {
    assert_snapshot!(errors(&[("primary: a", "primary: {a: 1, b: 1}")]), @r"
    s.yaml:22:14: `tiers.db.primary` is a map: a postgres tier has one primary
      allowed: one name, not several
    ");
}

#[test]
fn two_primaries_as_repeated_field() {
    assert_snapshot!(errors(&[("primary: a", "primary: a\n    primary: b")]), @r"
    s.yaml:23:5: `primary` is given twice in tier `db`; the first is on line 22
      allowed: each field once
      help: a postgres tier has one primary
    ");
}

#[test]
fn two_primaries_under_a_plural() {
    assert_snapshot!(errors(&[("primary: a", "primaries: [a, b]")]), @r"
    s.yaml:22:5: unknown field `primaries` in tier `db` (kind postgres)
      allowed: kind, needs, note, publish, size, zones, capacity, coordination, database, primary, replicas, replication, shards
      did you mean `primary`?
      help: a postgres tier has one primary
    ");
}

#[test]
fn names_of_tiers() {
    assert_snapshot!(errors(&[("  store:\n", "  Store_1:\n"), ("coordination: store", "coordination: Store_1")]), @r"
    s.yaml:24:3: `Store_1` is not a name
      allowed: lower-case letters, digits and `-`, beginning with a letter, at most 24 characters
      did you mean `store-1`?
    ");
}

#[test]
fn name_of_the_stage() {
    assert_snapshot!(errors(&[("stage: small", "stage: 1-small")]), @r"
    s.yaml:1:8: `1-small` is not a name
      allowed: lower-case letters, digits and `-`, beginning with a letter, at most 24 characters
    ");
}

#[test]
fn name_too_long() {
    assert_snapshot!(errors(&[("stage: small", "stage: abcdefghijklmnopqrstuvwxy")]), @r"
    s.yaml:1:8: `abcdefghijklmnopqrstuvwxy` is not a name
      allowed: lower-case letters, digits and `-`, beginning with a letter, at most 24 characters
    ");
}

#[test]
fn availability_above_100() {
    assert_snapshot!(errors(&[("availability_percent: 99", "availability_percent: 100.5")]), @r"
    s.yaml:34:25: `objectives.availability_percent` is 100.5, which is out of range
      allowed: a number from 0 to 100
    ");
}

#[test]
fn staleness_of_nothing() {
    assert_snapshot!(errors(&[("rto_ms: 5000", "rto_ms: 5000\n  staleness_ms: 0")]), @r"
    s.yaml:37:17: `objectives.staleness_ms` is 0, which is out of range
      allowed: a whole number from 1 to 600000
    ");
}

#[test]
fn read_percent_above_100() {
    assert_snapshot!(errors(&[("rate_per_s: 50", "rate_per_s: 50\n  read_percent: 101")]), @r"
    s.yaml:33:17: `traffic.read_percent` is 101, which is out of range
      allowed: a whole number from 0 to 100
    ");
}

#[test]
fn rate_zero() {
    assert_snapshot!(errors(&[("rate_per_s: 50", "rate_per_s: 0")]), @r"
    s.yaml:32:15: `traffic.rate_per_s` is 0, which is out of range
      allowed: a whole number from 1 to 20000
    ");
}

#[test]
fn rate_too_high() {
    assert_snapshot!(errors(&[("rate_per_s: 50", "rate_per_s: 20001")]), @r"
    s.yaml:32:15: `traffic.rate_per_s` is 20001, which is out of range
      allowed: a whole number from 1 to 20000
    ");
}

#[test]
fn time_scale_zero() {
    assert_snapshot!(errors(&[("users: 1000", "users: 1000\ntime_scale: 0")]), @r"
    s.yaml:4:13: `time_scale` is 0, which is out of range
      allowed: a number above 0, at most 1000
    ");
}

#[test]
fn a_collector_that_is_no_address() {
    let wanted = "users: 1000\nobservability: {traces: true, otlp_endpoint: \"collector:4318\"}";
    assert_snapshot!(errors(&[("users: 1000", wanted)]), @r"
    s.yaml:4:46: `observability.otlp_endpoint` is `collector:4318`, which is no address
      allowed: http://ADDRESS:PORT, such as http://127.0.0.1:4318
    ");
}

#[test]
fn time_scale_not_a_number() {
    assert_snapshot!(errors(&[("users: 1000", "users: 1000\ntime_scale: .nan")]), @r"
    s.yaml:4:13: `time_scale` is .nan, which is out of range
      allowed: a number above 0, at most 1000
    ");
}

#[test]
fn no_cpu() {
    assert_snapshot!(errors(&[("publish: 8080", "publish: 8080\n    size: {cpus: 0, memory_mib: 64}")]), @r"
    s.yaml:14:18: `tiers.lb.size.cpus` is 0, which is out of range
      allowed: a number from 0.01 to 1024
    ");
}

#[test]
fn fault_longer_than_ten_minutes() {
    assert_snapshot!(errors(&[("mode: crash", "mode: crash, for_ms: 600001")]), @r"
    s.yaml:43:52: `experiments.kill-db.faults[0].for_ms` is 600001, which is out of range
      allowed: a whole number from 1 to 600000
    ");
}

#[test]
fn fault_later_than_ten_minutes() {
    assert_snapshot!(errors(&[("mode: crash", "mode: crash, at_ms: 600001")]), @r"
    s.yaml:43:51: `experiments.kill-db.faults[0].at_ms` is 600001, which is out of range
      allowed: a whole number from 0 to 600000
    ");
}

#[test]
fn experiment_without_faults() {
    assert_snapshot!(errors(&[("    faults:\n      - {fault: kill-primary, mode: crash}\n", "    faults: []\n")]), @r"
    s.yaml:42:5: `experiments.kill-db.faults` is empty
      allowed: at least one entry
    ");
}

#[test]
fn experiment_without_fault_field() {
    assert_snapshot!(errors(&[("    fault: kill-task\n", "")]), @r"
    s.yaml:38:3: experiment `kill-web` has no `fault` or `faults`
      allowed: exactly one of `fault` and `faults`
    ");
}

#[test]
fn fault_and_faults() {
    assert_snapshot!(errors(&[("    fault: kill-task\n", "    fault: kill-task\n    faults: [kill-task]\n")]), @r"
    s.yaml:40:5: experiment `kill-web` has both `fault` and `faults`
      allowed: exactly one of `fault` and `faults`
    ");
}

#[test]
fn zone_listed_twice() {
    assert_snapshot!(errors(&[("    zones: [a]\n", "    zones: [a, a]\n")]), @r"
    s.yaml:12:16: `a` is twice in `tiers.lb.zones`
      allowed: each name once
      help: for two nodes in one zone, write {a: 2}
    ");
}

#[test]
fn merge_key() {
    assert_snapshot!(errors(&[("rate_per_s: 50", "rate_per_s: 50\n  <<: {}")]), @r"
    s.yaml:33:3: unknown field `<<` in `traffic`
      allowed: entry, http2, peak_factor, profile_percent, rate_per_s, read_percent, requests_per_user_day, timeout_ms, tls
      help: merge keys are not part of YAML 1.2: write the fields out
    ");
}

#[test]
fn number_as_key() {
    assert_snapshot!(errors(&[("    database: db", "    database: db\n    env: {80: web, 'yes': a, true: b}")]), @r#"
    s.yaml:17:11: the key `80` is the number 80
      allowed: text as key
      help: put it in quotes to make it text: "80"
    s.yaml:17:30: the key `true` is the truth value true
      allowed: text as key
      help: put it in quotes to make it text: "true"
    "#);
}

#[test]
fn null_as_name() {
    assert_snapshot!(errors(&[("  store:\n", "  null:\n"), ("coordination: store", "coordination: \"null\"")]), @r#"
    s.yaml:24:3: the key `null` is empty (`null`)
      allowed: text as key
      help: put it in quotes to make it text: "null"
    "#);
}

#[test]
fn control_characters() {
    assert_snapshot!(errors(&[("stage: small", "stage: \"a\\e[31m\"")]), @r"
    s.yaml:1:8: `a\u{1b}[31m` is not a name
      allowed: lower-case letters, digits and `-`, beginning with a letter, at most 24 characters
    ");
}

#[test]
fn everything_at_once() {
    assert_snapshot!(errors(&[("replication:", "replicaton:"), ("users: 1000", "users: many"), ("entry: lb", "entry: lbb"), ("{from: lb, to: web}", "{from: lb, to: wbe}"), ("    fault: kill-task", "    fault: {fault: lose-zone, zone: z}")]), @r"
    s.yaml:3:8: `users` is the text `many`
      allowed: a whole number, at least 1
    s.yaml:21:5: unknown field `replicaton` in tier `db` (kind postgres)
      allowed: kind, needs, note, publish, size, zones, capacity, coordination, database, primary, replicas, replication, shards
      did you mean `replication`?
    s.yaml:28:20: unknown tier `wbe` in `edges[0].to`
      allowed: lb, web, store, db
      did you mean `web`?
    s.yaml:31:10: unknown tier `lbb` in `traffic.entry`
      allowed: lb, web, db
      did you mean `lb`?
    s.yaml:39:37: unknown zone `z` in `experiments.kill-web.fault.zone`
      allowed: a, b, c
    ");
}
