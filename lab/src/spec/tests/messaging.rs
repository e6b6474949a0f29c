//! The rules of events, queues and workers: one mistake in each test, and what the user reads.

use insta::assert_snapshot;

use super::errors_of;
use crate::spec::parse;
use crate::spec::slots::{Duty, slots};

const BASE: &str = "\
stage: queued
title: A stage with workers
users: 1000
intent: For tests.
regions: [{name: eu, zones: [a, b]}]
tiers:
  lb:
    kind: load-balancer
    targets: web
    zones: [a]
  web:
    kind: service
    aws: aws
    events: {queue: order-mail, topic: orders}
    zones: [a, b]
  mailer:
    kind: service
    aws: aws
    worker: {queue: order-mail, topic: orders, announce: shop}
    zones: [a, b]
  feed:
    kind: service
    aws: aws
    worker: {queue: order-feed, job: record, bus: shop}
    zones: [a, b]
  aws:
    kind: aws
    services: {sqs: ministack, sns: ministack, ses: ministack, eventbridge: ministack}
edges:
  - {from: web, to: aws}
  - {from: mailer, to: aws}
traffic:
  entry: lb
  rate_per_s: 50
objectives:
  availability_percent: 99
  p99_ms: 250
  rto_ms: 5000
experiments:
  out:
    fault: queue-outage
    expect: survives
  bad:
    fault: poison-message
    expect: survives
";

fn errors(from: &str, to: &str) -> String {
    assert_eq!(BASE.matches(from).count(), 1, "`{from}` is not in the base exactly once");
    errors_of(&BASE.replace(from, to))
}

#[test]
fn the_base_is_valid() {
    let stage = parse(BASE, "s.yaml").unwrap();
    assert!(stage.mails());
    assert_eq!(stage.mail_queue().map(|q| q.tier), Some("mailer"));
    assert_eq!(stage.queue_of(Some("feed")).map(|q| q.worker.queue.as_str()), Some("order-feed"));
}

