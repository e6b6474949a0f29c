//! What the front doors of edge caches have let in and refused, as numbers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;

use super::metrics::{Metric, Sample};
use crate::engine::probe;

/// Longest wait for one front door.
const ASK_TIMEOUT: Duration = Duration::from_millis(500);

const REQUESTS: Metric =
    Metric { name: "lab_front_door_requests", help: "Requests that have come to a front door" };
const REFUSED: Metric =
    Metric { name: "lab_front_door_refused", help: "Requests that a front door has refused" };
const MATCHED: Metric = Metric {
    name: "lab_front_door_rule_matches",
    help: "Requests that a rule of a front door has matched, refused or only counted",
};

/// Label and value of each.
type Labels = Vec<(&'static str, String)>;

/// What is asked of the program beside nginx.
#[derive(Debug, Deserialize)]
struct View {
    requests: u64,
    refused: u64,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    name: String,
    action: String,
    matched: u64,
}

/// The sums of each tier; a node that does not answer is left out.
pub async fn samples(doors: &[(String, Ipv4Addr, u16)]) -> Vec<Sample> {
    let asked = doors.iter().map(async |(tier, address, port)| {
        let answer = probe::get(*address, *port, "/front-door", ASK_TIMEOUT).await.ok()?;
        Some((tier.as_str(), serde_json::from_str(&answer.body).ok()?))
    });
    let views: Vec<Option<(&str, View)>> = futures::future::join_all(asked).await;
    summed(views.into_iter().flatten())
}

fn summed<'a>(views: impl Iterator<Item = (&'a str, View)>) -> Vec<Sample> {
    let mut sums: BTreeMap<(Metric, Labels), u64> = BTreeMap::new();
    for (tier, view) in views {
        let tier = || ("tier", tier.to_owned());
        let mut add = |metric, labels, count| *sums.entry((metric, labels)).or_default() += count;
        add(REQUESTS, vec![tier()], view.requests);
        add(REFUSED, vec![tier()], view.refused);
        for Rule { name, action, matched } in view.rules {
            add(MATCHED, vec![tier(), ("rule", name), ("action", action)], matched);
        }
    }
    let sample = |((metric, labels), count)| Sample { metric, labels, value: count as f64 };
    sums.into_iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::super::metrics::text;
    use super::*;

    #[test]
    fn the_nodes_of_a_tier_are_summed_up_rule_by_rule() {
        let view = |matched| {
            let rules = vec![
                Rule { name: "client-rate".into(), action: "block".into(), matched },
                Rule { name: "sql-injection".into(), action: "count".into(), matched: 1 },
            ];
            View { requests: 100, refused: matched, rules }
        };
        let samples = summed([("cdn", view(7)), ("cdn", view(5))].into_iter());
        insta::assert_snapshot!(text(&samples), @r#"
        # HELP lab_front_door_refused Requests that a front door has refused
        # TYPE lab_front_door_refused gauge
        lab_front_door_refused{tier="cdn"} 12
        # HELP lab_front_door_requests Requests that have come to a front door
        # TYPE lab_front_door_requests gauge
        lab_front_door_requests{tier="cdn"} 200
        # HELP lab_front_door_rule_matches Requests that a rule of a front door has matched, refused or only counted
        # TYPE lab_front_door_rule_matches gauge
        lab_front_door_rule_matches{tier="cdn",rule="client-rate",action="block"} 12
        lab_front_door_rule_matches{tier="cdn",rule="sql-injection",action="count"} 2
        "#);
    }
}
