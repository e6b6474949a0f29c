//! Many connections to a database, opened by this process and held until the heal. When the process
//! ends, however it ends, they are gone.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Effect, Proof};
use crate::kinds::{self, DATABASE};
use crate::spec::model::Name;

/// Longest wait for one connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Pause of a client that was refused, before it tries again: a storm does not give up.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// The clients of a storm; they end when it is dropped.
#[derive(Debug)]
pub(in crate::chaos) struct Storm {
    node: Name,
    tally: Arc<Tally>,
    _clients: JoinSet<()>,
}

/// How it fares; read when the fault is confirmed.
#[derive(Debug, Default)]
struct Tally {
    held: AtomicU32,
    refused: AtomicU32,
}

/// Opens the connections.
pub(super) fn start(
    e: &Effect<'_>,
    addresses: &[SocketAddrV4],
    connections: u16,
    (user, database): (&str, &str),
) -> Storm {
    let settings: Vec<tokio_postgres::Config> = addresses
        .iter()
        .map(|address| {
            let mut settings = tokio_postgres::Config::new();
            settings
                .host(address.ip().to_string())
                .port(address.port())
                .user(user)
                .dbname(database)
                .password(kinds::password(e.injector.secret, DATABASE))
                .application_name("connection-storm")
                .connect_timeout(CONNECT_WITHIN);
            settings
        })
        .collect();
    let tally = Arc::new(Tally::default());
    let mut clients = JoinSet::new();
    for first in 0..usize::from(connections) {
        clients.spawn(client(settings.clone(), first, Arc::clone(&tally)));
    }
    Storm { node: e.act.node().clone(), tally, _clients: clients }
}

/// Every client has got its connection or a refusal.
pub(super) fn confirm<'a>(
    e: &Effect<'_>,
    connections: u16,
    mut storms: impl Iterator<Item = &'a Storm>,
) -> Proof {
    let node = e.act.node();
    let Some(storm) = storms.find(|s| s.node == *node) else {
        return Err(format!("no connection to {node} was tried"));
    };
    let open = storm.tally.held.load(Ordering::Relaxed);
    let refused = storm.tally.refused.load(Ordering::Relaxed);
    if open + refused < u32::from(connections) {
        return Err(format!("{node}: {open} of {connections} connections open, {refused} refused"));
    }
    Ok(format!("{node}: {open} of {connections} connections held, {refused} refusals so far"))
}

/// One client: it holds its connection, and goes on to the next address when it is refused or
/// thrown out.
async fn client(settings: Vec<tokio_postgres::Config>, first: usize, tally: Arc<Tally>) {
    for settings in settings.iter().cycle().skip(first % settings.len().max(1)) {
        let connecting = settings.connect(tokio_postgres::NoTls);
        if let Ok(Ok((_client, connection))) = timeout(CONNECT_WITHIN, connecting).await {
            tally.held.fetch_add(1, Ordering::Relaxed);
            drop(connection.await);
            tally.held.fetch_sub(1, Ordering::Relaxed);
        } else {
            tally.refused.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