#[test]
fn a_queue_that_nobody_takes() {
    assert_snapshot!(errors("{queue: order-mail, topic: orders}\n    zones: [a, b]\n  mailer", "{queue: order-mial, topic: orders}\n    zones: [a, b]\n  mailer"), @r"
    s.yaml:14:21: queue `order-mial` of tier `web` has no consumer: no worker takes it
      allowed: order-mail, order-feed
      did you mean `order-mail`?
    ");
}

#[test]
fn a_stage_without_workers() {
    let text = BASE
        .replace("    worker: {queue: order-mail, topic: orders, announce: shop}\n", "")
        .replace("    worker: {queue: order-feed, job: record, bus: shop}\n", "")
        .replace("  bad:\n    fault: poison-message\n    expect: survives\n", "");
    assert_snapshot!(errors_of(&text), @r"
    s.yaml:14:21: queue `order-mail` of tier `web` has no consumer: no worker takes it
      allowed: a service with `worker: {queue: order-mail}`
    ");
}

#[test]
fn a_worker_without_a_queue() {
    assert_snapshot!(errors("worker: {queue: order-feed, job: record, bus: shop}", "worker: {job: record, bus: shop}"), @r"
    s.yaml:24:5: `tiers.feed.worker` has no field `queue`
      allowed: lower-case letters, digits and `-`, beginning with a letter, at most 24 characters
    ");
}

#[test]
fn a_worker_whose_queue_nobody_fills() {
    assert_snapshot!(errors("job: record, bus: shop", "job: record"), @r"
    s.yaml:24:21: nobody puts anything into queue `order-feed`, which tier `feed` takes
      allowed: order-mail
    ");
}

#[test]
fn a_topic_and_a_bus_that_nobody_uses() {
    assert_snapshot!(errors("topic: orders, announce", "topic: order, announce"), @r"
    s.yaml:19:40: nobody puts anything on the topic `order` of tier `mailer`
      allowed: orders
      did you mean `orders`?
    ");
    assert_snapshot!(errors("bus: shop", "bus: shops"), @r"
    s.yaml:24:51: nobody puts anything on the bus `shops` of tier `feed`
      allowed: shop
      did you mean `shop`?
    ");
}

#[test]
fn two_tiers_on_one_queue() {
    assert_snapshot!(errors("queue: order-feed, job: record, bus: shop", "queue: order-mail"), @r"
    s.yaml:24:21: tiers `mailer` and `feed` both take queue `order-mail`: each misses a part
      allowed: one tier for each queue; a topic fills several queues
    ");
}

#[test]
fn services_that_are_missing() {
    assert_snapshot!(errors("sqs: ministack, sns: ministack, ", "sns: ministack, "), @r"
    s.yaml:14:13: `events` needs `sqs`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `sqs`
    s.yaml:19:21: `worker` needs `sqs`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `sqs`
    s.yaml:24:21: `worker` needs `sqs`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `sqs`
    s.yaml:41:12: `queue-outage` hits `sqs`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `sqs`
    ");
    assert_snapshot!(errors("sns: ministack, ses: ministack", "sns: ministack"), @r"
    s.yaml:19:13: `worker` needs `ses`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `ses`
    ");
    assert_snapshot!(errors(", eventbridge: ministack", ""), @r"
    s.yaml:19:58: `announce` needs `eventbridge`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `eventbridge`
    s.yaml:24:51: `bus` needs `eventbridge`, which tier `aws` does not have
      allowed: a tier of kind aws whose `services` has `eventbridge`
    ");
}

#[test]
fn a_topic_in_another_emulator_than_the_queues() {
    assert_snapshot!(errors("sns: ministack", "sns: localstack"), @r"
    s.yaml:14:40: `sns` is in `localstack` and `sqs` in `ministack`: it could not reach the queues
      allowed: one emulator for both
    s.yaml:19:40: `sns` is in `localstack` and `sqs` in `ministack`: it could not reach the queues
      allowed: one emulator for both
    ");
}

#[test]
fn a_worker_that_should_answer_users() {
    assert_snapshot!(errors("targets: web", "targets: mailer"), @r"
    s.yaml:9:14: tier `mailer` is a worker, and answers no users
      allowed: a tier without `worker`
    ");
}

#[test]
fn mail_in_the_request_without_a_mail_service() {
    let text = BASE
        .replace("    events: {queue", "    mail: inline\n    aws: aws\n    events: {queue")
        .replacen("    aws: aws\n    mail", "    mail", 1)
        .replace("ses: ministack, ", "");
    assert!(errors_of(&text).contains("`mail: inline` needs `ses`"), "{}", errors_of(&text));
}

#[test]
fn faults_of_queues_that_hit_nothing() {
    assert_snapshot!(errors("fault: queue-outage", "fault: {fault: queue-outage, from: lb}"), @r"
    s.yaml:41:40: `experiments.out.fault.from` names tier `lb`, which is of kind load-balancer, not service
      allowed: web, mailer, feed
    ");
    assert_snapshot!(errors("fault: poison-message", "fault: {fault: poison-message, tier: web}"), @r"
    s.yaml:44:42: `poison-message` hits workers, and tier `web` is none
      allowed: mailer, feed
    ");
    assert_snapshot!(errors("fault: poison-message", "fault: {fault: kill-worker, tier: mailr}"), @r"
    s.yaml:44:39: unknown tier `mailr` in `experiments.bad.fault.tier`
      allowed: web, mailer, feed
      did you mean `mailer`?
    ");
}

#[test]
fn functions_are_all_in_reserve() {
    let text =
        BASE.replacen("job: record, bus: shop", "job: record, bus: shop, function: {max: 3}", 1);
    let stage = parse(&text, "s.yaml").unwrap();
    let all = slots("feed", &stage.tiers["feed"]);
    assert!(all.iter().all(|slot| slot.duty == Duty::Reserve));
    let names: Vec<&str> = all.iter().map(|slot| &*slot.name).collect();
    assert_eq!(names, ["feed-a1", "feed-a2", "feed-b1", "feed-b2"]);
}

#[test]
fn a_function_with_releases() {
    let text = BASE.replacen(
        "bus: shop}",
        "bus: shop, function: {max: 3}}\n    release: one\n    releases: {one: {}, two: {}}",
        1,
    );
    assert_snapshot!(errors_of(&text), @r"
    s.yaml:24:57: tier `feed` is a function, and has no tasks to deploy to
      allowed: either `function` or `releases`
    ");
}

#[test]
fn a_worker_with_what_is_for_those_who_answer_users() {
    let own = "bus: shop}\n    scaling: {max: 3, target_per_s: 3}\n    capacity_per_s: 5";
    assert_snapshot!(errors_of(&BASE.replacen("bus: shop}", own, 1)), @r"
    s.yaml:25:5: tier `feed` is a worker: no load balancer sends it its load
      allowed: `function` of the worker, with its own `max`
    s.yaml:26:5: `capacity_per_s` is of no use to a worker, which answers no users
      allowed: `image: app` without `worker`, or no such field
    ");
}

#[test]
fn one_mistake_is_not_told_as_several() {
    let scaled = BASE.replacen(
        "    zones: [a, b]\n  mailer",
        "    scaling: {max: 3, target_per_s: 3}\n    zones: [a, b]\n  mailer",
        1,
    );
    let text = scaled.replacen("    targets: web\n", "    targets: web\n    helth_check: {}\n", 1);
    assert_snapshot!(errors_of(&text), @r"
    s.yaml:10:5: unknown field `helth_check` in tier `lb` (kind load-balancer)
      allowed: kind, needs, note, publish, size, zones, health_check, targets
      did you mean `health_check`?
    ");
}
