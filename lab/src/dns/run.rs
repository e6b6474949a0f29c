//! Puts it into effect: the checkers, the backend's socket, PowerDNS itself.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::backend::reply;
use super::checker::{self, Checked};
use super::config::DnsConfig;
use super::error::DnsError;
use super::health::Opinions;
use super::view::{self, Shared};

/// The backend's socket within the folder.
pub const SOCKET: &str = "backend.sock";
/// Longest wait for PowerDNS to end.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a name server until SIGTERM.
///
/// # Errors
/// The configuration cannot be used, PowerDNS does not start or died, or a port is taken.
pub async fn run(config: &Path) -> Result<(), DnsError> {
    let config = DnsConfig::load(config)?;
    let mut term = signal(SignalKind::terminate()).map_err(DnsError::Server)?;
    run_until(config, async move {
        term.recv().await;
    })
    .await
}

/// The same until `end` is ready.
///
/// # Errors
/// As for [`run`].
pub async fn run_until(config: DnsConfig, end: impl Future<Output = ()>) -> Result<(), DnsError> {
    let socket = config.folder.join(SOCKET);
    let file = |source| DnsError::File { path: socket.clone(), source };
    std::fs::create_dir_all(&config.folder).map_err(file)?;
    // A node that was killed has left it behind.
    match std::fs::remove_file(&socket) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(file(e)),
        _ => {}
    }
    let backend = UnixListener::bind(&socket).map_err(file)?;
    let port = config.status_port;
    let status = TcpListener::bind(("0.0.0.0", port))
        .await
        .map_err(|source| DnsError::Listen { port, source })?;
    let mut server = start(&config.command)?;

    let (targets, check) = (config.targets.len(), &config.check);
    let opinions = Opinions::new(targets, check.checkers, check.threshold);
    let opinions = Arc::new(Mutex::new(opinions));
    let (sender, results) = mpsc::channel(64);
    let _checkers = checker::start(check, &config.targets, &sender);
    let shared = Shared { config: Arc::new(config), opinions };
    let mut beside = JoinSet::new();
    beside.spawn(think(results, shared.clone()));
    beside.spawn(serve(backend, shared.clone()));
    beside.spawn(view::serve(status, shared));
    tokio::select! {
        status = server.wait() => Err(DnsError::Died(status.map_err(DnsError::Server)?)),
        () = end => end_server(server).await,
    }
}

fn start(command: &[String]) -> Result<Child, DnsError> {
    let (program, arguments) =
        command.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
    Command::new(program).args(arguments).kill_on_drop(true).spawn().map_err(DnsError::Server)
}

async fn end_server(mut server: Child) -> Result<(), DnsError> {
    if let Some(pid) = server.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        kill_process(pid, Signal::TERM).map_err(|e| DnsError::Server(e.into()))?;
    }
    match timeout(GRACE, server.wait()).await {
        Ok(ended) => ended.map(drop).map_err(DnsError::Server),
        Err(_) => server.kill().await.map_err(DnsError::Server),
    }
}

/// Takes note of what the checkers find.
async fn think(mut results: mpsc::Receiver<Checked>, shared: Shared) {
    while let Some((target, checker, result)) = results.recv().await {
        let mut opinions = shared.opinions.lock().unwrap_or_else(PoisonError::into_inner);
        if opinions.observe(target, checker, result.is_ok()) {
            let name = shared.config.targets.get(target).map_or("", |t| t.name.as_str());
            let (agreeing, all) = opinions.agreeing(target);
            let healthy = opinions.is_healthy(target);
            let why = result.err().unwrap_or_else(|| "ok".into());
            tracing::info!(name, healthy, agreeing, all, why, "a target's health changed");
        }
    }
}

/// Answers PowerDNS, each of whose threads has a connection of its own.
async fn serve(backend: UnixListener, shared: Shared) {
    let mut connections = JoinSet::new();
    let draw = Arc::new(AtomicU64::new(0));
    while let Ok((stream, _)) = backend.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(converse(stream, shared.clone(), Arc::clone(&draw)));
    }
}

/// One question in each line, and one answer. Ends with the connection.
async fn converse(stream: UnixStream, shared: Shared, draw: Arc<AtomicU64>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let question: Value = serde_json::from_str(&line).unwrap_or_default();
        let draw = draw.fetch_add(1, Ordering::Relaxed);
        let answer = format!("{}\n", reply(&shared.config, &shared.healthy(), draw, &question));
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
