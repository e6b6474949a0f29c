//! Was service back in time, for good? The definition of RTO stands in [`crate::verify::recovery`].
//! And is the lab whole again: every node ready, standbys and replicas in sync, groups at their size?

use crate::journal::Micros;

use super::super::findings::{Check, Finding, Part, Rto};
use super::super::judge::Case;
use super::super::measure::Outage;
use super::super::recovery::Recovery;

pub(super) fn check(case: &Case<'_>) -> Finding {
    let service = service(case);
    match case.left_behind() {
        Some(why) => Finding::new(Check::Recovery, Part::Fail, format!("all is healed, and {why}"))
            .with([service.summary])
            .with(service.details),
        None => service,
    }
}

fn service(case: &Case<'_>) -> Finding {
    if case.outages.is_empty() {
        return if case.declared.is_empty() && !case.since_up {
            Finding::new(Check::Recovery, Part::Pass, "no fault to recover from")
        } else {
            let summary = "no fault was injected, so there is no recovery to measure";
            Finding::new(Check::Recovery, Part::Inconclusive, summary)
        };
    }
    let judged: Vec<(Part, String)> = case.outages.iter().map(|o| judge(&o.rto)).collect();
    let worst = judged
        .iter()
        .enumerate()
        .max_by_key(|(i, (part, _))| (*part, case.outages[*i].rto.worst.severity()));
    let (part, summary) = match worst {
        Some((i, (part, summary))) if case.outages.len() > 1 => {
            (*part, format!("{}: {summary}", case.outages[i].label()))
        }
        Some((_, (part, summary))) => (*part, summary.clone()),
        None => (Part::Inconclusive, String::new()),
    };
    let details = case.outages.iter().zip(&judged).flat_map(|(o, (_, s))| details(o, s));
    Finding::new(Check::Recovery, part, summary).with(details)
}

/// A recovery that was not seen is only a violation when traffic went on for as long as the
/// objective allows.
fn judge(rto: &Rto) -> (Part, String) {
    let objective = seconds(rto.objective);
    let against = |t: Micros| if t <= rto.objective { Part::Pass } else { Part::Fail };
    match rto.worst {
        Recovery::NotHit => (Part::Pass, "no operation noticed the fault".to_owned()),
        Recovery::Back(t) => {
            (against(t), format!("back after {} (objective {objective})", seconds(t)))
        }
        Recovery::Unproven(t) if against(t) == Part::Fail => {
            (Part::Fail, format!("not back within {} (objective {objective})", seconds(t)))
        }
        Recovery::Unproven(t) => (
            Part::Inconclusive,
            format!("looked back after {}, but traffic ended too soon to tell", seconds(t)),
        ),
        Recovery::NotBack(t) if against(t) == Part::Fail => {
            (Part::Fail, format!("not recovered within {} (objective {objective})", seconds(t)))
        }
        Recovery::NotBack(t) => (
            Part::Inconclusive,
            format!(
                "not recovered when traffic ended {} after the fault, before the objective of \
                 {objective} had passed: lengthen settle_ms",
                seconds(t)
            ),
        ),
        Recovery::NoTraffic => (Part::Inconclusive, "nothing was sent after the fault".to_owned()),
    }
}

fn details(outage: &Outage<'_>, summary: &str) -> Vec<String> {
    let rto = &outage.rto;
    let mut lines = vec![
        format!("{}: {summary}", outage.label()),
        format!("all operations: {}", words(rto.all)),
    ];
    lines.extend(rto.writes.map(|writes| format!("writes alone: {}", words(writes))));
    let parts = [("detect", rto.detect), ("recover", rto.recover), ("re-route", rto.reroute)];
    let known: Vec<String> = parts
        .iter()
        .filter_map(|(name, time)| time.map(|t| format!("{name} {}", seconds(t))))
        .collect();
    if !known.is_empty() {
        lines.push(known.join(", "));
    }
    lines
}

fn words(recovery: Recovery) -> String {
    match recovery {
        Recovery::NotHit => "not hit".to_owned(),
        Recovery::Back(t) => format!("back after {}", seconds(t)),
        Recovery::Unproven(t) => format!("looked back after {}", seconds(t)),
        Recovery::NotBack(t) => format!("not back after {}", seconds(t)),
        Recovery::NoTraffic => "none sent".to_owned(),
    }
}

fn seconds(us: Micros) -> String {
    format!("{:.2} s", us as f64 / 1e6)
}
