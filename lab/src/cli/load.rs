//! `lab load`.

use std::time::{Duration, Instant};

use serde_json::json;

use super::args::LoadArgs;
use super::{CliError, Format, Global};
use crate::engine::Engine;
use crate::load::{self, LoadConfig, Summary};
use crate::report::Ui;
use crate::run::RunningLab;

/// How often the live view is shown.
const VIEW_EVERY: Duration = Duration::from_secs(1);

/// Sends traffic and shows what came of it.
pub async fn run(global: &Global, args: &LoadArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = Engine::connect(&global.lab).await?;
    let lab = RunningLab::require(&engine).await?;
    let traffic = &lab.stage.traffic;
    let rate = args.rate.unwrap_or(traffic.rate_per_s);
    let config = LoadConfig {
        targets: lab.entry(),
        rate_per_s: f64::from(rate),
        read_percent: traffic.read_percent,
        seed: args.seed,
        key_prefix: format!("load-{:x}-", crate::run::now()),
        timeout: Duration::from_millis(traffic.timeout_ms),
        duration: Some(args.duration),
    };
    ui.step(&format!("{rate} requests/s for {:.0} s", args.duration.as_secs_f64()));
    let handle = load::start(config, |_| {});
    watch(&handle, args.duration, ui).await;
    let summary = handle.stop().await;
    match args.format {
        Format::Json => ui.json(&as_json(&summary)),
        Format::Text => ui.result(&as_text(&summary)),
    }
    Ok(0)
}

/// One line a second until the time is over or Ctrl-C comes.
async fn watch(handle: &load::LoadHandle, duration: Duration, ui: &Ui) {
    let end = Instant::now() + duration;
    let mut before = handle.snapshot();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::select! {
            () = tokio::time::sleep(left.min(VIEW_EVERY)) => {}
            _ = tokio::signal::ctrl_c() => return,
        }
        if left.is_zero() {
            return;
        }
        let after = handle.snapshot();
        let ok = after.ok - before.ok;
        let all = after.sent - before.sent;
        ui.step(&format!(
            "{all} answered, {:.1}% good, p99 so far {:.1} ms",
            ok as f64 * 100.0 / all.max(1) as f64,
            after.latency.value_at_quantile(0.99) as f64 / 1000.0
        ));
        before = after;
    }
}

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

fn as_text(s: &Summary) -> String {
    let mut text = format!(
        "{} requests: {} ok, {} failed ({} dropped by the generator), {} unknown\n\
         latency from the intended start:",
        s.sent, s.ok, s.fail, s.dropped, s.unknown
    );
    for (name, q) in QUANTILES {
        text += &format!("  {name} {:.1} ms", s.latency.value_at_quantile(q) as f64 / 1000.0);
    }
    text
}

fn as_json(s: &Summary) -> serde_json::Value {
    let latency: serde_json::Map<_, _> = QUANTILES
        .iter()
        .map(|(name, q)| {
            ((*name).to_owned(), json!(s.latency.value_at_quantile(*q) as f64 / 1000.0))
        })
        .collect();
    json!({
        "sent": s.sent, "ok": s.ok, "fail": s.fail, "unknown": s.unknown, "dropped": s.dropped,
        "latency_ms": latency,
    })
}
