//! The connection to the cache's primary. It is found in the background, so that no request waits
//! for a fail-over: without a connection the cache is simply out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, RedisError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::breaker::Breaker;
use super::sentinel::{address, majority};
use crate::config::{Cache as Settings, CacheServers};
use crate::trace;

/// Longest wait for a connection or for a Sentinel.
const PATIENCE: Duration = Duration::from_millis(200);

/// Time between two searches, and between two looks whether the Sentinels have chosen another.
const SEARCH_PACE: Duration = Duration::from_millis(50);
const CHECK_PACE: Duration = Duration::from_millis(1000);

/// The cache cannot be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out;

#[derive(Clone)]
struct Current {
    addr: SocketAddr,
    number: u64,
    conn: MultiplexedConnection,
}

/// The way to the cache.
pub struct Link {
    current: watch::Sender<Option<Current>>,
    /// Opens when commands are not answered.
    pub breaker: Breaker,
    timeout: Duration,
    errors: AtomicU64,
    connects: AtomicU64,
}

impl Link {
    /// A link, and the task that keeps it connected.
    pub fn start(settings: Settings) -> Arc<Self> {
        let link = Arc::new(Self {
            current: watch::Sender::new(None),
            breaker: Breaker::new(settings.circuit_breaker),
            timeout: settings.timeout,
            errors: AtomicU64::new(0),
            connects: AtomicU64::new(0),
        });
        tokio::spawn(keep(Arc::clone(&link), settings));
        link
    }

    /// Commands that failed, and connections made.
    pub fn counts(&self) -> (u64, u64) {
        (self.errors.load(Ordering::Relaxed), self.connects.load(Ordering::Relaxed))
    }

    /// Whether there is a connection.
    pub fn is_up(&self) -> bool {
        self.current.borrow().is_some()
    }

    /// Runs one command.
    ///
    /// # Errors
    /// It was not answered in time, or there is no primary to ask.
    pub async fn run<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Out> {
        let Some(Current { number, mut conn, .. }) = self.current.borrow().clone() else {
            return Err(Out);
        };
        if !self.breaker.allows(Instant::now()) {
            return Err(Out);
        }
        let mut call = trace::call("cache", || name_of(command));
        call.note("db.system.name", "redis");
        let asked = tokio::time::timeout(self.timeout, command.query_async(&mut conn)).await;
        if let Err(_) | Ok(Err(_)) = &asked {
            call.failed(|| "not answered".to_owned());
        }
        drop(call);
        self.breaker.record(Instant::now(), !matches!(&asked, Err(_) | Ok(Err(_))));
        match asked {
            Ok(Ok(value)) => Ok(value),
            // Slow is not gone: the breaker counts it.
            Err(_) => Err(self.failed("no answer in time")),
            Ok(Err(error)) if error.is_timeout() => Err(self.failed("no answer in time")),
            Ok(Err(error)) => {
                self.lose(number, &error);
                Err(self.failed("connection lost"))
            }
        }
    }

    fn failed(&self, why: &str) -> Out {
        self.errors.fetch_add(1, Ordering::Relaxed);
        tracing::debug!("cache: {why}");
        Out
    }

    /// Gives up a connection that broke, or whose server is no primary any more.
    fn lose(&self, number: u64, error: &RedisError) {
        let lost = self.current.send_if_modified(|current| {
            let same = current.as_ref().is_some_and(|c| c.number == number);
            if same {
                *current = None;
            }
            same
        });
        if lost {
            tracing::warn!(%error, "cache: primary lost");
        }
    }

    fn take(&self, addr: SocketAddr, conn: MultiplexedConnection) {
        let number = self.connects.fetch_add(1, Ordering::Relaxed) + 1;
        self.current.send_replace(Some(Current { addr, number, conn }));
        // What failed before was another connection.
        self.breaker.record(Instant::now(), true);
        tracing::info!(%addr, "cache: primary found");
    }
}

/// The command itself, without what it is about.
fn name_of(command: &redis::Cmd) -> String {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => "command".to_owned(),
    }
}

async fn keep(link: Arc<Link>, settings: Settings) {
    let mut current = link.current.subscribe();
    loop {
        let known = current.borrow_and_update().as_ref().map(|c| c.addr);
        if let Some((addr, conn)) = find(&settings, known).await {
            link.take(addr, conn);
        }
        if link.is_up() {
            let lost = current.wait_for(Option::is_none);
            let _ = tokio::time::timeout(CHECK_PACE, lost).await;
        } else {
            tokio::time::sleep(SEARCH_PACE).await;
        }
    }
}

/// A connection to the primary, when it is not the `known` one.
async fn find(
    settings: &Settings,
    known: Option<SocketAddr>,
) -> Option<(SocketAddr, MultiplexedConnection)> {
    let candidates = match &settings.servers {
        CacheServers::Fixed(_) if known.is_some() => return None,
        CacheServers::Fixed(hosts) => hosts.clone(),
        CacheServers::Sentinels(sentinels, name) => {
            let asked = sentinels.iter().map(|addr| ask_sentinel(*addr, name));
            vec![majority(&join_all(asked).await)?]
        }
    };
    let new = candidates.into_iter().filter(|addr| known != Some(*addr));
    let opened = join_all(new.map(|addr| open_primary(addr, &settings.password))).await;
    opened.into_iter().flatten().next()
}

async fn ask_sentinel(addr: SocketAddr, name: &str) -> Option<SocketAddr> {
    let asked = async {
        let mut conn = open(addr, "").await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        command.query_async::<Option<Vec<String>>>(&mut conn).await.ok()?
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok()??;
    address(&answer)
}

/// Connects, and makes sure that it is the primary: a Sentinel may not know yet.
async fn open_primary(
    addr: SocketAddr,
    password: &str,
) -> Option<(SocketAddr, MultiplexedConnection)> {
    let opened = async {
        let mut conn = open(addr, password).await?;
        let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(&mut conn).await.ok()?;
        let role: String = redis::from_redis_value(role.into_iter().next()?).ok()?;
        (role == "master").then_some((addr, conn))
    };
    tokio::time::timeout(PATIENCE, opened).await.ok()?
}

async fn open(addr: SocketAddr, password: &str) -> Option<MultiplexedConnection> {
    let target = ConnectionAddr::Tcp(addr.ip().to_string(), addr.port());
    let mut info = redis::IntoConnectionInfo::into_connection_info(target).ok()?;
    let mut login = info.redis_settings().clone().set_skip_set_lib_name();
    if !password.is_empty() {
        login = login.set_password(password);
    }
    info = info.set_redis_settings(login);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        // Each command has a shorter time of its own.
        .set_response_timeout(None);
    let client = Client::open(info).ok()?;
    client.get_multiplexed_async_connection_with_config(&config).await.ok()
}
