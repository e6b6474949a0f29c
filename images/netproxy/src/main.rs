//! The program `netproxy`; its arguments are those of `toxiproxy-server`.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use json_lines::JsonLines;
use netproxy::{Collection, ProxyInput, router};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A network proxy between tiers that can be slow, cut or reset on request; speaks Toxiproxy's API.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address of the API
    #[arg(long, default_value = "localhost")]
    host: String,
    /// Port of the API
    #[arg(long, default_value_t = 8474)]
    port: u16,
    /// JSON file with the proxies to begin with: a list of {name, listen, upstream, enabled}
    #[arg(long)]
    config: Option<PathBuf>,
    /// Longest wait for a connection to an upstream
    #[arg(long, default_value_t = 500)]
    connect_timeout_ms: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .event_format(JsonLines::of_this_node())
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(run(args));
            // A look-up of a name may still be under way in a thread: nobody waits for its answer.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGTERM or SIGINT, which end connections at once.
async fn run(args: Args) -> Result<(), String> {
    // Before anything else: as process 1, signals without a handler are ignored.
    let mut terminate = signal(SignalKind::terminate()).map_err(text)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(text)?;
    let collection = Arc::new(Collection::new(Duration::from_millis(args.connect_timeout_ms)));
    // The proxies come first: once the API answers, they are there.
    if let Some(path) = &args.config {
        let (_, problem) = collection.populate(&read(path)?).await;
        if let Some(problem) = problem {
            return Err(format!("{}: {problem}; correct the file", path.display()));
        }
    }
    let address = format!("{}:{}", args.host, args.port);
    let listener = TcpListener::bind(&address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; set --host and --port to another address")
    })?;
    tracing::info!(address = %listener.local_addr().map_err(text)?, "listening");
    tokio::select! {
        served = axum::serve(listener, router(collection)) => served.map_err(text),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<ProxyInput>, String> {
    let wrong = |problem: &dyn Display| {
        let form = "a JSON list of {name, listen, upstream, enabled} is needed";
        format!("cannot use the configuration {}: {problem}; {form}", path.display())
    };
    let bytes = std::fs::read(path).map_err(|e| wrong(&e))?;
    serde_json::from_slice(&bytes).map_err(|e| wrong(&e))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
