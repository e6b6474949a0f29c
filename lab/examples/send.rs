//! Traffic against one address, for `scripts/bench load`: what `lab load` sends, without a lab.
//!
//! `send ADDRESS RATE SECONDS JOURNAL` writes every operation to the journal, as a run does, and says what came
//! of it in one line of JSON.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lab::journal::{Event, Writer};
use lab::load::{LoadConfig, start};
use lab::report::{Level, Ui};
use lab::spec::workload::{Plan, parse, shop};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let ui = Ui::terminal(Level::Normal, true);
    match run(&ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            ui.error(&e.to_string(), Some("send ADDRESS RATE SECONDS JOURNAL"));
            ExitCode::from(2)
        }
    }
}

fn run(ui: &Ui) -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, rate, seconds, journal] = words.as_slice() else {
        return Err("four words are needed".into());
    };
    let address: SocketAddr = address.parse()?;
    let config = LoadConfig {
        plan: Plan {
            seed: 1,
            rate_per_s: rate.parse()?,
            workload: Arc::new(parse(shop(), "shop.yaml")?),
            duration: Some(Duration::from_secs(seconds.parse()?)),
            ramp: Duration::ZERO,
            key_prefix: "bench".into(),
        },
        site: (&[address][..]).into(),
        name: None,
        timeout: Duration::from_secs(6),
        max_in_flight: None,
    };
    let mut writer = Writer::append(Path::new(journal))?;
    // The sink must not fail; what could not be written is missing in the file, which is counted.
    let sink = Box::new(move |event: Event| {
        if let Event::Op(op) | Event::Repeated(op) = &event {
            drop(writer.write(op.done, event.clone()));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let summary = runtime.block_on(async { start(config, sink)?.finished().await })?;
    let ms = |quantile| summary.histogram.value_at_quantile(quantile) as f64 / 1000.0;
    ui.json(&json!({
        "sent": summary.sent, "ok": summary.ok, "fail": summary.fail, "unknown": summary.unknown,
        "dropped": summary.dropped, "p50_ms": ms(0.5), "p99_ms": ms(0.99),
    }));
    Ok(())
}
