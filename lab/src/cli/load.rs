//! `lab load`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::args::LoadArgs;
use super::interrupt::Interrupt;
use super::{CliError, Format, Global};
use crate::load::{self, LoadConfig, Summary};
use crate::report::Ui;
use crate::report::listing::Column::Value;
use crate::report::listing::{WIDTH, plain};
use crate::run::{self, RunningLab};
use crate::spec::workload::Plan;

/// How often the live view is shown.
const VIEW_EVERY: Duration = Duration::from_secs(1);

/// Sends traffic and shows what came of it.
pub async fn run(global: &Global, args: &LoadArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let lab = RunningLab::require(&engine).await?;
    let traffic = &lab.stage.traffic;
    let rate = args.rate.unwrap_or(traffic.rate_per_s);
    let plan = Plan {
        seed: args.seed,
        rate_per_s: rate,
        workload: Arc::new(lab.stage.workload()),
        duration: Some(args.duration),
        ramp: Duration::ZERO,
        key_prefix: format!("load-{:x}", run::now()),
    };
    let timeout = Duration::from_millis(traffic.timeout_ms);
    let (site, name) = (lab.site(), lab.entry_name());
    let config = LoadConfig { plan, site, name, timeout, max_in_flight: None };
    ui.step(&format!("{rate} requests/s for {:.0} s", args.duration.as_secs_f64()));
    let mut interrupt = Interrupt::listen()?;
    let handle = load::start(config, Box::new(drop))?;
    watch(&handle, args.duration, &mut interrupt, ui).await;
    let summary = handle.stop().await?;
    match args.format {
        Format::Json => ui.json(&as_json(&summary)),
        Format::Text => ui.result(&as_text(&summary)),
    }
    Ok(0)
}

/// Says every second what goes on, until the time is over or Ctrl-C comes.
async fn watch(handle: &load::LoadHandle, duration: Duration, interrupt: &mut Interrupt, ui: &Ui) {
    let end = Instant::now() + duration;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::select! {
            () = tokio::time::sleep(left.min(VIEW_EVERY)) => {}
            _ = interrupt.come() => return,
        }
        if left.is_zero() {
            return;
        }
        let live = handle.live();
        let ms = |d: Option<Duration>| d.map_or(0.0, |d| d.as_secs_f64() * 1000.0);
        ui.now(&format!(
            "{}/s, {:.1}% good, p50 {:.1} ms, p99 {:.1} ms, {} under way, {:.0} s left",
            live.rate_per_s,
            live.success_share.unwrap_or(0.0) * 100.0,
            ms(live.p50),
            ms(live.p99),
            live.in_flight,
            left.as_secs_f64()
        ));
    }
}

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

fn as_text(s: &Summary) -> String {
    let latency = QUANTILES
        .map(|(_, q)| format!("{:.1} ms", s.histogram.value_at_quantile(q) as f64 / 1000.0));
    format!(
        "{} requests: {} ok, {} failed, {} dropped by the generator, {} unknown; {} sent again\n\
         latency from the intended start:\n\n{}",
        s.sent,
        s.ok,
        s.fail,
        s.dropped,
        s.unknown,
        s.repeated,
        plain(&QUANTILES.map(|(name, _)| Value(name)), [latency.to_vec()], WIDTH)
    )
}

fn as_json(s: &Summary) -> serde_json::Value {
    let latency: serde_json::Map<_, _> = QUANTILES
        .iter()
        .map(|(name, q)| {
            ((*name).to_owned(), json!(s.histogram.value_at_quantile(*q) as f64 / 1000.0))
        })
        .collect();
    json!({
        "sent": s.sent, "ok": s.ok, "fail": s.fail, "unknown": s.unknown, "dropped": s.dropped,
        "repeated": s.repeated, "latency_ms": latency,
    })
}
