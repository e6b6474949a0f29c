//! What the control plane knows as numbers: for Prometheus on `GET /metrics`, and for the emulated
//! CloudWatch.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use super::{Shared, front_door};
use crate::engine::EngineError;
use crate::plan::observed::{Part, State};

/// A metric: how it is called, and what it is in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its name in Prometheus' spelling, with its unit.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
}

/// Requests per second of each task of a scaling group, at its last point.
pub const REQUESTS_PER_TASK: Metric = Metric {
    name: "lab_group_requests_per_task_per_second",
    help: "Requests per second that one task of a scaling group has",
};
/// How many tasks a scaling group shall have.
pub const GROUP_SIZE: Metric =
    Metric { name: "lab_group_size_tasks", help: "Tasks that a scaling group shall have" };
/// How many of them run.
pub const GROUP_RUNNING: Metric =
    Metric { name: "lab_group_running_tasks", help: "Tasks of a scaling group that run" };
/// Capacity of the node that writes of a database tier.
pub const CAPACITY_UNITS: Metric = Metric {
    name: "lab_database_capacity_units",
    help: "Capacity units that the writing node of a database tier has",
};
const NODES: Metric = Metric { name: "lab_nodes", help: "Nodes of a tier, by what they do" };
const CANARY_REQUESTS: Metric =
    Metric { name: "lab_canary_requests", help: "Requests of the canary in the last ten seconds" };
/// Share of the canary's requests that succeeded.
pub const CANARY_SUCCESS: Metric = Metric {
    name: "lab_canary_success_percent",
    help: "Share of the canary's requests that succeeded, of the last ten seconds",
};
/// Upper edge of the band that the canary's latency is usually in.
pub const BAND: Metric = Metric {
    name: "lab_canary_p99_band_upper_milliseconds",
    help: "Upper edge of the band in which the canary's 99th percentile usually is",
};
/// Whether it is above that.
pub const OUTSIDE: Metric = Metric {
    name: "lab_canary_p99_above_band",
    help: "1 while the canary's 99th percentile is above its usual band",
};
const SPANS: Metric = Metric { name: "lab_trace_spans", help: "Spans taken since the start" };
const UNREAD_SPANS: Metric =
    Metric { name: "lab_trace_spans_unread", help: "Spans that could not be read" };
const FORWARDED: Metric =
    Metric { name: "lab_otlp_forwarded", help: "Requests that the user's own collector took" };
const NOT_FORWARDED: Metric =
    Metric { name: "lab_otlp_not_forwarded", help: "Requests that it did not take" };
/// 99th percentile of the canary's latency.
pub const CANARY_P99: Metric = Metric {
    name: "lab_canary_p99_milliseconds",
    help: "99th percentile of the canary's latency, of the last ten seconds",
};

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Of what.
    pub metric: Metric,
    /// Which one: label and value.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

/// The numbers that loops have found out last, by metric and tier.
#[derive(Debug, Default)]
pub struct Gauges(Mutex<BTreeMap<(Metric, String), f64>>);

impl Gauges {
    /// Remembers the latest number of a tier.
    pub fn set(&self, metric: Metric, tier: &str, value: f64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((metric, tier.to_owned()), value);
    }

    /// Remembers the latest number of a tier, or that it is not known.
    pub fn put(&self, metric: Metric, tier: &str, value: Option<f64>) {
        let Some(value) = value else {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.remove(&(metric, tier.to_owned()));
            return;
        };
        self.set(metric, tier, value);
    }

    fn samples(&self) -> Vec<Sample> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = |((metric, tier), value): (&(Metric, String), &f64)| Sample {
            metric: *metric,
            labels: vec![("tier", tier.clone())],
            value: *value,
        };
        known.iter().map(sample).collect()
    }
}

/// Everything that is known at this moment.
///
/// # Errors
/// Docker cannot be asked.
pub async fn gather(shared: &Shared) -> Result<Vec<Sample>, EngineError> {
    let canary = shared.recent.figures();
    let plain = |metric, value| Sample { metric, labels: Vec::new(), value };
    let mut samples = vec![plain(CANARY_REQUESTS, canary.requests as f64)];
    // Of no request there is neither a share nor a percentile.
    if canary.requests > 0 {
        samples.push(plain(CANARY_SUCCESS, canary.success_percent));
        samples.push(plain(CANARY_P99, canary.p99_ms));
    }
    samples.extend(shared.gauges.samples());
    samples.extend(front_door::samples(&shared.config.front_doors).await);
    samples.extend(of_traces(shared));
    samples.extend(nodes(shared).await?);
    Ok(samples)
}

fn of_traces(shared: &Shared) -> Vec<Sample> {
    let pairs = |names: [Metric; 2], (kept, lost): (u64, u64)| {
        let values = [kept as f64, lost as f64];
        let sample = |(metric, value)| Sample { metric, labels: Vec::new(), value };
        names.into_iter().zip(values).map(sample).collect::<Vec<_>>()
    };
    let mut samples = Vec::new();
    if shared.config.traces.is_some() {
        samples.extend(pairs([SPANS, UNREAD_SPANS], shared.traces.counts()));
    }
    if let Some(counts) = shared.forward.counts() {
        samples.extend(pairs([FORWARDED, NOT_FORWARDED], counts));
    }
    samples
}

async fn nodes(shared: &Shared) -> Result<Vec<Sample>, EngineError> {
    let containers = shared.engine.containers().await?;
    let mut counts: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
    for container in containers.values().filter(|c| c.part == Part::Main) {
        let Some(node) = shared.config.nodes.iter().find(|n| n.name == container.node) else {
            continue;
        };
        let state = match container.state {
            State::Running => "running",
            State::Paused => "frozen",
            state if node.reserve && state.is_at_rest() => "reserve",
            _ => "stopped",
        };
        *counts.entry((node.tier.clone(), state)).or_default() += 1;
    }
    let sample = |((tier, state), count): ((String, &'static str), u32)| Sample {
        metric: NODES,
        labels: vec![("tier", tier), ("state", state.to_owned())],
        value: f64::from(count),
    };
    Ok(counts.into_iter().map(sample).collect())
}

/// Prometheus' text format, version 0.0.4.
pub fn text(samples: &[Sample]) -> String {
    let mut out = String::new();
    let mut last = None;
    for Sample { metric, labels, value } in samples {
        if last != Some(metric.name) {
            let _ = writeln!(out, "# HELP {} {}", metric.name, metric.help);
            let _ = writeln!(out, "# TYPE {} gauge", metric.name);
            last = Some(metric.name);
        }
        // Names of tiers need no escaping: they are letters, digits and `-`.
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(out, "{}{labels} {value}", metric.name);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_metric_share_their_head() {
        let gauges = Gauges::default();
        gauges.set(GROUP_SIZE, "web", 6.0);
        gauges.set(GROUP_SIZE, "api", 2.0);
        gauges.set(GROUP_SIZE, "web", 8.0);
        let mut samples = vec![Sample { metric: CANARY_P99, labels: Vec::new(), value: 12.5 }];
        samples.extend(gauges.samples());
        insta::assert_snapshot!(text(&samples), @r#"
        # HELP lab_canary_p99_milliseconds 99th percentile of the canary's latency, of the last ten seconds
        # TYPE lab_canary_p99_milliseconds gauge
        lab_canary_p99_milliseconds 12.5
        # HELP lab_group_size_tasks Tasks that a scaling group shall have
        # TYPE lab_group_size_tasks gauge
        lab_group_size_tasks{tier="api"} 2
        lab_group_size_tasks{tier="web"} 8
        "#);
    }
}
