//! `results.json`: the findings of a run in a stable, documented shape.
//!
//! Fields are only ever added within one [`SCHEMA_VERSION`]. Times are milliseconds (fractions
//! allowed) in fields that end in `_ms`, and microseconds since the Unix epoch in those that end in
//! `_at_us`; shares are percent. `null` means that there was nothing to measure.
//!
//! ```text
//! schema_version  1
//! run, stage, title, users, seed, version, quick, started_at_us, complete
//! traffic         { rate_per_s, derived_peak_per_s, share_of_peak_percent, time_scale }
//! standing        as-expected | inconclusive | mismatch
//! exit_code       0 | 1 | 3
//! experiments[]
//!   name, expected (survives | breaks), why, verdict (survived | broke | inconclusive), standing
//!   reasons[]     sentences
//!   objectives    { availability_percent, p99_ms, rto_ms, rpo_writes, staleness_ms | null }
//!   measured      { availability_percent, operations, p50_ms, p99_ms, p999_ms, rto, rpo,
//!                   ops { kind: { ok, fail, unknown } }, drops, longest_outage_ms }
//!     rto         { state, after_ms, all, writes, detect_ms, recover_ms, reroute_ms } | null
//!                 state: not-hit | back | unproven | not-back | no-traffic; all and writes are
//!                 { state, after_ms }
//!     rpo         { lost, oldest_ms } | null; oldest_ms counts back from the fault
//!   faults[]      { id, fault, nodes[], injected_at_us, healed_at_us, evidence, heal_evidence }
//!   findings[]    { check, part (pass | inconclusive | fail), summary, details[], predates_fault }
//!   service_maps[]  { phase (steady | fault), from_us, to_us, sample_percent, spans,
//!                   services[] { name, per_s, … }, calls[] { from, to, per_s, … } }, each with
//!                   count and errors of the sample, error_percent, p50_ms, p99_ms
//!   earlier_tries[]  { reasons[], started_at_us, ended_at_us }: inconclusive, and tried once more
//!   started_at_us, ended_at_us
//! ```

use serde_json::{Map, Value, json};

use super::units::share_of;
use crate::journal::{Mapped, Micros, Traffic};
use crate::spec::model::Expectation;
use crate::verify::findings::Rto;
use crate::verify::recovery::Recovery;
use crate::verify::{EarlierTry, ExperimentFindings, FaultFinding, Finding, Measured, RunFindings};

/// Version of the shape; raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole of `results.json`.
pub fn results_json(run: &RunFindings) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "run": run.run,
        "stage": run.stage,
        "title": run.title,
        "users": run.users,
        "seed": run.seed,
        "version": run.version,
        "quick": run.quick,
        "started_at_us": run.started_at,
        "complete": run.complete,
        "traffic": {
            "rate_per_s": run.rate_per_s,
            "derived_peak_per_s": run.derived_peak_per_s,
            "share_of_peak_percent": share_of(run.rate_per_s, run.derived_peak_per_s),
            "time_scale": run.time_scale,
        },
        "standing": run.standing().as_str(),
        "exit_code": run.exit_code(),
        "experiments": run.experiments.iter().map(experiment).collect::<Vec<_>>(),
    })
}

fn experiment(e: &ExperimentFindings) -> Value {
    let expected = match e.expectation {
        Expectation::Survives => "survives",
        Expectation::Breaks => "breaks",
    };
    json!({
        "name": e.name,
        "expected": expected,
        "why": e.why,
        "verdict": e.verdict.as_str(),
        "standing": e.standing.as_str(),
        "reasons": e.reasons,
        "objectives": {
            "availability_percent": e.objectives.availability_percent,
            "p99_ms": e.objectives.p99_ms,
            "rto_ms": e.objectives.rto_ms,
            "rpo_writes": e.objectives.rpo_writes,
            "staleness_ms": e.objectives.staleness_ms,
        },
        "measured": measured(&e.measured),
        "faults": e.faults.iter().map(fault).collect::<Vec<_>>(),
        "findings": e.findings.iter().map(finding).collect::<Vec<_>>(),
        "service_maps": e.maps.iter().map(service_map).collect::<Vec<_>>(),
        "earlier_tries": e.earlier.iter().map(earlier_try).collect::<Vec<_>>(),
        "started_at_us": e.started_at,
        "ended_at_us": e.ended_at,
    })
}

