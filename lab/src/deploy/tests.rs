//! What a deploy means on a small stage.

use std::collections::BTreeMap;

use super::order::{Order, Refusal, Scene};
use crate::plan::layout::{self, Place, Subnet};
use crate::plan::main_name;
use crate::plan::observed::{ObservedContainer, Part, State};
use crate::plan::releases::{LABEL_RELEASE, LABEL_TIER};
use crate::spec;
use crate::spec::model::Stage;

fn stage(deploy: &str) -> Stage {
    let text = format!(
        "stage: test
title: t
users: 1
intent: i
regions: [{{name: eu, zones: [a, b]}}]
objectives: {{availability_percent: 99, p99_ms: 500, rto_ms: 5000}}
experiments: {{}}
tiers:
  lb: {{kind: load-balancer, targets: web, zones: [a, b]}}
  web:
    kind: service
    database: db
    zones: {{a: 2, b: 1}}
    scaling: {{max: 8, target_per_s: 10, drain_ms: 700}}
    release: v1
    releases: {{v1: {{}}, v2: {{}}}}
    {deploy}
  batch: {{kind: service, database: db, zones: [b]}}
  db: {{kind: postgres, zones: [a]}}
traffic: {{entry: lb, rate_per_s: 10}}
"
    );
    spec::parse(&text, "test.yaml").unwrap_or_else(|e| panic!("{e}"))
}

/// A lab whose tasks `web-…` run as far as they are named, with a release.
struct Lab {
    stage: Stage,
    places: Vec<Place>,
    containers: BTreeMap<String, ObservedContainer>,
}

impl Lab {
    fn new(deploy: &str, running: &str, release: &str) -> Self {
        let stage = stage(deploy);
        let places = layout::places(&stage, Subnet(10, 77));
        let container = |place: &Place| {
            let runs = place.tier != "web" || running.split(' ').any(|r| place.name == r);
            let mut labels: BTreeMap<String, String> =
                [(LABEL_TIER.into(), place.tier.clone())].into();
            if place.tier == "web" {
                labels.insert(LABEL_RELEASE.into(), release.into());
            }
            let container = ObservedContainer {
                id: place.name.clone(),
                node: place.name.clone(),
                part: Part::Main,
                spec: String::new(),
                state: if runs { State::Running } else { State::Created },
                ports: Vec::new(),
                image: String::new(),
                labels,
                closely: Default::default(),
            };
            (main_name("lab", &place.name), container)
        };
        let containers = places.iter().map(container).collect();
        Self { stage, places, containers }
    }

    fn order(&self, tier: &str, to: &str) -> Result<Order, Refusal> {
        let Self { stage, places, containers } = self;
        Scene { lab: "lab", stage, places, containers }.order(tier, to)
    }
}

const LEAST: &str = "web-a1 web-a2 web-b1";

#[test]
fn in_every_zone_as_many_tasks_at_rest_become_green_as_serve() {
    let order = Lab::new("", LEAST, "v1").order("web", "v2").unwrap();
    assert_eq!((order.from.as_str(), order.to.as_str()), ("v1", "v2"));
    assert_eq!(order.blue.join(" "), LEAST);
    assert_eq!(order.green, ["web-a3", "web-a4", "web-b2"]);
    assert_eq!(order.after.join(" "), LEAST, "a stage has the tasks that its file names");
    assert_eq!((order.drain_ms, order.balancers.len(), order.all.len()), (700, 2, 8));
}

#[test]
fn a_group_that_has_grown_is_as_large_afterwards() {
    let order = Lab::new("", "web-a1 web-a2 web-b1 web-b2", "v1").order("web", "v2").unwrap();
    assert_eq!(order.green, ["web-a3", "web-a4", "web-b3", "web-b4"]);
    assert_eq!(order.after, ["web-a1", "web-a2", "web-b1", "web-b3"], "one of b's green stays");
}

#[test]
fn all_at_once_needs_no_task_at_rest() {
    let order = Lab::new("deploy: {strategy: all-at-once}", LEAST, "v1").order("web", "v2");
    let order = order.unwrap();
    assert!(order.green.is_empty() && order.after == order.blue, "{order:?}");
}

#[test]
fn what_cannot_be_deployed_is_refused_with_what_could_be() {
    let lab = Lab::new("", LEAST, "v1");
    let refused = |tier: &str, to: &str| lab.order(tier, to).unwrap_err().to_string();
    assert_eq!(refused("webb", "v2"), "there is no tier `webb`; tiers with releases: web");
    assert_eq!(refused("db", "v2"), "tier `db` has no releases; tiers with releases: web");
    assert_eq!(refused("batch", "v2"), "tier `batch` has no releases; tiers with releases: web");
    assert_eq!(refused("web", "v9"), "tier `web` has no release `v9`; there are: v1, v2");
    assert_eq!(refused("web", "v1"), "tier `web` runs release `v1` already");
    let deployed = Lab::new("", LEAST, "v2");
    let again = deployed.order("web", "v2").unwrap_err().to_string();
    assert_eq!(again, "tier `web` runs release `v2` already", "the labels say what runs");
    assert_eq!(deployed.order("web", "v1").unwrap().from, "v2");
}

#[test]
fn a_tier_that_is_not_whole_or_has_no_room_is_refused() {
    let missing = Lab::new("", "web-a1 web-b1", "v1").order("web", "v2").unwrap_err();
    assert_eq!(missing.to_string(), "tier `web` is not whole: web-a2 does not run");
    let grown = Lab::new("", "web-a1 web-a2 web-a3 web-b1", "v1").order("web", "v2").unwrap_err();
    assert_eq!(
        grown.to_string(),
        "tier `web` has no room for as many new tasks as run in zone a: 3 run, and 1 are at rest"
    );
}

#[test]
fn shares_follow_from_percentages_and_numbers_of_tasks() {
    let mut order = Lab::new("", LEAST, "v1").order("web", "v2").unwrap();
    let share = |order: &Order, percent: u8, node: &str| order.weights(percent)[node];
    let both =
        |order: &Order, percent| (share(order, percent, "web-a1"), share(order, percent, "web-a3"));
    assert_eq!(both(&order, 0), (1, 0));
    assert_eq!(both(&order, 10), (9, 1));
    assert_eq!(both(&order, 50), (1, 1));
    assert_eq!(both(&order, 100), (0, 1));
    assert_eq!(share(&order, 10, "web-b4"), 0, "neither blue nor green");
    // Twice as many green tasks have half as much each.
    order.green.truncate(1);
    order.blue.truncate(2);
    assert_eq!(both(&order, 50), (1, 2));
    assert_eq!(order.weights(50).len(), 8, "every task has a share");
    assert_eq!(order.only(&order.blue)["web-a3"], 0);
}
