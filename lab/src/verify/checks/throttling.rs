//! Of clients that send more than they may: was the surplus refused, and nobody else?
//!
//! A stage that limits clients neither at a front door nor at an API gateway lets everything through and
//! fails: that is what they are for. Nobody promised it there, so a flood that was sent by hand is not
//! held against it.

use crate::journal::{FloodEnded, Micros, Op};
use crate::spec::model::{ApiGateway, ClientRate, Fault, Kind, RuleAction, Stage, Tier};

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::plural;

/// Fewer requests show nothing.
const MIN_SENT: u64 = 100;

/// How much more than is allowed may pass, in percent: the flood's clock and that of who counts are two.
const SLACK_PERCENT: f64 = 10.0;

/// How long after a flood its buckets may still be empty.
const REFILLED: Micros = 10_000_000;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let limits = limits(case.stage);
    if case.since_up && limits.is_empty() {
        return None;
    }
    let floods = case.history.faults.iter().filter(|f| matches!(f.fault, Some(Fault::Flood(_))));
    let mut shown: Vec<(Part, String)> = floods
        .map(|fault| match fault.flood {
            None => {
                (Part::Inconclusive, "what became of the flood was not written down".to_owned())
            }
            Some(flood) => judged(flood, &limits, refused_others(case, fault)),
        })
        .collect();
    shown.sort_by_key(|(part, _)| std::cmp::Reverse(*part));
    let (part, summary) = shown.into_iter().next()?;
    Some(Finding::new(Check::Throttling, part, summary))
}

fn judged(flood: &FloodEnded, limits: &[Limit], others: usize) -> (Part, String) {
    let begun = flood.to_string();
    if flood.sent < MIN_SENT {
        return (Part::Inconclusive, format!("{begun}: too few to judge by (at least {MIN_SENT})"));
    }
    let Some(allowed) = limits.iter().map(|limit| limit.lets(flood)).min() else {
        return (Part::Fail, format!("{begun}; no API gateway and no front door limits them"));
    };
    if flood.passed > (allowed as f64 * (1.0 + SLACK_PERCENT / 100.0)) as u64 {
        return (Part::Fail, format!("{begun}; {allowed} may pass"));
    }
    if others > 0 {
        let others = plural(others, "request");
        return (Part::Fail, format!("{begun}; refused as well: {others} of others"));
    }
    if flood.throttled == 0 {
        return (Part::Inconclusive, format!("{begun}: they sent no more than they may"));
    }
    (Part::Pass, format!("{begun}; {allowed} may pass, and nobody else was refused"))
}

/// Buckets of tokens, in total or one for each client.
struct Limit {
    per_s: f64,
    burst: f64,
    each: bool,
}

impl Limit {
    /// So many requests of all greedy clients there are tokens for.
    fn lets(&self, flood: &FloodEnded) -> u64 {
        let seconds = flood.lasted_us.max(0) as f64 / 1e6;
        let clients = if self.each { f64::from(flood.clients) } else { 1.0 };
        ((self.per_s * seconds + self.burst) * clients).ceil() as u64
    }
}

/// What the stage lets through.
fn limits(stage: &Stage) -> Vec<Limit> {
    let of_tier = |tier: &Tier| match &tier.kind {
        Kind::ApiGateway(gateway) => of_gateway(gateway, nodes(tier)),
        Kind::Cdn(cdn) => {
            let rate = cdn.front_door.as_ref().and_then(|door| door.client_rate.as_ref());
            let blocks = rate.filter(|rate| rate.action == RuleAction::Block);
            blocks.map(|rate| at_door(rate, nodes(tier), stage.time_scale)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    stage.tiers.values().flat_map(of_tier).collect()
}

/// Of the gateway's nodes each has a part, rounded up to a whole token.
fn of_gateway(gateway: &ApiGateway, nodes: u32) -> Vec<Limit> {
    let limit = |rate: u32, burst: u32, each| Limit {
        per_s: rate.into(),
        burst: (burst.div_ceil(nodes) * nodes).into(),
        each,
    };
    let client = gateway.client.map(|bucket| limit(bucket.rate_per_s, bucket.burst, true));
    let total = limit(gateway.total.rate_per_s, gateway.total.burst, false);
    client.into_iter().chain([total]).collect()
}

/// Each node of an edge counts for itself.
fn at_door(rate: &ClientRate, nodes: u32, time_scale: f64) -> Limit {
    let window_s = f64::from(rate.window_s) / time_scale;
    let nodes = f64::from(nodes);
    let limit = f64::from(rate.limit);
    Limit { per_s: nodes * limit / window_s, burst: nodes * limit, each: true }
}

fn nodes(tier: &Tier) -> u32 {
    tier.zones.values().map(|n| u32::from(*n)).sum::<u32>().max(1)
}

/// Operations of the stage's own users that a gateway or a front door refused while the flood ran, and until
/// what it used up is there again.
fn refused_others(case: &Case<'_>, fault: &FaultRecord<'_>) -> usize {
    let from = fault.injected_at.unwrap_or(Micros::MIN);
    let until = fault.healed_at.map_or(Micros::MAX, |healed| healed + REFILLED);
    let refused = |op: &&&Op| {
        ["403", "429"].contains(&op.detail.as_str()) && (from..until).contains(&op.intended)
    };
    case.history.ops.iter().filter(refused).count()
}
