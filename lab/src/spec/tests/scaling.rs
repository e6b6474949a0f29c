//! The rules of scaling groups, and the nodes that they ask for.

use super::{BASE, errors_of};
use crate::spec::parse;
use crate::spec::slots::{Duty, slots};

fn with(zones: &str, scaling: &str) -> String {
    let web = format!("    zones: {zones}\n    scaling: {scaling}\n  db:");
    let text = BASE.replacen("    zones: [a, b]\n  db:", &web, 1);
    assert_ne!(text, BASE);
    text
}

#[test]
fn the_reserve_is_numbered_on_and_makes_zones_even() {
    let stage = parse(&with("{a: 2, b: 1}", "{max: 5, target_per_s: 20}"), "s.yaml").unwrap();
    let of = |duty| -> Vec<String> {
        let all = slots("web", &stage.tiers["web"]).into_iter();
        all.filter(|s| s.duty == duty).map(|s| s.name).collect()
    };
    assert_eq!(of(Duty::Member), ["web-a1", "web-a2", "web-b1"]);
    assert_eq!(of(Duty::Reserve), ["web-a3", "web-b2", "web-b3"]);
}

#[test]
fn a_minimum_above_the_maximum() {
    insta::assert_snapshot!(errors_of(&with("{a: 3, b: 3}", "{max: 4, target_per_s: 20}")), @r"
    s.yaml:18:20: the minimum of scaling group `web` exceeds its maximum: `zones` asks for 6 tasks, and `max` is 4
      allowed: at least 6, or fewer tasks in `zones`
    ");
}

#[test]
fn a_group_without_a_load_balancer() {
    let text = with("{a: 1, b: 1}", "{max: 4, target_per_s: 20}");
    let other = "  other:\n    kind: service\n    database: db\n    zones: [a]\n  db:";
    let text = text
        .replacen("targets: web", "targets: other", 1)
        .replacen("  db:", other, 1)
        .replacen("from: lb, to: web", "from: lb, to: other", 1)
        .replacen("fault: kill-task", "fault: {fault: kill-task, tier: web}", 1);
    insta::assert_snapshot!(errors_of(&text), @r"
    s.yaml:18:5: scaling group `web` has no load balancer: its load is what those before it send
      allowed: a tier of kind load-balancer whose `targets` is this tier
    ");
}