fn earlier_try(earlier: &EarlierTry) -> Value {
    json!({
        "reasons": earlier.reasons,
        "started_at_us": earlier.started_at,
        "ended_at_us": earlier.ended_at,
    })
}

fn service_map(mapped: &Mapped) -> Value {
    let map = &mapped.map;
    let numbers = |t: &Traffic| {
        json!({
            "per_s": map.per_s(t),
            "count": t.count,
            "errors": t.errors,
            "error_percent": t.error_percent(),
            "p50_ms": t.p50_us as f64 / 1000.0,
            "p99_ms": t.p99_us as f64 / 1000.0,
        })
    };
    let services = map.services.iter().map(|service| {
        let mut value = numbers(&service.traffic);
        value["name"] = json!(service.name);
        value
    });
    let calls = map.calls.iter().map(|calls| {
        let mut value = numbers(&calls.traffic);
        value["from"] = json!(calls.from);
        value["to"] = json!(calls.to);
        value
    });
    json!({
        "phase": mapped.phase,
        "from_us": map.from,
        "to_us": map.to,
        "sample_percent": map.sample_percent,
        "spans": map.spans,
        "services": services.collect::<Vec<_>>(),
        "calls": calls.collect::<Vec<_>>(),
    })
}

fn measured(m: &Measured) -> Value {
    let quantile = |pick: fn(&crate::verify::findings::Quantiles) -> u64| {
        m.latency.as_ref().map(|q| pick(q) as f64 / 1000.0)
    };
    let ops: Map<String, Value> = m
        .ops
        .iter()
        .map(|(kind, c)| {
            let counts = json!({ "ok": c.ok, "fail": c.fail, "unknown": c.unknown });
            (kind.as_str().to_owned(), counts)
        })
        .collect();
    let rpo = m
        .lost
        .as_ref()
        .map(|lost| json!({ "lost": lost.count, "oldest_ms": lost.oldest_age.map(ms) }));
    json!({
        "availability_percent": m.availability_percent,
        "operations": m.total().total(),
        "p50_ms": quantile(|q| q.p50),
        "p99_ms": quantile(|q| q.p99),
        "p999_ms": quantile(|q| q.p999),
        "rto": m.rto.as_ref().map(rto),
        "rpo": rpo,
        "ops": ops,
        "drops": m.drops,
        "longest_outage_ms": ms(m.longest_outage),
    })
}

fn rto(rto: &Rto) -> Value {
    let (state, after_ms) = recovery(rto.worst);
    let of = |r: Recovery| {
        let (state, after_ms) = recovery(r);
        json!({ "state": state, "after_ms": after_ms })
    };
    json!({
        "state": state,
        "after_ms": after_ms,
        "all": of(rto.all),
        "writes": rto.writes.map(of),
        "detect_ms": rto.detect.map(ms),
        "recover_ms": rto.recover.map(ms),
        "reroute_ms": rto.reroute.map(ms),
    })
}

fn recovery(recovery: Recovery) -> (&'static str, Option<f64>) {
    match recovery {
        Recovery::NotHit => ("not-hit", Some(0.0)),
        Recovery::Back(t) => ("back", Some(ms(t))),
        Recovery::Unproven(t) => ("unproven", Some(ms(t))),
        Recovery::NotBack(t) => ("not-back", Some(ms(t))),
        Recovery::NoTraffic => ("no-traffic", None),
    }
}

fn fault(f: &FaultFinding) -> Value {
    json!({
        "id": f.id,
        "fault": f.fault,
        "nodes": f.nodes,
        "injected_at_us": f.injected_at,
        "healed_at_us": f.healed_at,
        "evidence": f.evidence,
        "heal_evidence": f.heal_evidence,
    })
}

fn finding(f: &Finding) -> Value {
    json!({
        "check": f.check.as_str(),
        "part": f.part.as_str(),
        "summary": f.summary,
        "details": f.details,
        "predates_fault": f.predates_fault,
    })
}

fn ms(us: Micros) -> f64 {
    us as f64 / 1000.0
}
